# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules for coins, peers, channels, invoices and payments against real lnd and bitcoind. The tests build on each
other, in this order.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.plan import Action
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import TimedOut
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import channel as channels
from ansible_collections.noncustodial.lightning.tests.support.daemons import Network, until
from ansible_collections.noncustodial.lightning.tests.support.module_runs import run

pytestmark = pytest.mark.chain

KEY = "5f" * 16


def ok(result: dict[str, t.Any], changed: bool) -> dict[str, t.Any]:
    """Return a module's result, which must be a success."""
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is changed
    return result


def refused(result: dict[str, t.Any], *words: str) -> str:
    """Return the message of a module's failure."""
    assert result.get("failed") is True
    message = str(result["msg"])
    for word in words:
        assert word in message
    return message


def to_bob(network: Network, **options: t.Any) -> list[dict[str, t.Any]]:
    """Return the channels that alice wants to bob."""
    return [{"peer": network.ids["bob"], "capacity": 1_000_000, "push_sat": 200_000, **options}]


def test_address_is_the_same_until_it_is_used(network: Network) -> None:
    first = ok(network.alice.module("lnd_address"), False)["address"]
    assert ok(network.alice.module("lnd_address"), False)["address"] == first
    assert ok(network.alice.module("lnd_address", type="p2tr"), False)["address"].startswith("bcrt1p")
    network.bitcoind.pay(first, 1)
    assert (
        ok(network.alice.module("lnd_balance_info", min_confirmed=100_000_000, wait_timeout=15), False)[
            "wallet_balance"
        ]["confirmed_balance"]
        == 100_000_000
    )
    assert ok(network.alice.module("lnd_address"), False)["address"] != first


def test_balance_says_what_is_missing_and_where_to_send_it(network: Network) -> None:
    address = network.carol.module("lnd_address")["address"]
    refused(
        network.carol.module("lnd_balance_info", min_confirmed=5),
        network.carol.rpcserver,
        "0 sat confirmed",
        "needed: 5 sat",
        address,
    )


def test_peer(network: Network) -> None:
    bob: dict[str, t.Any] = {"pubkey": network.ids["bob"], "host": network.bob.host}
    refused(network.alice.module("lnd_channel", channels=to_bob(network)), "is not online", "lnd_peer")
    refused(
        network.alice.module("lnd_peer", pubkey=bob["pubkey"], host="127.0.0.1:1"),
        "connection refused",
        "127.0.0.1:1",
        bob["pubkey"],
    )
    refused(
        network.alice.module("lnd_peer", pubkey=network.ids["carol"], host=network.bob.host),
        "Check that",
        network.ids["carol"],
    )
    assert ok(network.alice.module("lnd_peer", check=True, **bob), True)["connected"] is True
    assert ok(network.alice.module("lnd_peer", state="absent", pubkey=bob["pubkey"]), False)["connected"] is False
    assert ok(network.alice.module("lnd_peer", **bob), True)["address"] == bob["host"]
    assert ok(network.alice.module("lnd_peer", **bob), False)["inbound"] is False
    seen = ok(network.bob.module("lnd_peer", pubkey=network.ids["alice"], host=network.alice.host), False)
    assert seen["inbound"] is True
    assert "has dialled in" in str(seen["warnings"])
    assert (
        ok(network.alice.module("lnd_peer", check=True, state="absent", pubkey=bob["pubkey"]), True)["connected"]
        is False
    )
    assert ok(network.alice.module("lnd_peer", state="absent", pubkey=bob["pubkey"]), True)["connected"] is False
    assert ok(network.alice.module("lnd_peer", perm=True, **bob), True)["connected"] is True


