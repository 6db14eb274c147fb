# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The challenge of a signer's accounts. test_signer.py of the real daemons shows that lnd answers it."""

from __future__ import annotations

import hashlib
import typing as t
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import account_keys
from ansible_collections.noncustodial.lightning.plugins.module_utils._check import possession
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32
from ansible_collections.noncustodial.lightning.tests.support.bundles import accounts, wallets

NONCE = bytes(range(32))
PRIVATE = [ec.generate_private_key(ec.SECP256K1()) for _one in range(3)]
PATHS = ["m/84'/0'/0'/0/0", "m/86'/0'/0'/0/0", "m/1017'/1'/255'/0/0"]


def public(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint).hex()


KEYS = dict(zip(PATHS, map(public, PRIVATE), strict=True))


def digest(key: str, inputs: int = 3, nonce: bytes = NONCE) -> bytes:
    """Return the digest that an input's signature covers, written a second time from BIP 143."""

    def twice(data: bytes) -> bytes:
        return hashlib.sha256(hashlib.sha256(data).digest()).digest()

    outpoint = "00" * 32 + "ffffffff"
    said = b"noncustodial.lightning accounts " + nonce
    output = "0000000000000000" + "42" + "6a40" + said.hex()
    parts = [
        "02000000",
        twice(bytes.fromhex(outpoint * inputs)).hex(),
        twice(bytes.fromhex("ffffffff" * inputs)).hex(),
        outpoint,
        "23" + "21" + key + "ac",
        "00" * 8,
        "ffffffff",
        twice(bytes.fromhex(output)).hex(),
        "00" * 4,
        "01000000",
    ]
    return twice(bytes.fromhex("".join(parts)))


def answer(signatures: t.Sequence[tuple[str, bytes] | None]) -> bytes:
    """Return a PSBT with these partial signatures, by key."""

    def pair(name: bytes, value: bytes) -> bytes:
        return bytes([len(name)]) + name + bytes([len(value)]) + value

    inputs = [pair(b"\x02" + bytes.fromhex(one[0]), one[1]) if one else b"" for one in signatures]
    return b"psbt\xff" + pair(b"\x00", b"the transaction") + b"\0" + b"".join(one + b"\0" for one in inputs) + b"\0"


def signed(index: int, over: bytes | None = None, sighash: bytes = b"\x01") -> tuple[str, bytes]:
    key = public(PRIVATE[index])
    return key, PRIVATE[index].sign(over or digest(key), ec.ECDSA(utils.Prehashed(hashes.SHA256()))) + sighash


def test_all_keys_have_signed() -> None:
    assert possession.unproven(KEYS, NONCE, answer([signed(0), signed(1), signed(2)])) == []


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (None, "none"),
        (signed(0), "of another key"),
        ((KEYS[PATHS[1]], signed(0)[1]), "of another key, under the name of this one"),
        ((KEYS[PATHS[1]], b""), "empty"),
        ((KEYS[PATHS[1]], b"\x30\x01\x01"), "no signature"),
        (signed(1, sighash=b"\x02"), "says that it is over no outputs"),
        (signed(1, digest(KEYS[PATHS[1]], nonce=bytes(32))), "of an older challenge"),
        (signed(1, digest(KEYS[PATHS[1]], inputs=2)), "of a challenge of other inputs"),
    ],
)
def test_a_key_that_has_not_signed_is_named(second: tuple[str, bytes] | None, why: str) -> None:
    assert possession.unproven(KEYS, NONCE, answer([signed(0), second, signed(2)])) == [PATHS[1]], why


@pytest.mark.parametrize(
    "cut", [b"", b"psbt\xff", b"psbs\xff" + bytes(9), answer([signed(0)]), answer([signed(0)] * 3)[:-80]]
)
def test_an_answer_that_is_none(cut: bytes) -> None:
    with pytest.raises(possession.Malformed):
        possession.unproven(KEYS, NONCE, cut)


def test_no_chain_takes_what_is_signed() -> None:
    """Only a coinbase has a null outpoint, and none is spent twice; so it holds for one key too, where there is no
    second input.
    """
    for keys in (KEYS, dict(list(KEYS.items())[:1])):
        made = possession.challenge(keys, NONCE)
        transaction = made[made.index(b"\x02\x00\x00\x00") :]
        assert transaction[4] == len(keys)
        inputs = [transaction[5 + 41 * index :][:41] for index in range(len(keys))]
        assert inputs == [bytes(32) + b"\xff" * 4 + b"\0" + b"\xff" * 4] * len(keys)


def test_every_challenge_has_its_own_nonce() -> None:
    assert NONCE in possession.challenge(KEYS, NONCE)
    assert possession.challenge(KEYS, NONCE) != possession.challenge(KEYS, bytes(32))


def test_keys_of_a_wallet() -> None:
    keys = account_keys.account_keys(accounts())
    assert len(keys) == 259
    assert keys["m/1017'/1'/6'/0/0"] == wallets()["regtest"]["node_id"]
    assert list(keys)[:3] == ["m/49'/0'/0'/0/0", "m/84'/0'/0'/0/0", "m/86'/0'/0'/0/0"]
    account = bip32.decode(wallets()["regtest"]["accounts"]["m/84'/0'/0'"])
    assert keys["m/84'/0'/0'/0/0"] == bip32.derive(account, 0, 0).hex()
    with pytest.raises(InvalidInput):
        account_keys.account_keys([{**accounts()[0], "xpub": "tpub"}])


@pytest.mark.parametrize(
    "keys",
    [
        {"m/84'/0'/0'": KEYS[PATHS[0]]},
        {"m/84'/0'/0'/0/2147483648": KEYS[PATHS[0]]},
        {"m/84'/0'/0'/0/-1": KEYS[PATHS[0]]},
        {PATHS[0]: "04" + "11" * 64},
        {PATHS[0]: 5},
    ],
)
def test_what_cannot_be_asked_for(keys: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidInput):
        possession.check(keys)


def test_keys_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("{\"m/84'/0'/0'/0/0\": \"" + KEYS[PATHS[0]] + '"}')
    assert possession.read(str(file)) == {PATHS[0]: KEYS[PATHS[0]]}
    for wrong in ("[]", "{", '{"a": 1, "a": 1}'):
        file.write_text(wrong)
        with pytest.raises(InvalidInput):
            possession.read(str(file))
