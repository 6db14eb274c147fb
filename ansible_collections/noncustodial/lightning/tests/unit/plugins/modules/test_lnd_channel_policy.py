# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import channel_policy
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

INFO, LIST, EDGE = "lnrpc.Lightning/GetInfo", "lnrpc.Lightning/ListChannels", "lnrpc.Lightning/GetChanInfo"
UPDATE = "lnrpc.Lightning/UpdateChannelPolicy"
ME, PEER = "02" + "aa" * 32, "03" + "bb" * 32
POINT = "12" * 32 + ":1"


def reads(fee_rate: int = 1, first: bool = True) -> list[Call]:
    """Return the calls that read one channel once; this node is its first or second node."""
    mine = {
        "time_lock_delta": 80,
        "min_htlc": 1000,
        "fee_base_msat": 1000,
        "fee_rate_milli_msat": fee_rate,
        "max_htlc_msat": 990_000,
    }
    theirs = {"time_lock_delta": 40, "fee_rate_milli_msat": 500}
    edge = {
        "chan_point": POINT,
        "node1_pub": ME if first else PEER,
        "node2_pub": PEER if first else ME,
        "node1_policy": mine if first else theirs,
        "node2_policy": theirs if first else mine,
    }
    listed = {"channels": [{"channel_point": POINT, "remote_pubkey": PEER}]}
    return [Call(INFO, {"identity_pubkey": ME}), Call(LIST, listed), Call(EDGE, edge, {"chan_point": POINT})]


def test_updates_and_waits_for_the_graph(scripted: t.Any, succeeds: t.Any) -> None:
    sent = {
        "chan_point": {"funding_txid_str": "12" * 32, "output_index": 1},
        "fee_rate_ppm": 7,
        "base_fee_msat": 1000,
        "time_lock_delta": 80,
        "min_htlc_msat": 1000,
        "min_htlc_msat_specified": True,
        "max_htlc_msat": 990_000,
    }
    lnd = scripted(*reads(), Call(UPDATE, {}, sent), *reads(), *reads(), *reads(7))
    result = succeeds("lnd_channel_policy", peer=PEER, fee_rate_ppm=7, **lnd.options)
    assert (result["changed"], result["actions"], result["channels"][0]["fee_rate_ppm"]) == (True, ["update"], 7)
    assert (
        result["diff"]["before"]["channels"][0]["fee_rate_ppm"],
        result["diff"]["after"]["channels"][0]["fee_rate_ppm"],
    ) == (1, 7)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("scope", [{"peer": PEER}, {"channel_point": POINT}, {"all": True}])
def test_repeat(scripted: t.Any, succeeds: t.Any, scope: dict[str, t.Any], first: bool) -> None:
    lnd = scripted(*reads(7, first), *reads(7, first))
    assert succeeds("lnd_channel_policy", fee_rate_ppm=7, **scope, **lnd.options)["changed"] is False


@pytest.mark.parametrize("first", [True, False])
def test_a_new_channel_gets_its_policy_a_moment_after_its_place_in_the_graph(
    scripted: t.Any, succeeds: t.Any, first: bool
) -> None:
    *look, edge = reads(7, first)
    early = {
        name: value for name, value in edge.answer.items() if name != ("node1_policy" if first else "node2_policy")
    }
    lnd = scripted(*look, Call(EDGE, Fails("edge not found")), Call(EDGE, early), edge)
    assert succeeds("lnd_channel_policy", check=True, peer=PEER, fee_rate_ppm=7, **lnd.options)["changed"] is False


def test_check_mode_only_reads(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_channel_policy", True, channel_point=POINT, max_htlc_msat=5, **scripted(*reads()).options)
    assert (result["changed"], result["channels"][0]["max_htlc_msat"]) == (True, 5)


def test_lnd_refuses_the_values(scripted: t.Any, fails: t.Any) -> None:
    failed = {
        "failed_updates": [
            {"reason": "UPDATE_FAILURE_INVALID_PARAMETER", "update_error": "max htlc size is above max pending amount"}
        ]
    }
    message = fails(
        "lnd_channel_policy", all=True, max_htlc_msat=10**12, **scripted(*reads(), Call(UPDATE, failed)).options
    )
    assert "max htlc size is above max pending amount" in message
    assert POINT in message


def test_no_such_channel(scripted: t.Any, fails: t.Any) -> None:
    look = (Call(INFO, {"identity_pubkey": ME}), Call(LIST))
    assert f"no open channel with {PEER}" in fails(
        "lnd_channel_policy", peer=PEER, fee_rate_ppm=7, **scripted(*look).options
    )
    assert f"no open channel {POINT}" in fails(
        "lnd_channel_policy", channel_point=POINT, fee_rate_ppm=7, **scripted(*look).options
    )


def test_a_channel_that_the_graph_does_not_have_yet(scripted: t.Any, succeeds: t.Any) -> None:
    look = reads(7)
    lnd = scripted(*look[:2], Call(EDGE, Fails("edge not found", "NOT_FOUND")), look[2], *reads(7))
    assert succeeds("lnd_channel_policy", peer=PEER, fee_rate_ppm=7, **lnd.options)["changed"] is False


def test_a_channel_that_the_graph_never_has(scripted: t.Any, fails: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_policy, "_SHOWN_WITHIN_SECONDS", 0.0)
    lnd = scripted(*reads()[:2], Call(EDGE, Fails("edge not found", "NOT_FOUND")))
    assert f"to have a policy of {POINT}" in fails("lnd_channel_policy", peer=PEER, fee_rate_ppm=7, **lnd.options)


def test_the_graph_never_shows_it(scripted: t.Any, fails: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_policy, "_SHOWN_WITHIN_SECONDS", 0.0)
    lnd = scripted(*reads(), Call(UPDATE), *reads(), *reads())
    assert "the new policies in the graph" in fails("lnd_channel_policy", peer=PEER, fee_rate_ppm=7, **lnd.options)


def test_bad_options(fails: t.Any) -> None:
    assert "one of the following is required: channel_point, peer, all" in fails("lnd_channel_policy", fee_rate_ppm=7)
    assert "one of the following is required: base_fee_msat" in fails("lnd_channel_policy", all=True)
    assert "mutually exclusive" in fails("lnd_channel_policy", all=True, peer=PEER, fee_rate_ppm=7)
    assert "No channel is named" in fails("lnd_channel_policy", all=False, fee_rate_ppm=7)
