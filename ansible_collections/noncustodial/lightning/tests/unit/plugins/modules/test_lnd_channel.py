# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import channel as channels
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import module as module_core
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

PENDING, OPEN, BATCH = (
    "lnrpc.Lightning/PendingChannels",
    "lnrpc.Lightning/ListChannels",
    "lnrpc.Lightning/BatchOpenChannel",
)
CLOSE, WALLET, NEW = "lnrpc.Lightning/CloseChannel", "lnrpc.Lightning/WalletBalance", "lnrpc.Lightning/NewAddress"
ANN, BEN = "02" + "aa" * 32, "03" + "bb" * 32
TXID = "12" * 32
WISH = {"channels": [{"peer": ANN, "capacity": 1_000_000}]}
GONE = {"channels": [{"peer": ANN}], "state": "absent"}
LOST = Call(BATCH, Fails("transport is closing", "UNAVAILABLE"))

Channel = dict[str, t.Any]


def channel(index: int = 0, peer: str = ANN, active: bool = True) -> Channel:
    return {
        "active": active,
        "remote_pubkey": peer,
        "channel_point": f"{TXID}:{index}",
        "chan_id": 1 << 60,
        "capacity": 1_000_000,
        "local_balance": 996_530,
        "initiator": True,
        "commitment_type": "ANCHORS",
    }


def pending(index: int = 0, peer: str = ANN) -> Channel:
    return {
        "channel": {
            "remote_node_pub": peer,
            "channel_point": f"{TXID}:{index}",
            "capacity": 1_000_000,
            "local_balance": 996_530,
            "initiator": "INITIATOR_LOCAL",
            "commitment_type": "ANCHORS",
        }
    }


def reads(
    *channels: Channel,
    opening: t.Sequence[Channel] = (),
    closing: t.Sequence[Channel] = (),
    forced: t.Sequence[Channel] = (),
) -> list[Call]:
    """Return the calls that read the channels with ANN once."""
    lists = {
        "pending_open_channels": opening,
        "waiting_close_channels": closing,
        "pending_force_closing_channels": forced,
    }
    return [Call(PENDING, lists), Call(OPEN, {"channels": channels}, {"peer": bytes.fromhex(ANN)})]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look only once after a lost answer."""
    monkeypatch.setattr(module_core, "_LOST_ANSWER_WAIT_SECONDS", 0.0)


def test_opens_what_is_missing(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        *reads(),
        Call(BATCH, {"pending_channels": [{}]}, {"sat_per_vbyte": 3, "min_confs": 1}),
        *reads(opening=[pending()]),
    )
    result = succeeds("lnd_channel", sat_per_vbyte=3, **WISH, **lnd.options)
    assert (result["changed"], result["actions"]) == (True, ["open"])
    assert [each["status"] for each in result["channels"]] == ["pending_open"]
    assert result["channels"][0]["channel_point"] == f"{TXID}:0"


def test_options_reach_lnd(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(*reads(), Call(BATCH), *reads(opening=[pending()]))
    element = {
        "peer": ANN,
        "capacity": 900_000,
        "push_sat": 5,
        "private": True,
        "base_fee_msat": 0,
        "fee_rate_ppm": 7,
        "commitment_type": "SIMPLE_TAPROOT",
        "close_address": "bcrt1qclose",
        "memo": "first",
    }
    succeeds("lnd_channel", channels=[element], target_conf=2, spend_unconfirmed=True, label="x", **lnd.options)
    request = lnd.requests[2]
    sent = request.channels[0]
    assert (sent.node_pubkey.hex(), sent.local_funding_amount, sent.push_sat, sent.private) == (ANN, 900_000, 5, True)
    assert (sent.use_base_fee, sent.base_fee, sent.use_fee_rate, sent.fee_rate) == (True, 0, True, 7)
    assert (sent.commitment_type, sent.close_address, sent.memo, len(sent.pending_chan_id)) == (
        5,
        "bcrt1qclose",
        "first",
        32,
    )
    assert (request.target_conf, request.spend_unconfirmed, request.min_confs, request.label) == (2, True, 0, "x")


def test_lnds_own_defaults_stay(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(*reads(), Call(BATCH), *reads(opening=[pending()]))
    succeeds("lnd_channel", **WISH, **lnd.options)
    sent = lnd.requests[2].channels[0]
    assert (sent.use_base_fee, sent.use_fee_rate, sent.commitment_type) == (False, False, 0)


def test_several_peers_share_one_transaction(scripted: t.Any, succeeds: t.Any) -> None:
    look = [Call(PENDING), Call(OPEN, {}, {"peer": bytes.fromhex(ANN)}), Call(OPEN, {}, {"peer": bytes.fromhex(BEN)})]
    after = [Call(PENDING, {"pending_open_channels": [pending(0), pending(1), pending(2, BEN)]}), *look[1:]]
    lnd = scripted(*look, Call(BATCH), *after)
    wish = [{"peer": ANN, "capacity": 1_000_000, "count": 2}, {"peer": BEN, "capacity": 1_000_000}]
    assert len(succeeds("lnd_channel", channels=wish, **lnd.options)["channels"]) == 3
    sent = lnd.requests[3].channels
    assert [each.node_pubkey.hex() for each in sent] == [ANN, ANN, BEN]
    assert len({each.pending_chan_id for each in sent}) == 3


def has(confirmed: int, unconfirmed: int = 0) -> list[Call]:
    """Return the calls that read the wallet's coins."""
    balance = {
        "confirmed_balance": confirmed,
        "unconfirmed_balance": unconfirmed,
        "total_balance": confirmed + unconfirmed,
    }
    return [Call(WALLET, balance), Call("lnrpc.Lightning/ChannelBalance")]


