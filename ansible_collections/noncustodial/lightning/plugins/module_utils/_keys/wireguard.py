# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of WireGuard: 32 bytes in base64, as wg(8) writes them."""

from __future__ import annotations

import base64
import binascii

from .._core.errors import InvalidInput

IMPORT_ERROR: ImportError | None = None
try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
except ImportError as missing:
    IMPORT_ERROR = missing

_KEY_BYTES = 32


def public_key(private_key: str) -> str:
    """Return the public key of a private one.

    Raises:
        InvalidInput: the text is no key. It is not repeated.
    """
    raw = X25519PrivateKey.from_private_bytes(_decode(private_key)).public_key()
    return base64.b64encode(raw.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)).decode()


def check_public_key(text: str) -> None:
    """Refuse a text that is not a public key in its only form.

    Raises:
        InvalidInput: the rest of a sentence.
    """
    raw = _decode(text)
    if base64.b64encode(raw).decode() != text or not any(raw):
        raise InvalidInput("is not a public key of WireGuard")


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise InvalidInput("is not a key of WireGuard: 32 bytes in base64, 44 characters")
    return raw