def test_channel_is_opened_once(network: Network) -> None:
    wish = to_bob(network, memo="first")
    ok(network.carol.module("lnd_peer", pubkey=network.ids["bob"], host=network.bob.host), True)
    address = network.carol.module("lnd_address")["address"]
    refused(network.carol.module("lnd_channel", channels=wish), "0 sat confirmed", "needed: 1000000 sat", address)
    refused(
        network.alice.module("lnd_channel", channels=to_bob(network, count=2)),
        "pending channels exceed maximum",
        "maxpendingchannels",
    )
    predicted = ok(network.alice.module("lnd_channel", check=True, channels=wish), True)
    assert [channel["status"] for channel in predicted["channels"]] == ["pending_open"]
    opened = ok(network.alice.module("lnd_channel", channels=wish), True)["channels"]
    assert len(opened) == 1, "neither the refused nor the predicted one was opened"
    assert (opened[0]["status"], opened[0]["memo"], opened[0]["remote_balance"]) == ("pending_open", "first", 200_000)
    again = ok(network.alice.module("lnd_channel", channels=wish), False)["channels"]
    assert again == opened
    refused(
        network.alice.module("lnd_channel", channels=wish, wait=True, wait_timeout=0.5),
        "active channels",
        opened[0]["channel_point"],
        "pending_open",
    )
    refused(network.alice.module("lnd_channel", channels=wish, state="absent"), "cannot be closed yet")
    network.bitcoind.mine(6)
    active = ok(network.alice.module("lnd_channel", channels=wish, wait=True), False)["channels"]
    assert [(channel["channel_point"], channel["active"]) for channel in active] == [(opened[0]["channel_point"], True)]
    refused(network.alice.module("lnd_peer", state="absent", pubkey=network.ids["bob"]), "1 open channel(s)")


def test_policy(network: Network) -> None:
    scope: dict[str, t.Any] = {"peer": network.ids["bob"]}
    assert (
        ok(network.alice.module("lnd_channel_policy", check=True, fee_rate_ppm=77, **scope), True)["channels"][0][
            "fee_rate_ppm"
        ]
        == 77
    )
    assert (
        ok(network.alice.module("lnd_channel_policy", base_fee_msat=1000, all=True), False)["channels"][0][
            "fee_rate_ppm"
        ]
        == 1
    )
    changed = ok(network.alice.module("lnd_channel_policy", fee_rate_ppm=77, base_fee_msat=0, **scope), True)[
        "channels"
    ][0]
    assert (changed["fee_rate_ppm"], changed["base_fee_msat"], changed["time_lock_delta"]) == (77, 0, 80)
    ok(network.alice.module("lnd_channel_policy", fee_rate_ppm=77, channel_point=changed["channel_point"]), False)
    refused(network.alice.module("lnd_channel_policy", max_htlc_msat=10**12, **scope), "above max pending amount")
    refused(network.alice.module("lnd_channel_policy", time_lock_delta=1, **scope), "time lock delta")
    refused(network.alice.module("lnd_channel_policy", fee_rate_ppm=1, peer=network.ids["carol"]), "no open channel")


def test_a_payment_is_made_once(network: Network) -> None:
    wish: dict[str, t.Any] = {"value_msat": 50_000_000, "preimage_from": {"key": KEY, "label": "proof"}}
    assert "payment_request" not in ok(network.bob.module("lnd_invoice", check=True, **wish), True)
    created = ok(network.bob.module("lnd_invoice", memo="proof", **wish), True)
    assert ok(network.bob.module("lnd_invoice", **wish), False)["payment_request"] == created["payment_request"]
    refused(
        network.bob.module("lnd_invoice", value_msat=1, preimage_from=wish["preimage_from"]),
        "exists with 50000000 msat, wanted are 1 msat",
    )
    request: dict[str, t.Any] = {"payment_request": created["payment_request"]}
    refused(network.alice.module("lnd_payment", amt_msat=5, **request), "amt_msat is set too")
    assert ok(network.alice.module("lnd_payment", check=True, **request), True)["status"] == "SUCCEEDED"
    assert ok(network.bob.module("lnd_invoice", **wish), False)["state"] == "OPEN", "check mode has not paid"
    paid = ok(network.alice.module("lnd_payment", fee_limit_msat=0, **request), True)
    assert (paid["status"], paid["value_msat"], paid["fee_msat"], paid["payment_hash"]) == (
        "SUCCEEDED",
        50_000_000,
        0,
        created["r_hash"],
    )
    assert 0 < paid["duration_ms"] < 30_000
    again = ok(network.alice.module("lnd_payment", fee_limit_msat=0, **request), False)
    assert {name: again[name] for name in paid if name not in ("changed", "diff", "actions", "invocation")} == {
        name: paid[name] for name in paid if name not in ("changed", "diff", "actions", "invocation")
    }
    settled = ok(network.bob.module("lnd_invoice", wait=True, **wish), False)
    assert (settled["state"], settled["amt_paid_msat"]) == ("SETTLED", 50_000_000)


