# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures with an ssh-ed25519 key, made with ssh-keygen -Y (OpenSSH's SSHSIG)."""

from __future__ import annotations

import os
import re
import tempfile

from .._core.errors import InvalidInput
from .._core.program import run

NAMESPACE = "bundle@noncustodial.lightning"

_KEY = re.compile(r"(ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43})( .*)?")
_SIGNER = "tenant"


def public_key(line: str) -> str:
    """Return the key of a line such as ssh-ed25519 AAAA… comment, without the comment.

    Raises:
        InvalidInput: it is another kind of key, or not a key.
    """
    found = _KEY.fullmatch(line.strip())
    if not found:
        raise InvalidInput(
            "The signing key is not one line with an ssh-ed25519 public key", "Make one with: ssh-keygen -t ed25519"
        )
    return found[1]


def public_key_of(key_file: str) -> str:
    """Return the public key of a private key's file.

    Raises:
        InvalidInput: it cannot be read without a passphrase, or is of another kind.
    """
    ended = run(["ssh-keygen", "-y", "-P", "", "-f", key_file])
    if ended.code:
        raise InvalidInput(
            f"Cannot use the signing key {key_file}: {ended.message}",
            "Use an ssh-ed25519 private key without a passphrase, of mode 0600",
        )
    return public_key(ended.output.decode())


def sign(message: bytes, key_file: str) -> str:
    """Return the armored signature of a message.

    Raises:
        InvalidInput: the key cannot be used.
    """
    ended = run(["ssh-keygen", "-Y", "sign", "-f", key_file, "-n", NAMESPACE], message)
    if ended.code:
        raise InvalidInput(
            f"Cannot sign with {key_file}: {ended.message}",
            "Use an ssh-ed25519 private key without a passphrase, of mode 0600",
        )
    return ended.output.decode()


def verify(message: bytes, signature: str, key: str, namespace: str = NAMESPACE) -> None:
    """Refuse a signature that is not one of this message by this key.

    Args:
        key: a public key as public_key() returns it.
        namespace: the purpose of such a signature.

    Raises:
        InvalidInput: it is not.
    """
    with tempfile.TemporaryDirectory(prefix="noncustodial-lightning-") as directory:
        # Neither is secret: the key is public, and a signature reveals nothing of its message.
        signers = _public_file(directory, "allowed_signers", f'{_SIGNER} namespaces="{namespace}" {key}\n')
        armor = _public_file(directory, "signature", signature)
        ended = run(["ssh-keygen", "-Y", "verify", "-f", signers, "-I", _SIGNER, "-n", namespace, "-s", armor], message)
    if ended.code:
        raise InvalidInput(
            f"is not the pinned key's signature of this content ({ended.message}): it was altered, or another key"
            " signed it"
        )


def _public_file(directory: str, name: str, content: str) -> str:
    path = os.path.join(directory, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    return path
