# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key to which a package is encrypted: made on the new machine, sealed to it until the package is taken, and then
deleted.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, field

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import files, program
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput

from .host import Machine

_NAME = "signer-upgrade.key"
_IDENTITY = re.compile(r"^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]+$", re.MULTILINE)
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")


@dataclass(frozen=True)
class Key:
    """A key of age for one package.

    Attributes:
        identity: its private half.
        recipient: its public half.
        without_tpm: the sentence that the tenant has written if this machine has no TPM, or empty.
    """

    identity: str = field(repr=False)
    recipient: str
    without_tpm: str


def read(host: Machine) -> Key | None:
    """Return the key, or None if there is none.

    Raises:
        InvalidInput: it was sealed on another machine: this is a copy of a disk.
    """
    if not host.place.one_time_key.exists():
        return None
    return Key(**json.loads(host.unseal(host.place.one_time_key, _NAME, "one-time key")))


def make(host: Machine, without_tpm: str) -> Key:
    """Make a key, seal it and return it."""
    made = _run("age-keygen").decode()
    found = _IDENTITY.search(made)
    if found is None:
        raise InvalidInput("age-keygen has made no key", "Run it by hand, and see its output")
    key = Key(found[0], _run("age-keygen", "-y", data=f"{found[0]}\n".encode()).decode().strip(), without_tpm)
    host.seal(host.place.one_time_key, _NAME, json.dumps(asdict(key)).encode())
    return key


def forget(host: Machine) -> None:
    """Delete the key, so that nothing that was encrypted to it can be read any more."""
    if host.place.one_time_key.exists():
        os.unlink(host.place.one_time_key)
        files.sync_folder(str(host.place.one_time_key.parent))


def check_recipient(recipient: str) -> None:
    """Refuse a text that no new machine can have shown.

    Raises:
        InvalidInput: it is no public key of age.
    """
    if not _RECIPIENT.fullmatch(recipient):
        raise InvalidInput(
            "This is not the public key of a new machine (age1…). Nothing was changed",
            "Run signer-upgrade receive there, and use the key that it shows",
        )


def decrypt(key: Key, package: bytes) -> bytes:
    """Return the content of a package. Only the encrypted package is written to a file.

    Raises:
        InvalidInput: the package was cut or altered, or is for another machine.
    """
    with tempfile.NamedTemporaryFile() as file:
        file.write(package)
        file.flush()
        ended = program.run(["age", "--decrypt", "--identity", "-", file.name], f"{key.identity}\n".encode())
    if ended.code:
        raise InvalidInput(
            f"The package cannot be opened ({ended.message}): it was cut or altered, or is for another machine. Nothing"
            " was changed",
            f"Have it made again on the old machine: signer-upgrade send {key.recipient}",
        )
    return ended.output


def _run(*command: str, data: bytes = b"") -> bytes:
    ended = program.run(command, data)
    if ended.code:
        raise InvalidInput(f"{command[0]} failed: {ended.message}", "Run it by hand, and see its output")
    return ended.output
