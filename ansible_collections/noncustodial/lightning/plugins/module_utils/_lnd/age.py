# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption to one reader, by the program age; nothing decrypted touches a disk. Which kinds of keys are taken, the callers say."""

from __future__ import annotations

from .errors import InvalidInput
from .program import run


def encrypt(data: bytes, recipient: str) -> str:
    """The armored text that only the holder of the recipient's identity can read.

    Raises:
        InvalidInput: the recipient is no public key of age.
    """
    ended = run(["age", "--encrypt", "--armor", "--recipient", recipient], data)
    if ended.code:
        raise InvalidInput(
            f"Cannot encrypt to {recipient}: {ended.message}", "Check that it is the public key of its reader, as age-keygen shows it"
        )
    return ended.output.decode()


def decrypt(text: str, identity_file: str) -> bytes:
    """The content of an armored text.

    Args:
        identity_file: path of a file with AGE-SECRET-KEY-1…

    Raises:
        InvalidInput: it was cut or altered, or is for another reader.
    """
    ended = run(["age", "--decrypt", "--identity", identity_file], text.encode())
    if ended.code:
        raise InvalidInput(f"cannot be decrypted ({ended.message}): it was cut or altered, or is for another reader")
    return ended.output


def recipients(identity_file: str) -> list[str]:
    """The public keys of an identity file.

    Raises:
        InvalidInput: it cannot be read or holds none.
    """
    ended = run(["age-keygen", "-y", identity_file])
    if ended.code:
        raise InvalidInput(
            f"Cannot use the age identity {identity_file}: {ended.message}",
            "Give a file made by age-keygen, which the user who runs the task can read",
        )
    return ended.output.decode().split()


def is_whole(text: str) -> bool:
    """Whether an armored text begins and ends as one; its content is only known to its reader."""
    lines = text.split()
    return text.startswith("-----BEGIN AGE ENCRYPTED FILE-----") and " ".join(lines[-4:]) == "-----END AGE ENCRYPTED FILE-----"
