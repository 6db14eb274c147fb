# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of a node's own key, as lnd's Signer service makes them."""

from __future__ import annotations

from .errors import InvalidInput

IMPORT_ERROR: ImportError | None = None
try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError as missing:
    IMPORT_ERROR = missing


def signed(node_id: str, message: bytes, signature: bytes) -> bool:
    """Whether a signature over SHA-256 of the message is of that node's key.

    Args:
        node_id: the public key, compressed, hexadecimal.
        message: what was signed.
        signature: DER. lnd's own comment on signrpc.SignMessage promises its fixed-size form, but v0.21.3 gives this.

    Raises:
        InvalidInput: the node id is no public key.
    """
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), bytes.fromhex(node_id))
    except ValueError as error:
        raise InvalidInput(f"node_id {node_id!r} is no public key", "Give 33 bytes in hexadecimal, as in the bundle") from error
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
