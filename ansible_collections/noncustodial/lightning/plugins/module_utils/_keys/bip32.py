# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extended public keys (BIP 32), as lnd exports them: decoding, checking, and the derivation of public children.
Private ones are refused.
"""

from __future__ import annotations

import hashlib
import hmac
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput

IMPORT_ERROR: ImportError | None = None
try:
    from ecdsa import SECP256k1
    from ecdsa.ellipticcurve import PointJacobi
    from ecdsa.errors import MalformedPointError
except ImportError as missing:
    IMPORT_ERROR = missing

HARDENED_OFFSET = 0x80000000

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_KEY_BYTES = 78
# The text of so many bytes and a checksum of four has at most 112 characters. The time to decode a text grows with the
# square of its length.
_MAX_CHARACTERS = 112

# SLIP 132 for x, y, z (mainnet) and t, u, v (the test networks); simnet's own from btcd's parameters.
_PUBLIC_VERSIONS = {
    "0488b21e": "xpub",
    "049d7cb2": "ypub",
    "04b24746": "zpub",
    "043587cf": "tpub",
    "044a5262": "upub",
    "045f1cf6": "vpub",
    "0420bd3a": "spub",
}
_PRIVATE_VERSIONS = {"0488ade4", "049d7878", "04b2430c", "04358394", "044a4e28", "045f18bc", "0420b900"}

# The versions that ListAccounts of lnd v0.21.3 writes on each network (purposes 49, 84, and all others). On simnet lnd
# uses mainnet's first two.
_MAINNET_PREFIXES = frozenset({"xpub", "ypub", "zpub"})
_TESTNET_PREFIXES = frozenset({"tpub", "upub", "vpub"})
_PREFIXES: dict[str, frozenset[str]] = {"mainnet": _MAINNET_PREFIXES, "simnet": frozenset({"spub", "ypub", "zpub"})}


class PrivateKey(InvalidInput):
    """The text is a private key. No message contains its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedPublicKey:
    """One extended public key.

    Attributes:
        version: its first four letters, for example tpub.
        depth: steps from the master key; an account has 3.
        parent: the first four bytes of the parent key's hash.
        child: its number under that parent; hardened ones have HARDENED added.
        chain_code: 32 bytes.
        key: the public key, compressed, 33 bytes.
    """

    version: str
    depth: int
    parent: bytes
    child: int
    chain_code: bytes
    key: bytes


def decode(text: str) -> ExtendedPublicKey:
    """Decode an extended public key such as xpub….

    Raises:
        PrivateKey: it is a private key.
        InvalidInput: it is not an extended public key.
    """
    data = _base58check(text)
    if len(data) != _KEY_BYTES:
        raise InvalidInput(f"is {len(data)} bytes long in place of the {_KEY_BYTES} of an extended public key")
    if data[:4].hex() in _PRIVATE_VERSIONS or data[45] == 0:
        raise PrivateKey("is a private key")
    version = _PUBLIC_VERSIONS.get(data[:4].hex())
    if version is None:
        raise InvalidInput(f"has unknown version bytes {data[:4].hex()}")
    _point(data[45:])
    return ExtendedPublicKey(
        version=version,
        depth=data[4],
        parent=data[5:9],
        child=int.from_bytes(data[9:13], "big"),
        chain_code=data[13:45],
        key=data[45:],
    )


def of_network(key: ExtendedPublicKey, network: str) -> bool:
    """Return whether lnd on that network writes keys in this form. The test networks (all but mainnet and simnet)
    cannot be distinguished.
    """
    return key.version in _PREFIXES.get(network, _TESTNET_PREFIXES)


def derive(key: ExtendedPublicKey, *path: int) -> bytes:
    """Derive the public key below a key along steps of which none is hardened (BIP 32, CKDpub); compressed, 33
    bytes."""
    chain_code, public = key.chain_code, key.key
    for index in path:
        digest = hmac.new(chain_code, public + index.to_bytes(4, "big"), hashlib.sha512).digest()
        point = SECP256k1.generator * int.from_bytes(digest[:32], "big") + _point(public)
        chain_code, public = digest[32:], point.to_bytes("compressed")
    return public


def node_id(account: ExtendedPublicKey) -> str:
    """Return the id of the node whose account m/1017'/coin'/6' this is: its key /0/0 (lnd: keychain.KeyFamilyNodeKey),
    hexadecimal.
    """
    return derive(account, 0, 0).hex()


def _point(key: bytes) -> t.Any:
    try:
        return PointJacobi.from_bytes(SECP256k1.curve, key, valid_encodings=("compressed",))
    except MalformedPointError as error:
        raise InvalidInput("holds no point of secp256k1") from error


def _base58check(text: str) -> bytes:
    if len(text) > _MAX_CHARACTERS:
        raise InvalidInput("is longer than any extended public key")
    number = 0
    for letter in text:
        digit = _ALPHABET.find(letter)
        if digit < 0:
            raise InvalidInput("is not base58")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    data = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] != data[-4:]:
        raise InvalidInput("has a wrong checksum: it was altered or cut")
    return data[:-4]
