# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that systemd seals to this machine (systemd-creds), so that only a unit of this machine can load them."""

from __future__ import annotations

import os

from .._core.errors import InvalidInput
from .._core.files import read_file, write_file
from .._core.program import Ended, run


def unseal(path: str, name: str, what: str) -> bytes:
    """Return the content of a sealed file.

    Args:
        path: its path.
        name: the name under which it was sealed.
        what: its description for the error.

    Raises:
        InvalidInput: it cannot be read or unsealed.
    """
    read_file(path, f"the sealed {what}")
    ended = run(["systemd-creds", "decrypt", f"--name={name}", path, "-"])
    if ended.code:
        raise InvalidInput(
            f"systemd-creds cannot unseal {path}: {_reason(ended)}",
            f"It must have been sealed on this machine, with its key or TPM, and under the name {name}; run as root",
        )
    return ended.output


def holds(path: str, name: str, content: bytes) -> bool:
    """Return whether a sealed file exists and holds exactly this content. One that cannot be opened, such as another
    machine's, does not.
    """
    if not os.path.exists(path):
        return False
    ended = run(["systemd-creds", "decrypt", f"--name={name}", path, "-"])
    return ended.code == 0 and ended.output == content


def seal(path: str, name: str, content: bytes, replace: bool = True) -> None:
    """Seal a secret into a file that only root can read. Its directory is made, only for root, if it is missing.

    Args:
        path: where.
        name: the name under which a unit loads it; it is sealed with it.
        content: the secret.
        replace: False keeps a file that already exists.

    Raises:
        InvalidInput: it cannot be sealed or written.
    """
    ended = run(["systemd-creds", "encrypt", f"--name={name}", "-", "-"], content)
    if ended.code:
        raise InvalidInput(
            f"systemd-creds cannot seal {path}: {_reason(ended)}", "It needs systemd 250 or newer, as root"
        )
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write_file(path, ended.output, replace=replace)


def _reason(ended: Ended) -> str:
    return ended.message or f"exit code {ended.code}"
