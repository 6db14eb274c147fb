# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SegWit addresses, according to BIP 173 and BIP 350."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import segwit


# The addresses are from BIP 173 and BIP 350, but for the last, which bitcoind made on regtest.
@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "mainnet"),
        ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "testnet"),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "mainnet"),
        ("tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c", "signet"),
        ("bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x", "regtest"),
    ],
)
def test_addresses(address: str, network: str) -> None:
    segwit.check(address, network)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "another network"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "checksum"),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "checksum"),
        ("bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "not a SegWit"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "not a SegWit"),
        ("bc1gmk9yu", "not a SegWit"),
        # BIP 350's own examples; of the first lnd would make a P2WPKH address.
        ("bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y", "a kind that lnd cannot pay to"),
        ("BC1SW50QGDZ25J", "a kind that lnd cannot pay to"),
        ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "a kind that lnd cannot pay to"),
        ("", "not a SegWit"),
    ],
)
def test_addresses_that_are_refused(address: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        segwit.check(address, "mainnet")
