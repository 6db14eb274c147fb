# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption to one reader with the program age; nothing decrypted is written to a disk. The callers decide which kinds
of keys are accepted.
"""

from __future__ import annotations

from .._core.errors import InvalidInput
from .._core.files import read_file
from .._core.program import run

_SECRET_KEY = b"AGE-SECRET-KEY-1"
# An identity file has a line of 74 characters per key, and comments.
_MAX_BYTES = 64 << 10


def encrypt(data: bytes, recipient: str) -> str:
    """Encrypt data to an armored text that only the holder of the recipient's identity can read.

    Raises:
        InvalidInput: the recipient is not a public key of age.
    """
    ended = run(["age", "--encrypt", "--armor", "--recipient", recipient], data)
    if ended.code:
        raise InvalidInput(
            f"Cannot encrypt to {recipient}: {ended.message}",
            "Check that it is the public key of its reader, as age-keygen shows it",
        )
    return ended.output.decode()


def decrypt(text: str, identity_file: str) -> bytes:
    """Decrypt an armored text.

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
    """Return the public keys of an identity file.

    Raises:
        InvalidInput: it cannot be read or holds none.
    """
    ended = run(["age-keygen", "-y", identity_file])
    if ended.code:
        raise InvalidInput(
            f"Cannot use the age identity {identity_file}: {ended.message}",
            "Use a file made by age-keygen, which the user who runs the task can read",
        )
    return ended.output.decode().split()


def secret_key(identity_file: str, recipient: str) -> bytes:
    """Return the secret key of a public key, as its line is in an identity file: AGE-SECRET-KEY-1…

    Raises:
        InvalidInput: the file cannot be read, or has no such key; the text shows none.
    """
    lines = (line.strip() for line in read_file(identity_file, "the age identity", _MAX_BYTES).splitlines())
    for line in lines:
        if line.startswith(_SECRET_KEY) and run(["age-keygen", "-y"], line + b"\n").output.decode().split() == [
            recipient
        ]:
            return line
    raise InvalidInput(
        f"The age identity {identity_file} has no secret key of {recipient}",
        "Use the file made by age-keygen together with that public key",
    )


def is_whole(text: str) -> bool:
    """Return whether an armored text has its first and last line; only its reader can check its content."""
    lines = text.split()
    return (
        text.startswith("-----BEGIN AGE ENCRYPTED FILE-----")
        and " ".join(lines[-4:]) == "-----END AGE ENCRYPTED FILE-----"
    )
