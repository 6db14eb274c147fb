# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A challenge that proves in one call that a signer has the private keys of many public keys: a PSBT (BIP 174) of a
transaction that can never be valid.

Each input of it spends the null outpoint, which only a coinbase may and which no transaction may spend twice
(bad-txns-prevout-null and bad-txns-inputs-duplicate in Bitcoin Core's CheckTransaction). Every signature is over all
outpoints (SIGHASH_ALL, BIP 143), so that none of them fits another transaction. Each input needs the signature of one
key: its script is <key> OP_CHECKSIG, as P2WSH.
"""

from __future__ import annotations

import hashlib
import re
import struct
import typing as t

from .._core import document
from .._core.errors import InvalidInput
from .._core.files import read_file
from .._keys import node_key

_MAGIC = b"psbt\xff"
_NULL_OUTPOINT = bytes(32) + b"\xff\xff\xff\xff"
_SEQUENCE = b"\xff\xff\xff\xff"
_VERSION, _LOCKTIME = struct.pack("<I", 2), bytes(4)
_SIGHASH_ALL = struct.pack("<I", 1)
_NO_AMOUNT = bytes(8)
_HARDENED_OFFSET = 0x80000000
_OP_RETURN, _OP_CHECKSIG = b"\x6a", b"\xac"

# Key types of a PSBT's maps (BIP 174).
_UNSIGNED_TX, _WITNESS_UTXO, _PARTIAL_SIG, _SIGHASH_TYPE, _WITNESS_SCRIPT, _DERIVATION = (
    0x00,
    0x01,
    0x02,
    0x03,
    0x05,
    0x06,
)

_PURPOSE = b"noncustodial.lightning accounts "
NONCE_BYTES = 32
"""The number of random bytes that make a challenge fresh."""


_KEY_PATH = re.compile(r"m(/[0-9]{1,10}'?){5}")
_NUMBER = re.compile(r"[0-9]+")
_KEY = re.compile(r"0[23][0-9a-f]{64}")


_CURE = "Correct it, or run the playbook again that wrote it"


class Malformed(InvalidInput):
    """The answer is not a PSBT of this challenge."""


def read(path: str) -> dict[str, str]:
    """Read keys from a file: a JSON object that maps derivation paths to public keys.

    Raises:
        Missing: there is no such file.
        InvalidInput: it has another form.
    """
    found = document.read(read_file(path, "the keys of the signer's accounts"))
    if not isinstance(found, dict):
        raise InvalidInput(
            f"{path} is not an object of derivation paths and public keys", "Run the playbook again that wrote it"
        )
    return found


def check(keys: t.Mapping[str, t.Any]) -> None:
    """Refuse keys that cannot be asked for.

    Raises:
        InvalidInput: a path is not a derivation path of five steps, or a key is not a public key.
    """
    for place, key in keys.items():
        if not _KEY_PATH.fullmatch(place) or any(int(number) >= _HARDENED_OFFSET for number in _NUMBER.findall(place)):
            raise InvalidInput(f"{place!r} is no derivation path such as m/84'/0'/0'/0/0", _CURE)
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise InvalidInput(f"The key at {place} is no public key: 33 bytes, hexadecimal", _CURE)


def challenge(keys: t.Mapping[str, str], nonce: bytes) -> bytes:
    """Build a PSBT that asks for a signature by each key.

    Args:
        keys: derivation paths of five steps, each with the key that is expected there, compressed, hexadecimal.
        nonce: NONCE random bytes.
    """
    maps = [_map([(bytes([_UNSIGNED_TX]), _transaction(len(keys), nonce))])]
    for path, key in keys.items():
        script = _script(key)
        output = _NO_AMOUNT + _sized(b"\x00\x20" + hashlib.sha256(script).digest())
        maps.append(
            _map(
                [
                    (bytes([_WITNESS_UTXO]), output),
                    (bytes([_SIGHASH_TYPE]), _SIGHASH_ALL),
                    (bytes([_WITNESS_SCRIPT]), script),
                    (bytes([_DERIVATION]) + bytes.fromhex(key), bytes(4) + _path(path)),
                ]
            )
        )
    return _MAGIC + b"".join(maps) + _map([])


def unproven(keys: t.Mapping[str, str], nonce: bytes, answer: bytes) -> list[str]:
    """Return the paths whose key has not signed the challenge.

    Args:
        keys: those of the challenge.
        nonce: that of the challenge.
        answer: the PSBT that came back.

    Raises:
        Malformed: the answer is not a PSBT, or has other inputs.
    """
    inputs = _inputs(answer, len(keys))
    transaction = _Digests(len(keys), nonce)
    return [
        path
        for (path, key), signatures in zip(keys.items(), inputs, strict=True)
        if not _signed(key, transaction, signatures)
    ]


def _signed(key: str, transaction: _Digests, signatures: t.Mapping[bytes, bytes]) -> bool:
    own = signatures.get(bytes([_PARTIAL_SIG]) + bytes.fromhex(key), b"")
    return own[-1:] == _SIGHASH_ALL[:1] and node_key.signed_digest(key, transaction.digest(_script(key)), own[:-1])


class _Digests:
    """The digest that each input's signature signs (BIP 143)."""

    def __init__(self, inputs: int, nonce: bytes) -> None:
        outpoints, sequences = _twice(_NULL_OUTPOINT * inputs), _twice(_SEQUENCE * inputs)
        self._before = _VERSION + outpoints + sequences + _NULL_OUTPOINT
        self._after = _NO_AMOUNT + _SEQUENCE + _twice(_output(nonce)) + _LOCKTIME + _SIGHASH_ALL

    def digest(self, script: bytes) -> bytes:
        return _twice(self._before + _sized(script) + self._after)


def _transaction(inputs: int, nonce: bytes) -> bytes:
    return (
        _VERSION
        + _count(inputs)
        + (_NULL_OUTPOINT + b"\0" + _SEQUENCE) * inputs
        + _count(1)
        + _output(nonce)
        + _LOCKTIME
    )


def _output(nonce: bytes) -> bytes:
    data = _PURPOSE + nonce
    return _NO_AMOUNT + _sized(_OP_RETURN + bytes([len(data)]) + data)


def _script(key: str) -> bytes:
    return b"\x21" + bytes.fromhex(key) + _OP_CHECKSIG


def _path(path: str) -> bytes:
    steps = [step.partition("'") for step in path.split("/")[1:]]
    return b"".join(struct.pack("<I", int(number) + (_HARDENED_OFFSET if mark else 0)) for number, mark, _rest in steps)


def _twice(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


# --- BIP 174's maps


def _map(pairs: t.Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(_sized(name) + _sized(value) for name, value in pairs) + b"\0"


def _sized(data: bytes) -> bytes:
    return _count(len(data)) + data


def _count(number: int) -> bytes:
    return (
        bytes([number])
        if number < 0xFD
        else b"\xfd" + struct.pack("<H", number)
        if number <= 0xFFFF
        else b"\xfe" + struct.pack("<I", number)
    )


def _inputs(answer: bytes, count: int) -> list[dict[bytes, bytes]]:
    if not answer.startswith(_MAGIC):
        raise Malformed("does not begin as a PSBT")
    reader = _Reader(answer, len(_MAGIC))
    reader.map()
    return [reader.map() for _input in range(count)]


class _Reader:
    """A reader of a PSBT's maps, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def map(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        while name := self._field():
            found[name] = self._field()
        return found

    def _field(self) -> bytes:
        return self._take(self._count())

    def _count(self) -> int:
        first = self._take(1)[0]
        size = {0xFD: 2, 0xFE: 4, 0xFF: 8}.get(first)
        return int.from_bytes(self._take(size), "little") if size else first

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise Malformed("ends in the middle")
        self._at += size
        return taken