def test_check_mode_only_reads(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_channel", True, wait=True, **WISH, **scripted(*reads(), *has(1_000_000)).options)
    assert (result["changed"], result["channels"][0]["status"]) == (True, "pending_open")
    assert result["diff"] == {"before": {"channels": []}, "after": {"channels": result["channels"]}}


def test_check_mode_predicts_too_few_coins(scripted: t.Any, fails: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The coins are counted for all channels together."""
    monkeypatch.setattr(channels, "_COINS_WAIT_SECONDS", 0.0)
    short = [*has(1_999_999, 500), *has(1_999_999, 500), Call(NEW, {"address": "bcrt1qfund"})]
    message = fails(
        "lnd_channel",
        True,
        channels=[{"peer": ANN, "capacity": 1_000_000, "count": 2}],
        **scripted(*reads(), *short).options,
    )
    for part in ("1999999 sat confirmed", "needed: 2000000 sat confirmed.", "bcrt1qfund"):
        assert part in message


def test_check_mode_counts_unconfirmed_coins_where_they_are_spent(scripted: t.Any, succeeds: t.Any) -> None:
    succeeds("lnd_channel", True, spend_unconfirmed=True, **WISH, **scripted(*reads(), *has(0, 1_000_000)).options)


def test_check_mode_asks_for_no_coins_where_nothing_is_opened(scripted: t.Any, succeeds: t.Any) -> None:
    succeeds("lnd_channel", True, **WISH, **scripted(*reads(channel())).options)


@pytest.mark.parametrize("there", [reads(channel()), reads(opening=[pending()]), reads(channel(active=False))])
def test_repeat(scripted: t.Any, succeeds: t.Any, there: list[Call]) -> None:
    result = succeeds("lnd_channel", **WISH, **scripted(*there).options)
    assert (result["changed"], len(result["channels"])) == (False, 1)


def test_a_channel_that_opens_between_the_two_reads_counts_once(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_channel", **WISH, **scripted(*reads(channel(), opening=[pending()])).options)
    assert [each["status"] for each in result["channels"]] == ["open"]


def test_waits_until_active(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        *reads(opening=[pending()]), *reads(opening=[pending()]), *reads(channel(active=False)), *reads(channel())
    )
    result = succeeds("lnd_channel", wait=True, wait_timeout=10, **WISH, **lnd.options)
    assert (result["changed"], result["channels"][0]["active"]) == (False, True)


def test_the_wait_shows_what_is_missing(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(*reads(channel(active=False)), *reads(channel(active=False)))
    message = fails("lnd_channel", wait=True, wait_timeout=0, **WISH, **lnd.options)
    assert f"{TXID}:0 with {ANN}, 1000000 sat, open but not active" in message


def test_a_lost_answer_after_which_the_channel_is_there(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(*reads(), LOST, *reads(), *reads(opening=[pending()]))
    result = succeeds("lnd_channel", **WISH, **lnd.options)
    assert (result["changed"], result["channels"][0]["channel_point"]) == (True, f"{TXID}:0")


def test_a_lost_answer_after_which_lnd_is_away_for_a_moment(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        *reads(), LOST, Call(PENDING, Fails("connection refused", "UNAVAILABLE")), *reads(opening=[pending()])
    )
    assert succeeds("lnd_channel", **WISH, **lnd.options)["changed"] is True


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"])
@pytest.mark.usefixtures("at_once")
def test_a_lost_answer_without_a_channel_is_an_error_and_never_a_second_opening(
    scripted: t.Any, fails: t.Any, status: str
) -> None:
    lnd = scripted(*reads(), Call(BATCH, Fails("gone", status)), *reads())
    message = fails("lnd_channel", **WISH, **lnd.options)
    assert status in message
    assert "no change has shown" in message


@pytest.mark.usefixtures("at_once")
def test_a_lost_answer_with_only_some_of_the_channels(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(*reads(), LOST, *reads(opening=[pending()]))
    fails("lnd_channel", channels=[{"peer": ANN, "capacity": 1_000_000, "count": 2}], **lnd.options)


@pytest.mark.usefixtures("at_once")
def test_a_second_run_after_a_lost_answer_has_the_same_id(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(
        *reads(),
        LOST,
        *reads(),
        *reads(),
        Call(BATCH, Fails("batch funding failed: pendingChannelID(ab) already present")),
    )
    fails("lnd_channel", **WISH, **lnd.options)
    assert "Run again in a minute" in fails("lnd_channel", **WISH, **lnd.options)
    first, second = lnd.requests[2], lnd.requests[7]
    assert first.channels[0].pending_chan_id == second.channels[0].pending_chan_id


@pytest.mark.parametrize(
    ("detail", "cure"),
    [
        (f"error batch opening channel, initial negotiation failed: peer {ANN} is not online", "lnd_peer"),
        ("received funding error from 02ab: err=Number of pending channels exceed maximum", "maxpendingchannels"),
        ("funding amount is too large, the max channel size is: 0.16777215 BTC", "0.16777215 BTC"),
        ("server is still in the process of starting", "SERVER_ACTIVE"),
    ],
)
def test_refusals_name_cause_and_cure(scripted: t.Any, fails: t.Any, detail: str, cure: str) -> None:
    message = fails(
        "lnd_channel", **WISH, **scripted(*reads(), Call(BATCH, Fails(f"batch funding failed: {detail}"))).options
    )
    assert detail in message
    assert cure in message


BEHIND = [
    "channels cannot be created before the wallet is fully synced",
    "received funding error from 02ab: err=Synchronizing blockchain",
]


@pytest.mark.parametrize("detail", BEHIND)
def test_a_node_that_takes_in_a_block_is_asked_again(scripted: t.Any, succeeds: t.Any, detail: str) -> None:
    """The same request: lnd has refused it, and not lost it."""
    lnd = scripted(*reads(), Call(BATCH, Fails(detail)), Call(BATCH), *reads(opening=[pending()]))
    assert succeeds("lnd_channel", **WISH, **lnd.options)["actions"] == ["open"]
    assert lnd.requests[2] == lnd.requests[3]


@pytest.mark.parametrize("detail", BEHIND)
def test_a_node_that_stays_behind(scripted: t.Any, fails: t.Any, monkeypatch: pytest.MonkeyPatch, detail: str) -> None:
    monkeypatch.setattr(channels, "_SYNC_WAIT_SECONDS", 0.0)
    message = fails("lnd_channel", **WISH, **scripted(*reads(), Call(BATCH, Fails(detail))).options)
    assert detail in message
    assert "synced_to_chain" in message


@pytest.mark.parametrize(
    "detail",
    [
        "error funding PSBT: insufficient funds available to construct transaction",
        "error verifying PSBT: reserved wallet balance invalidated: transaction would leave insufficient funds",
    ],
)
def test_too_few_coins(scripted: t.Any, fails: t.Any, detail: str) -> None:
    lnd = scripted(
        *reads(),
        Call(BATCH, Fails(detail)),
        Call(WALLET, {"confirmed_balance": 999}),
        Call("lnrpc.Lightning/ChannelBalance"),
        Call(NEW, {"address": "bcrt1qfund"}),
    )
    message = fails("lnd_channel", **WISH, **lnd.options)
    for part in (f"localhost:{lnd.port}", "999 sat confirmed", "1000000 sat for 1 channel(s)", "bcrt1qfund"):
        assert part in message


def test_openings_take_turns(scripted: t.Any, succeeds: t.Any, tmp_path: Path) -> None:
    """Nobody else on this machine opens a channel of this node from the first look to the last answer: each would hold
    the coins of the other.
    """
    seen: list[bool] = []

    def look() -> None:
        seen.append(is_taken(tmp_path / "lnd0" / "tls.cert"))

    first, *others = reads()
    lnd = scripted(replace(first, before=look), *others, Call(BATCH, before=look), *reads(channel()))
    succeeds("lnd_channel", **WISH, **lnd.options)
    assert seen == [True, True]
    assert not is_taken(tmp_path / "lnd0" / "tls.cert")


def is_taken(path: Path) -> bool:
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_closes(scripted: t.Any, succeeds: t.Any) -> None:
    closing = {**pending(), "closing_txid": "34" * 32}
    target = {"funding_txid_str": TXID, "output_index": 0}
    wanted = {"channel_point": target, "force": False, "sat_per_vbyte": 2, "delivery_address": "bcrt1qhome"}
    lnd = scripted(*reads(channel()), Call(CLOSE, [{"close_pending": {}}], wanted), *reads(closing=[closing]))
    result = succeeds("lnd_channel", sat_per_vbyte=2, delivery_address="bcrt1qhome", **GONE, **lnd.options)
    assert (result["changed"], result["actions"]) == (True, ["close"])
    assert [(each["status"], each["closing_txid"]) for each in result["channels"]] == [("waiting_close", "34" * 32)]


def test_closes_all_of_a_peer_or_one(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        *reads(channel(), channel(1)),
        Call(CLOSE, [{"close_pending": {}}]),
        Call(CLOSE, [{"close_pending": {}}]),
        *reads(),
    )
    assert succeeds("lnd_channel", **GONE, **lnd.options)["actions"] == ["close", "close"]
    one = {"funding_txid_str": TXID, "output_index": 1}
    lnd = scripted(
        *reads(channel(), channel(1)), Call(CLOSE, [{"close_pending": {}}], {"channel_point": one}), *reads(channel())
    )
    succeeds("lnd_channel", state="absent", channels=[{"peer": ANN, "channel_point": f"{TXID}:1"}], **lnd.options)


def test_check_mode_does_not_close(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_channel", True, **GONE, **scripted(*reads(channel())).options)
    assert (result["changed"], result["channels"][0]["status"]) == (True, "waiting_close")


def test_an_htlc_under_way_keeps_all_channels_open(scripted: t.Any, fails: t.Any) -> None:
    busy = channel(1) | {"pending_htlcs": [{"amount": 5}]}
    assert "has 1 HTLC(s) under way" in fails("lnd_channel", **GONE, **scripted(*reads(channel(), busy)).options)


def test_by_force_a_channel_closes_with_an_htlc(scripted: t.Any, succeeds: t.Any) -> None:
    busy = channel() | {"pending_htlcs": [{"amount": 5}]}
    lnd = scripted(*reads(busy), Call(CLOSE, [{"close_pending": {}}], {"force": True}), *reads(forced=[pending()]))
    assert succeeds("lnd_channel", force=True, **GONE, **lnd.options)["changed"] is True


@pytest.mark.parametrize("there", [reads(), reads(closing=[pending()]), reads(forced=[pending()])])
def test_already_closed_or_closing(scripted: t.Any, succeeds: t.Any, there: list[Call]) -> None:
    assert succeeds("lnd_channel", **GONE, **scripted(*there).options)["changed"] is False


def test_waits_for_the_closing_transaction(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(*reads(closing=[pending()]), *reads(closing=[pending()]), *reads(forced=[pending()]))
    assert succeeds("lnd_channel", wait=True, wait_timeout=10, **GONE, **lnd.options)["changed"] is False


def test_a_lost_answer_to_a_close(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        *reads(channel()), Call(CLOSE, [Fails("gone", "UNAVAILABLE")]), *reads(channel()), *reads(closing=[pending()])
    )
    assert succeeds("lnd_channel", **GONE, **lnd.options)["changed"] is True


@pytest.mark.usefixtures("at_once")
def test_a_close_that_ends_without_a_transaction(scripted: t.Any, fails: t.Any) -> None:
    message = fails("lnd_channel", **GONE, **scripted(*reads(channel()), Call(CLOSE, []), *reads(channel())).options)
    assert "without a closing transaction" in message


def test_closed_by_somebody_else_meanwhile(scripted: t.Any, succeeds: t.Any) -> None:
    succeeds(
        "lnd_channel",
        **GONE,
        **scripted(*reads(channel()), Call(CLOSE, [Fails("channel not found")]), *reads()).options,
    )


def test_a_close_without_the_peer(scripted: t.Any, fails: t.Any) -> None:
    offline = "unable to gracefully close channel while peer is offline (try force closing it instead): link not found"
    assert "force" in fails("lnd_channel", **GONE, **scripted(*reads(channel()), Call(CLOSE, [Fails(offline)])).options)


def test_force(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        *reads(channel()),
        Call(CLOSE, [{"close_pending": {}}], {"force": True, "sat_per_vbyte": 0}),
        *reads(closing=[pending()]),
    )
    succeeds("lnd_channel", force=True, **GONE, **lnd.options)


def test_bad_options(scripted: t.Any, fails: t.Any) -> None:
    assert "is not a node id" in fails("lnd_channel", channels=[{"peer": "acme", "capacity": 5}])
    assert "No capacity" in fails("lnd_channel", channels=[{"peer": ANN}])
    assert "mutually exclusive" in fails("lnd_channel", sat_per_vbyte=1, target_conf=1, **WISH)
    assert "Unsupported parameters" in fails("lnd_channel", channels=[{"peer": ANN, "capacity": 5, "size": 5}])
    assert "value of commitment_type must be one of" in fails(
        "lnd_channel", channels=[{"peer": ANN, "capacity": 5, "commitment_type": "BEST"}]
    )
    assert "cannot be closed yet" in fails("lnd_channel", **GONE, **scripted(*reads(opening=[pending()])).options)