def test_an_invoice_without_an_amount(network: Network) -> None:
    request: dict[str, t.Any] = {
        "payment_request": ok(network.bob.module("lnd_invoice", value_msat=0, preimage="07" * 32), True)[
            "payment_request"
        ]
    }
    refused(network.alice.module("lnd_payment", **request), "Set amt_msat")
    assert ok(network.alice.module("lnd_payment", amt_msat=3_000, **request), True)["value_msat"] == 3_000
    ok(network.alice.module("lnd_payment", amt_msat=3_000, **request), False)


def test_failed_payments_say_why(network: Network) -> None:
    too_much = network.alice.module("lnd_invoice", value_msat=900_000_000)["payment_request"]
    assert (
        network.bob.module("lnd_payment", payment_request=too_much)["reason"] == "FAILURE_REASON_INSUFFICIENT_BALANCE"
    )
    nowhere = network.carol.module("lnd_invoice", value_msat=1_000)["payment_request"]
    refused(
        network.alice.module("lnd_payment", payment_request=nowhere), "FAILURE_REASON_NO_ROUTE", "retry_no_route_for"
    )
    refused(network.alice.module("lnd_payment", payment_request="lnbcrt1nonsense"), "payment_request is not valid")


def test_a_lapsed_invoice_gets_a_successor_under_its_label(network: Network) -> None:
    wish: dict[str, t.Any] = {"value_msat": 1_000, "expiry": 1, "preimage_from": {"key": KEY, "label": "lapsing"}}
    first = ok(network.bob.module("lnd_invoice", **wish), True)
    refused(network.bob.module("lnd_invoice", wait=True, wait_timeout=20, **wish), first["r_hash"], "unpaid")
    second = ok(network.bob.module("lnd_invoice", **{**wish, "expiry": 3600}), True)
    assert second["r_hash"] != first["r_hash"]
    assert ok(network.bob.module("lnd_invoice", **wish), False)["r_hash"] == second["r_hash"]
    refused(network.alice.module("lnd_payment", payment_request=first["payment_request"]), "expired")


def test_a_node_with_a_private_channel_is_paid_by_strangers(network: Network) -> None:
    bob_address = network.bob.module("lnd_address")["address"]
    network.bitcoind.pay(bob_address, 0.1)
    ok(network.bob.module("lnd_balance_info", min_confirmed=10_000_000, wait_timeout=15), False)
    refused(
        network.carol.module("lnd_invoice", value_msat=1_000, private=True, wait_timeout=0),
        "a way by which this node can be paid",
    )
    wish = [{"peer": network.ids["carol"], "capacity": 500_000, "private": True}]
    ok(network.bob.module("lnd_channel", channels=wish), True)
    network.bitcoind.mine(6)
    assert ok(network.bob.module("lnd_channel", channels=wish, wait=True), False)["channels"][0]["private"] is True
    invoice = ok(network.carol.module("lnd_invoice", value_msat=20_000_000, private=True), True)
    assert invoice["route_hints"] == 1
    paid = ok(
        network.alice.module("lnd_payment", payment_request=invoice["payment_request"], retry_no_route_for=60), True
    )
    assert paid["fee_msat"] > 0


