# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SegWit addresses (BIP 173 and BIP 350): enough to find a mistyped one, or one of another network, before coins are
sent there.
"""

from __future__ import annotations

from .._core.errors import InvalidInput

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_PREFIX = {"mainnet": "bc", "testnet": "tb", "testnet4": "tb", "signet": "tb", "regtest": "bcrt", "simnet": "sb"}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32, _BECH32M = 1, 0x2BC830A3
_CHECKSUM_LETTERS = 6
_MAX_CHARACTERS = 90


def check(address: str, network: str) -> None:
    """Refuse a text that is not an address of that network to which lnd can close a channel: P2WPKH, P2WSH or P2TR.

    BOLT 2 allows further versions of SegWit, but lnd 0.21.3 does not start with one as upfront-shutdown-address
    (btcutil.DecodeAddress).

    Raises:
        InvalidInput: it is not such an address, or one of another network.
    """
    lowered = address.lower()
    prefix, _separator, data = lowered.rpartition("1")
    if (
        address not in (lowered, address.upper())
        or prefix not in _PREFIX.values()
        or len(address) > _MAX_CHARACTERS
        or set(data) - set(_LETTERS)
    ):
        raise InvalidInput("is not a SegWit address")
    if prefix != _PREFIX[network]:
        raise InvalidInput(f"is an address of another network: on {network} they begin with {_PREFIX[network]}1")
    values = [_LETTERS.index(letter) for letter in data]
    if len(values) <= _CHECKSUM_LETTERS:
        raise InvalidInput("is not a SegWit address")
    version, program = values[0], _bytes(values[1:-_CHECKSUM_LETTERS])
    if _checksum(prefix, values) != (_BECH32M if version else _BECH32):
        raise InvalidInput("has a wrong checksum: it was mistyped")
    if (
        version > 16
        or program is None
        or not 2 <= len(program) <= 40
        or (version == 0 and len(program) not in (20, 32))
    ):
        raise InvalidInput("is not a SegWit address")
    if version > 1 or (version == 1 and len(program) != 32):
        raise InvalidInput("is a SegWit address of a kind that lnd cannot pay to: use one of P2WPKH, P2WSH or P2TR")


def _bytes(values: list[int]) -> bytes | None:
    """Return groups of 5 bits as bytes, or None if the remaining bits are not padding."""
    number = 0
    for value in values:
        number = number << 5 | value
    left = len(values) * 5 % 8
    if left > 4 or number & ((1 << left) - 1):
        return None
    return (number >> left).to_bytes(len(values) * 5 // 8, "big")


def _checksum(prefix: str, values: list[int]) -> int:
    polynomial = 1
    for value in [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix] + values:
        top = polynomial >> 25
        polynomial = (polynomial & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            polynomial ^= generator if top >> bit & 1 else 0
    return polynomial
