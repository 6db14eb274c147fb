# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine has written down of a signer that goes from one machine to another: each step before it is done, so that it is done again after a cut."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass, fields

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import document, files
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, Refused

from .host import Machine
from .place import Place

SENT, RETIRED = "sent", "retired"
"""Of the old machine: its lnd has stopped for good, and what it had may be with the new one; what it had is removed."""
TAKING, TAKEN = "taking", "taken"
"""Of the new machine: the package is being laid down, and no lnd has seen it; all of it is here, and this machine signs."""


@dataclass(frozen=True)
class Record:
    """How far it is.

    Attributes:
        state: one of those above.
        number: of this handing-over, random; the same in every package of it.
        node_id: of the signer.
        lnd_version: of the lnd that the old machine ran.
        receipt: what only a machine that has opened the package knows.
        recipient: the public key to which the package goes.
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
    """What is written down, if anything is.

    Raises:
        InvalidInput: it is not whole; nothing of ours leaves it so.
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
    return InvalidInput(f"{place.upgrade} is not what signer-upgrade writes", "Bring your seed to a new machine: signer-init --bring-seed")


def write(host: Machine, record: Record) -> None:
    """Bring it to the disk."""
    host.folder(host.place.desk, None, 0o700)
    files.write_file(str(host.place.upgrade), json.dumps(asdict(record), indent=2).encode() + b"\n")


def forget(host: Machine) -> None:
    """There is no handing-over any more."""
    host.place.upgrade.unlink(missing_ok=True)
    files.sync_folder(str(host.place.desk))


def check(host: Machine) -> None:
    """Refuse to set up a signer that has gone elsewhere, or of which a part is here.

    Raises:
        Refused: with what is to be done.
    """
    record = read(host.place)
    if record is not None and record.state in _REFUSED:
        raise Refused(*_REFUSED[record.state])


NOT_TAKEN = "the new machine has not taken it and never will"
"""What a tenant writes to take the old machine back into service."""

BACK = f"signer-upgrade resume '{NOT_TAKEN}'"

_REFUSED: t.Mapping[str, tuple[str, str]] = {
    SENT: (
        "This signer was handed over to another machine, and stays stopped. Nothing was changed",
        f"To take it back into service: {BACK}",
    ),
    RETIRED: ("This signer was handed over to another machine, and what it had is removed. Nothing was changed", "End this machine"),
    TAKING: ("A signer is being handed over to this machine. Nothing was changed", "Go on with it: signer-upgrade take < package"),
}
