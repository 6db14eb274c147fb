# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that stay on the machine that needs them: made there and sealed by systemd; other places get only a
verifier."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import typing as t

from .._core.errors import InvalidInput
from .._keys import credential, wireguard

PLACEHOLDER = "{secret}"
_SECRET = re.compile(r"[A-Za-z0-9_+/-]+=?")
SECRET_BYTES = 32
SCRAM_ITERATIONS = 4096
SALT_BYTES = 16


def make(encoding: str) -> str:
    """Make a random secret of 256 bits, as text without a character that any file format could misread."""
    return ENCODINGS[encoding](secrets.token_bytes(SECRET_BYTES))


def _base64url(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


ENCODINGS: dict[str, t.Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64url": _base64url,
    "base64": lambda secret: base64.b64encode(secret).decode(),
}


def check_format(line: str) -> None:
    """Refuse a format from which the secret could not be read back."""
    if line.count(PLACEHOLDER) != 1:
        raise InvalidInput(f"format must hold {PLACEHOLDER} exactly once", "Put it where the secret belongs")


def fill(line: str, secret: str) -> str:
    """Return the line with the secret in its place."""
    return line.replace(PLACEHOLDER, secret)


def extract(line: str, content: str) -> str | None:
    """Return the secret from a line that fill() made, or None if the content has another form."""
    before, _secret, after = line.partition(PLACEHOLDER)
    inside = content[len(before) : len(content) - len(after)]
    if len(inside) < SECRET_BYTES or not _SECRET.fullmatch(inside):
        return None
    return inside if fill(line, inside) == content else None


def _salt(secret: str, username: str) -> bytes:
    """Return a salt that is the same on every run.

    It need not be unpredictable, because the secret cannot be guessed.
    """
    return hmac.new(secret.encode(), f"salt|{username}".encode(), hashlib.sha256).digest()[:SALT_BYTES]


def scram_sha_256(username: str, secret: str) -> str:
    """Return the verifier that a server keeps of a password according to RFC 5802 and RFC 7677, in PostgreSQL's
    form."""
    salt = _salt(secret, username)
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, SCRAM_ITERATIONS)
    client_key = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.new(salted, b"Server Key", hashlib.sha256).digest()
    text = [base64.b64encode(value).decode() for value in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{text[0]}${text[1]}:{text[2]}"


def rpcauth(username: str, secret: str) -> str:
    """Return the value of bitcoind's option rpcauth."""
    salt = _salt(secret, username).hex()
    return f"{username}:{salt}${hmac.new(salt.encode(), secret.encode(), hashlib.sha256).hexdigest()}"


def no_verifier(_username: str, _secret: str) -> None:
    """Return no verifier, for a secret that no server checks."""


def public_key(_username: str, secret: str) -> str:
    """Return the public key of WireGuard for a secret that is its private key, in base64."""
    return wireguard.public_key(secret)


VERIFIERS: dict[str, t.Callable[[str, str], str | None]] = {
    "none": no_verifier,
    "scram-sha-256": scram_sha_256,
    "rpcauth": rpcauth,
    "wireguard": public_key,
}


def ensure(path: str, name: str, line: str, encoding: str, check_mode: bool) -> tuple[str | None, bool]:
    """Return the secret that a sealed file holds, and whether it had to be made. In check mode a missing secret is not
    made, and None is returned.

    Args:
        path: the sealed file.
        name: the name under which it is sealed.
        line: the text that is sealed, with a placeholder for the secret.
        encoding: the encoding of a new secret, one of ENCODINGS.
        check_mode: whether nothing may be written.

    Raises:
        InvalidInput: the file cannot be made or opened, or holds something else. It is left as it is.
    """
    check_format(line)
    changed = not os.path.exists(path)
    if changed:
        if check_mode:
            return None, True
        credential.seal(path, name, fill(line, make(encoding)).encode(), replace=False)
    try:
        content = credential.unseal(path, name, "secret").decode(errors="replace")
    except InvalidInput as error:
        cure = (
            f"{error.cure}. The file was left as it is. Bring back this machine's /var/lib/systemd/credential.secret;"
            " or, if nothing depends on the old secret any more, remove the file and run again, which makes a new one"
        )
        raise InvalidInput(error.what, cure) from error
    secret = extract(line, content)
    if secret is None:
        raise InvalidInput(
            f"{path} holds something else than the wanted format, such as another user, host or port. It was left as"
            " it is",
            "Give the format with which it was made; or remove the file and run again, which makes a new secret and a"
            " new verifier",
        )
    return secret, changed
