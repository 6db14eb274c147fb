# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures by the node's own key and by others, as lnd makes them."""

from __future__ import annotations

from .._core.errors import InvalidInput

IMPORT_ERROR: ImportError | None = None
try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
except ImportError as missing:
    IMPORT_ERROR = missing


def signed(node_id: str, message: bytes, signature: bytes) -> bool:
    """Return whether a signature over SHA-256 of the message is by that node's key.

    Args:
        node_id: the public key, compressed, hexadecimal.
        message: the signed message.
        signature: DER. lnd's own comment on signrpc.SignMessage promises its fixed-size form, but v0.21.3 returns DER.

    Raises:
        InvalidInput: the node id is not a public key.
    """
    return _verified(_key(node_id), signature, message, ec.ECDSA(hashes.SHA256()))


def signed_digest(public_key: str, digest: bytes, signature: bytes) -> bool:
    """Return whether a signature over 32 bytes as they are is by that key.

    Args:
        public_key: compressed, hexadecimal.
        digest: the signed digest.
        signature: DER.

    Raises:
        InvalidInput: the key is not a public key.
    """
    return _verified(_key(public_key), signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def _key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), bytes.fromhex(text))
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no public key", "Write 33 bytes in hexadecimal, as in the bundle") from error


def _verified(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, algorithm: ec.ECDSA) -> bool:
    try:
        key.verify(signature, message, algorithm)
    except InvalidSignature:
        return False
    return True