def test_channels_are_closed_once(network: Network) -> None:
    wish: dict[str, t.Any] = {"state": "absent", "channels": [{"peer": network.ids["bob"]}]}
    ok(network.alice.module("lnd_channel", check=True, **wish), True)
    assert ok(network.alice.module("lnd_channel", channels=to_bob(network)), False)["channels"][0]["status"] == "open"
    closing = ok(network.alice.module("lnd_channel", **wish), True)["channels"]
    assert [(channel["status"], len(channel["closing_txid"])) for channel in closing] == [("waiting_close", 64)]
    assert ok(network.alice.module("lnd_channel", **wish), False)["channels"] == closing
    network.bitcoind.mine(6)
    ok(network.alice.module("lnd_channel", wait=True, **wish), False)
    assert ok(network.alice.module("lnd_channel", **wish), False)["channels"] == []


def test_a_channel_is_closed_without_its_peer_only_by_force(network: Network) -> None:
    wish: dict[str, t.Any] = {"state": "absent", "channels": [{"peer": network.ids["carol"]}]}
    network.carol.stop()
    refused(network.bob.module("lnd_channel", **wish), "peer is offline")
    closing = ok(network.bob.module("lnd_channel", force=True, **wish), True)["channels"]
    assert closing[0]["status"] == "waiting_close"
    network.bitcoind.mine(6)
    ok(network.bob.module("lnd_channel", wait=True, **wish), False)
    assert ok(network.bob.module("lnd_channel", **wish), False)["channels"][0]["status"] == "pending_force_closing"


def test_an_opening_whose_answer_was_lost_is_not_begun_again(network: Network) -> None:
    network.carol.start()
    ok(network.carol.module("lnd_state_info", state="SERVER_ACTIVE"), False)
    ok(network.alice.module("lnd_peer", pubkey=network.ids["carol"], host=network.carol.host), True)
    wish: dict[str, t.Any] = {"channels": [{"peer": network.ids["carol"], "capacity": 700_000}]}
    network.carol.freeze()
    with Client(Connection(network.alice.rpcserver, *network.alice.credentials(), timeout=2)) as client:
        wanted = (channels.WantedChannel(peer=network.ids["carol"], capacity=700_000),)
        with pytest.raises(TimedOut):
            channels.apply_channels(
                client, channels.plan_channels(channels.WantedChannels(True, wanted), ()).actions[0]
            )
    refused(network.alice.module("lnd_channel", **wish), "already present", "Run again")
    network.carol.thaw()
    until("the end of the first attempt", lambda: not network.alice.module("lnd_channel", **wish).get("failed"))
    assert len(ok(network.alice.module("lnd_channel", **wish), False)["channels"]) == 1


def test_an_opening_whose_answer_was_lost_is_found(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module runs in this process, so that the peer hangs for as long as the call takes, and it is seen that its
    answer was lost.
    """
    network.bitcoind.mine(6)
    peer = {"peer": network.ids["carol"], "capacity": 700_000}
    ok(network.alice.module("lnd_channel", wait=True, channels=[peer]), False)
    wish: dict[str, t.Any] = {"channels": [{**peer, "count": 2}]}
    really, lost = channels.apply_channels, list[TimedOut]()

    def while_the_peer_hangs(client: Client, action: Action) -> None:
        network.carol.freeze()
        try:
            really(client, action)
        except TimedOut as error:
            lost.append(error)
            raise
        finally:
            network.carol.thaw()

    monkeypatch.setattr(channels, "apply_channels", while_the_peer_hangs)
    assert len(ok(run("lnd_channel", timeout=2, **network.alice.connection, **wish), True)["channels"]) == 2
    assert [error.call for error in lost] == ["lnrpc.Lightning/BatchOpenChannel"]
    assert len(ok(network.alice.module("lnd_channel", **wish), False)["channels"]) == 2
