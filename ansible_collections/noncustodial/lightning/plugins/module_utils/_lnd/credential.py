# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that systemd has sealed to this machine (systemd-creds encrypt)."""

from __future__ import annotations

from .client import read_file
from .errors import InvalidInput
from .program import run


def unseal(path: str, name: str, what: str) -> bytes:
    """The content of a sealed file.

    Args:
        path: where it is.
        name: the name under which it was sealed.
        what: what it is, for the error.

    Raises:
        InvalidInput: it cannot be read or unsealed.
    """
    read_file(path, f"the sealed {what}")
    ended = run(["systemd-creds", "decrypt", f"--name={name}", path, "-"])
    if ended.code:
        reason = ended.message or f"exit code {ended.code}"
        raise InvalidInput(
            f"systemd-creds cannot unseal {path}: {reason}",
            "It must have been sealed on this machine and under this name; run the module as root",
        )
    return ended.output
