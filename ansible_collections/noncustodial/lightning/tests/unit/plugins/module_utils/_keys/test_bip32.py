# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32
from ansible_collections.noncustodial.lightning.tests.support.bundles import wallets

# BIP 32, test vector 2: the chain m, and m/0.
VECTOR = (
    "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB"
)
VECTOR_0 = (
    "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH"
)
VECTOR_PRIVATE = (
    "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U"
)


@pytest.mark.parametrize("network", ["regtest", "mainnet"])
def test_the_node_id_follows_from_the_account(network: str) -> None:
    coin = 0 if network == "mainnet" else 1
    account = bip32.decode(wallets()[network]["accounts"][f"m/1017'/{coin}'/6'"])
    assert bip32.node_id(account) == wallets()[network]["node_id"]


@pytest.mark.parametrize("network", ["regtest", "mainnet"])
def test_what_lnd_exports(network: str) -> None:
    for path, xpub in wallets()[network]["accounts"].items():
        key = bip32.decode(xpub)
        number = int(re.findall(r"\d+", path)[-1])
        assert (key.depth, key.child) == (3, number + bip32.HARDENED_OFFSET)
        assert bip32.of_network(key, network)


def test_networks_are_told_apart_as_far_as_they_can_be() -> None:
    key = bip32.decode(wallets()["regtest"]["accounts"]["m/84'/0'/0'"])
    assert [
        network for network in ("mainnet", "testnet", "signet", "regtest", "simnet") if bip32.of_network(key, network)
    ] == [
        "testnet",
        "signet",
        "regtest",
    ]


def test_derivation_by_the_vector_of_bip_32() -> None:
    assert bip32.derive(bip32.decode(VECTOR), 0) == bip32.decode(VECTOR_0).key
    assert bip32.derive(bip32.decode(VECTOR)) == bip32.decode(VECTOR).key


def test_a_private_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(bip32.PrivateKey) as error:
        bip32.decode(VECTOR_PRIVATE)
    assert VECTOR_PRIVATE[4:] not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "checksum"),
        ("xpub0OIl", "not base58"),
        (VECTOR[:-1], "checksum"),
        (VECTOR[:-1] + "C", "checksum"),
        (VECTOR[:40] + "z" + VECTOR[41:], "checksum"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "is 21 bytes long"),
    ],
)
def test_what_is_no_extended_key_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        bip32.decode(text)
