# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

WALLET, CHANNELS, NEW = "lnrpc.Lightning/WalletBalance", "lnrpc.Lightning/ChannelBalance", "lnrpc.Lightning/NewAddress"
IN_CHANNELS = Call(CHANNELS, {"local_balance": {"sat": 7, "msat": 7_001}})


def wallet(confirmed: int) -> Call:
    return Call(WALLET, {"total_balance": confirmed + 3, "confirmed_balance": confirmed, "unconfirmed_balance": 3})


def test_reads_both(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_balance_info", **scripted(wallet(5), IN_CHANNELS).options)
    assert result["wallet_balance"] == {
        "total_balance": 8,
        "confirmed_balance": 5,
        "unconfirmed_balance": 3,
        "locked_balance": 0,
        "reserved_balance_anchor_chan": 0,
    }
    assert result["channel_balance"]["local_balance"] == {"sat": 7, "msat": 7_001}
    assert result["changed"] is False


def test_enough(scripted: t.Any, succeeds: t.Any) -> None:
    succeeds("lnd_balance_info", min_confirmed=5, **scripted(wallet(5), IN_CHANNELS).options)


def test_too_little_names_node_amounts_and_address(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(wallet(4), IN_CHANNELS, wallet(4), IN_CHANNELS, Call(NEW, {"address": "bcrt1qhere"}))
    message = fails("lnd_balance_info", min_confirmed=5, **lnd.options)
    for part in (f"localhost:{lnd.port}", "4 sat confirmed", "3 sat unconfirmed", "needed: 5 sat", "bcrt1qhere"):
        assert part in message


def test_unconfirmed_coins_count_in_the_total(scripted: t.Any, succeeds: t.Any) -> None:
    succeeds("lnd_balance_info", min_total=8, **scripted(wallet(5), IN_CHANNELS).options)


def test_too_little_in_total(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(wallet(5), IN_CHANNELS, wallet(5), IN_CHANNELS, Call(NEW, {"address": "bcrt1qhere"}))
    assert "needed: 9 sat, confirmed or not. " in fails("lnd_balance_info", min_total=9, **lnd.options)


def test_waits_for_a_confirmation(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(wallet(0), IN_CHANNELS, wallet(0), IN_CHANNELS, wallet(9), IN_CHANNELS)
    assert (
        succeeds("lnd_balance_info", min_confirmed=9, wait_timeout=10, **lnd.options)["wallet_balance"][
            "confirmed_balance"
        ]
        == 9
    )


def test_a_macaroon_that_may_not(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(Call(WALLET, Fails("permission denied")))
    assert "grants this method" in fails("lnd_balance_info", **lnd.options)
