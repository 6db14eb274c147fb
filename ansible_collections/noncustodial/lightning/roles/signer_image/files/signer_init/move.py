# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a signer's move from one machine to another. Each step is recorded before it is done, so that it is
repeated after an interruption.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass, fields

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document, files
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused

from .host import Machine
from .place import Place

SENT, RETIRED = "sent", "retired"
"""States of the old machine: its lnd has stopped for good, and the new machine may have the signer; the signer's files
are removed.
"""
TAKING, TAKEN = "taking", "taken"
"""States of the new machine: the package's files are being written, and no lnd has seen them; all of them are here, and
this machine signs.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The state of a move.

    Attributes:
        state: one of those above.
        number: random number of this move; the same in every package of it.
        node_id: id of the signer's node.
        lnd_version: version of the lnd that the old machine ran.
        receipt: random text that is in the package, so that a new machine knows it only after it has opened the
            package.
        recipient: the public key to which the package is encrypted.
        package: SHA-256 of the package that was taken; empty on the old machine.
    """

    state: str
    number: str
    node_id: str
    lnd_version: str
    receipt: str
    recipient: str
    package: str = ""


def read(place: Place) -> Record | None:
    """Return the record, or None if there is none.

    Raises:
        InvalidInput: it is damaged; no program of ours leaves it so.
    """
    if not place.upgrade.exists():
        return None
    try:
        found = document.read(files.read_file(str(place.upgrade), "the record of the upgrade"))
    except document.NotJson as error:
        raise _damaged(place) from error
    if not isinstance(found, dict) or set(found) != {field.name for field in fields(Record)}:
        raise _damaged(place)
    return Record(**found)


def _damaged(place: Place) -> InvalidInput:
    return InvalidInput(
        f"{place.upgrade} is not what signer-upgrade writes",
        "Bring your seed to a new machine: signer-init --bring-seed",
    )


def write(host: Machine, record: Record) -> None:
    """Write the record to the disk."""
    host.folder(host.place.desk, None, 0o700)
    files.write_file(str(host.place.upgrade), json.dumps(asdict(record), indent=2).encode() + b"\n")


def forget(host: Machine) -> None:
    """Remove the record: the move is over or was undone."""
    host.place.upgrade.unlink(missing_ok=True)
    files.sync_folder(str(host.place.desk))


def check(host: Machine) -> None:
    """Refuse to set up a signer that has moved to another machine, or of which only a part is here.

    Raises:
        Refused: the message names the next step.
    """
    record = read(host.place)
    if record is not None and record.state in _REFUSED_STATES:
        raise Refused(*_REFUSED_STATES[record.state])


NOT_TAKEN_SENTENCE = "the new machine has not taken it and never will"
"""The sentence that a tenant writes to take the old machine back into service."""

RESUME_COMMAND = f"signer-upgrade resume '{NOT_TAKEN_SENTENCE}'"

_REFUSED_STATES: t.Mapping[str, tuple[str, str]] = {
    SENT: (
        "This signer was moved to another machine, and stays stopped. Nothing was changed",
        f"To take it back into service: {RESUME_COMMAND}",
    ),
    RETIRED: (
        "This signer was moved to another machine, and what it had is removed. Nothing was changed",
        "End this machine",
    ),
    TAKING: (
        "A signer is being moved to this machine. Nothing was changed",
        "Go on with it: signer-upgrade take < package",
    ),
}
