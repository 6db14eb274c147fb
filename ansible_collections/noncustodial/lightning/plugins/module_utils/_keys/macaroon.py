# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Macaroons as lnd bakes them: the second binary format (libmacaroons), whose identifier is that of Go's bakery,
version 3.
"""

from __future__ import annotations

import hashlib
import hmac
import typing as t
from dataclasses import dataclass, field, replace

from .._core.errors import InvalidInput

_FORMAT = 2
_END, _LOCATION, _IDENTIFIER, _VERIFICATION, _SIGNATURE = 0, 1, 2, 4, 6
_SIGNATURE_BYTES = 32

_IDENTIFIER_VERSION = 3
# Field numbers of the bakery's MacaroonId and of its Op; all are length-delimited.
_STORAGE_ID, _OPS = 2, 3
_ENTITY, _ACTIONS = 1, 2


class Malformed(InvalidInput):
    """The bytes are not a macaroon that lnd made."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"This is not a macaroon of lnd's: {why}",
            "Use the binary file that lnd or lnd_macaroon has written, unaltered",
        )


@dataclass(frozen=True)
class Macaroon:
    """One decoded macaroon. Whoever has its signature has the grant, so it is never shown.

    Attributes:
        location: a hint without effect; lnd's is "lnd".
        identifier: the bytes that the root key's owner signed.
        caveats: conditions, in the order in which they were added; all must hold.
        signature: 32 bytes, secret.
    """

    location: bytes
    identifier: bytes
    caveats: tuple[str, ...]
    signature: bytes = field(repr=False)

    @property
    def root_key_id(self) -> int:
        """The id of the root key from which it was baked; deleting that key revokes it. 0 is the key of admin.macaroon
        and cannot be deleted.
        """
        values = _identifier_fields(self.identifier, _STORAGE_ID)
        if len(values) != 1 or not values[0].isdigit():
            raise Malformed("its root key id is not a number")
        return int(values[0])

    @property
    def permissions(self) -> frozenset[str]:
        """The permissions that it grants, each as entity:action; for one method uri:/package.Service/Method."""
        return frozenset(
            f"{_text(entity)}:{_text(action)}"
            for operation in _identifier_fields(self.identifier, _OPS)
            for entity in _protobuf(operation, _ENTITY)
            for action in _protobuf(operation, _ACTIONS)
        )

    def attenuated(self, *caveats: str) -> Macaroon:
        """Return the same grant under further conditions. Anyone can add one, nobody can remove one, and no node is
        asked.

        Args:
            caveats: conditions that lnd checks: time-before <RFC 3339>, ipaddr <address>, iprange <network>, lnd-custom
                <name> <condition>.
        """
        signature = self.signature
        for caveat in caveats:
            signature = hmac.new(signature, caveat.encode(), hashlib.sha256).digest()
        return replace(self, caveats=self.caveats + caveats, signature=signature)

    def encode(self) -> bytes:
        """Return the binary form, as in lnd's files."""
        location = _packet(_LOCATION, self.location) if self.location else b""
        conditions = b"".join(_packet(_IDENTIFIER, caveat.encode()) + bytes([_END]) for caveat in self.caveats)
        return (
            bytes([_FORMAT])
            + location
            + _packet(_IDENTIFIER, self.identifier)
            + bytes([_END])
            + conditions
            + bytes([_END])
            + _packet(_SIGNATURE, self.signature)
        )


def decode(data: bytes) -> Macaroon:
    """Read a macaroon.

    Args:
        data: the binary form.

    Raises:
        Malformed: it has another format, is cut, or has parts that lnd never makes (a third party's caveat, another
            bakery's identifier).
    """
    macaroon = parse(data)
    _readable = macaroon.root_key_id, macaroon.permissions
    return macaroon


def bake(root_key: bytes, location: bytes, identifier: bytes) -> Macaroon:
    """Bake a macaroon of one's own. Its meaning is known to whoever has the root key, which is used only for this
    identifier.
    """
    return Macaroon(location, identifier, (), hmac.new(root_key, identifier, hashlib.sha256).digest())


def parse(data: bytes) -> Macaroon:
    """Read a macaroon that need not be lnd's: its identifier may be anything.

    Args:
        data: the binary form.

    Raises:
        Malformed: it has another format, is cut, or has a third party's caveat.
    """
    if data[:1] != bytes([_FORMAT]):
        raise Malformed("it does not begin as the binary format does")
    head, position = _section(data, 1)
    if _IDENTIFIER not in head:
        raise Malformed("it has no identifier")
    caveats: list[str] = []
    while True:
        section, position = _section(data, position)
        if not section:
            break
        if _VERIFICATION in section or _IDENTIFIER not in section:
            raise Malformed("it has a caveat for a third party")
        caveats.append(_text(section[_IDENTIFIER]))
    kind, signature, position = _read_packet(data, position)
    if kind != _SIGNATURE or len(signature) != _SIGNATURE_BYTES or position != len(data):
        raise Malformed("it does not end with a signature")
    return Macaroon(head.get(_LOCATION, b""), head[_IDENTIFIER], tuple(caveats), signature)


def _section(data: bytes, position: int) -> tuple[dict[int, bytes], int]:
    """Return the packets up to the next end mark."""
    packets: dict[int, bytes] = {}
    while True:
        if data[position : position + 1] == bytes([_END]):
            return packets, position + 1
        kind, value, position = _read_packet(data, position)
        packets[kind] = value


def _read_packet(data: bytes, position: int) -> tuple[int, bytes, int]:
    kind, position = _varint(data, position)
    length, position = _varint(data, position)
    if position + length > len(data):
        raise Malformed("it is cut")
    return kind, data[position : position + length], position + length


def _packet(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + _encode_varint(len(value)) + value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise Malformed("it is cut")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _identifier_fields(identifier: bytes, number: int) -> list[bytes]:
    if identifier[:1] != bytes([_IDENTIFIER_VERSION]):
        raise Malformed("its identifier is of another version")
    return list(_protobuf(identifier[1:], number))


def _protobuf(data: bytes, number: int) -> t.Iterator[bytes]:
    """Return the values of one field of a protobuf message that has only length-delimited fields."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        if tag & 7 != 2:
            raise Malformed("its identifier holds a field of an unknown kind")
        length, position = _varint(data, position)
        if position + length > len(data):
            raise Malformed("its identifier is cut")
        if tag >> 3 == number:
            yield data[position : position + length]
        position += length


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a permission or a caveat is not text") from error
