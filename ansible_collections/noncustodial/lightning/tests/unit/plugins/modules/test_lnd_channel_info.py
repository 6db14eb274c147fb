# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call

PENDING, OPEN, CLOSED = (
    "lnrpc.Lightning/PendingChannels",
    "lnrpc.Lightning/ListChannels",
    "lnrpc.Lightning/ClosedChannels",
)
ANN, BEN = "02" + "aa" * 32, "03" + "bb" * 32
POINT, OTHER = f"{'12' * 32}:0", f"{'34' * 32}:1"
HASH = "ab" * 32


def channel(*htlcs: int) -> dict[str, t.Any]:
    """Return an open channel with outgoing HTLCs of these amounts."""
    return {
        "active": True,
        "remote_pubkey": ANN,
        "channel_point": POINT,
        "capacity": 9_000,
        "pending_htlcs": [
            {"amount": amount, "hash_lock": bytes.fromhex(HASH), "expiration_height": 140} for amount in htlcs
        ],
    }


def reads(*opened: dict[str, t.Any], **pending: t.Any) -> list[Call]:
    return [Call(PENDING, pending), Call(OPEN, {"channels": opened})]


def closed(point: str, height: int, how: str = "COOPERATIVE_CLOSE") -> dict[str, t.Any]:
    return {
        "channel_point": point,
        "close_height": height,
        "close_type": how,
        "settled_balance": 7,
        "closing_tx_hash": "ef",
    }


def test_reads_open_closing_and_closed_ones(scripted: t.Any, succeeds: t.Any) -> None:
    closing = {"channel": {"remote_node_pub": ANN, "channel_point": OTHER}, "closing_txid": "cd"}
    gone = [closed(POINT, 9), closed(OTHER, 5, "FUNDING_CANCELED"), closed(OTHER, 4, "BREACH_CLOSE")]
    lnd = scripted(*reads(channel(5), waiting_close_channels=[closing]), Call(CLOSED, {"channels": gone}))
    result = succeeds("lnd_channel_info", **lnd.options)
    assert result["changed"] is False
    assert [(one["channel_point"], one["status"], one["closing_txid"]) for one in result["channels"]] == [
        (POINT, "open", ""),
        (OTHER, "waiting_close", "cd"),
    ]
    assert result["channels"][0]["pending_htlcs"] == [
        {"incoming": False, "amount": 5, "hash_lock": HASH, "expiration_height": 140}
    ]
    assert [(one["close_height"], one["close_type"]) for one in result["closed_channels"]] == [
        (4, "BREACH_CLOSE"),
        (9, "COOPERATIVE_CLOSE"),
    ]


def test_reads_those_with_a_peer(scripted: t.Any, succeeds: t.Any) -> None:
    gone = [closed(POINT, 9) | {"remote_pubkey": ANN}, closed(OTHER, 4) | {"remote_pubkey": BEN}]
    other = channel(3) | {"remote_pubkey": BEN, "channel_point": OTHER}
    lnd = scripted(*reads(channel(), other), Call(CLOSED, {"channels": gone}))
    result = succeeds("lnd_channel_info", peers=[ANN], no_htlcs=True, wait_timeout=0, **lnd.options)
    assert [one["channel_point"] for one in (*result["channels"], *result["closed_channels"])] == [POINT, POINT]


def test_waits_until_no_htlc_is_left(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(*reads(channel(5)), *reads(channel()), Call(CLOSED))
    result = succeeds("lnd_channel_info", no_htlcs=True, wait_timeout=10, **lnd.options)
    assert result["channels"][0]["pending_htlcs"] == []


def test_names_the_htlcs_that_are_left(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(*reads(channel(*range(1, 13))))
    message = fails("lnd_channel_info", no_htlcs=True, wait_timeout=0, **lnd.options)
    assert f"out {HASH} of 1 sat in {POINT}, which ends at height 140" in message
    assert "; and 2 more" in message
