# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wallet password: from a file, or from a credential that systemd has sealed to the machine."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.files import read_file
from . import credential


@dataclass(frozen=True)
class PasswordSource:
    """The place of the wallet password. The password itself is never an option, an argument or a variable.

    Attributes:
        file: path of a file that holds it.
        credential: path of a file made by systemd-creds encrypt.
        credential_name: the name under which that was sealed.
    """

    file: str | None
    credential: str | None
    credential_name: str

    @property
    def given(self) -> bool:
        """Return whether a file or a credential is named."""
        return bool(self.file or self.credential)

    def read(self) -> bytes:
        """Read the password without the line ends after it, as lnd itself reads such a file.

        Raises:
            InvalidInput: there is none, or it cannot be read or unsealed.
        """
        if self.credential:
            secret = credential.unseal(self.credential, self.credential_name, "wallet password")
        elif self.file:
            secret = read_file(self.file, "the wallet password")
        else:
            raise InvalidInput("No wallet password is given", "Set wallet_password_file or wallet_password_credential")
        return secret.rstrip(b"\r\n")
