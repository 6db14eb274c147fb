# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels that count as wanted, and those that are opened or closed for the rest."""

from __future__ import annotations

import itertools
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.channel import (
    Channel,
    WantedChannel,
    WantedChannels,
    allot,
    parse_options,
    pending_ids,
    plan_channels,
)

ANN, BEN = "02" + "aa" * 32, "03" + "bb" * 32
POINTS = (f"{number:064x}:0" for number in itertools.count(1))


def channel(peer: str = ANN, capacity: int = 1_000_000, **fields: t.Any) -> Channel:
    given = {
        "private": False,
        "initiator": True,
        "commitment_type": "ANCHORS",
        "status": "open",
        "active": True,
        **fields,
    }
    return Channel(
        channel_point=next(POINTS),
        remote_pubkey=peer,
        capacity=capacity,
        local_balance=capacity,
        remote_balance=0,
        memo="",
        **given,
    )


def options(state: str = "present", **values: t.Any) -> dict[str, t.Any]:
    element = {"capacity": None, "channel_point": None, "push_sat": 0, "peer": ANN, **values.pop("channel", {})}
    return {
        "state": state,
        "channels": [element],
        "sat_per_vbyte": None,
        "target_conf": None,
        "min_confs": 1,
        "spend_unconfirmed": False,
        "label": None,
        "delivery_address": None,
        "force": False,
        **values,
    }


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        pytest.param([], 1, id="nothing there"),
        pytest.param([channel()], 0, id="exactly that"),
        pytest.param([channel(capacity=5_000_000)], 0, id="a larger one"),
        pytest.param([channel(capacity=999_999)], 1, id="a smaller one"),
        pytest.param([channel(BEN)], 1, id="of another peer"),
        pytest.param([channel(initiator=False)], 1, id="opened by the peer"),
        pytest.param([channel(private=True)], 1, id="not announced"),
        pytest.param([channel(status="pending_open", active=False)], 0, id="being opened"),
        pytest.param([channel(active=False)], 0, id="its peer is offline"),
        pytest.param([channel(status="waiting_close")], 1, id="being closed"),
        pytest.param([channel(status="pending_force_closing")], 1, id="being closed by force"),
        pytest.param([channel(commitment_type="STATIC_REMOTE_KEY")], 0, id="of another kind, none named"),
    ],
)
def test_what_counts(there: list[Channel], missing: int) -> None:
    counted, lacking = allot([WantedChannel(peer=ANN, capacity=1_000_000)], there)
    assert (len(counted), len(lacking)) == (1 - missing, missing)


def test_a_named_kind_must_agree() -> None:
    assert len(allot([WantedChannel(peer=ANN, capacity=1, commitment_type="SIMPLE_TAPROOT")], [channel()])[1]) == 1
    assert len(allot([WantedChannel(peer=ANN, capacity=1, commitment_type="ANCHORS")], [channel()])[1]) == 0


def test_a_channel_counts_once_and_the_most_demanding_wish_chooses_first() -> None:
    small, large = channel(capacity=1_000_000), channel(capacity=3_000_000)
    counted, missing = allot(
        [WantedChannel(peer=ANN, capacity=1_000_000), WantedChannel(peer=ANN, capacity=2_000_000)], [large, small]
    )
    assert set(counted) == {small, large}
    assert not missing
    _counted, missing = allot(
        [WantedChannel(peer=ANN, capacity=1_000_000, count=2), WantedChannel(peer=ANN, capacity=2_000_000)],
        [large, small],
    )
    assert missing == (WantedChannel(peer=ANN, capacity=1_000_000),)


def test_a_wish_for_one_kind_leaves_the_others_to_those_without_one() -> None:
    anchors, taproot = channel(), channel(commitment_type="SIMPLE_TAPROOT")
    wishes = [
        WantedChannel(peer=ANN, capacity=1_000_000),
        WantedChannel(peer=ANN, capacity=1_000_000, commitment_type="SIMPLE_TAPROOT"),
    ]
    assert allot(wishes, [taproot, anchors])[1] == ()


def test_all_that_is_missing_is_opened_by_one_action() -> None:
    there = channel()
    plan = plan_channels(
        WantedChannels(
            True,
            (WantedChannel(peer=ANN, capacity=1_000_000, count=3), WantedChannel(peer=BEN, capacity=7)),
            {"label": "x"},
        ),
        [there],
    )
    assert [action.name for action in plan.actions] == ["open"]
    assert [each.peer for each, _id in plan.actions[0].args["channels"]] == [ANN, ANN, BEN]
    assert [each.count for each, _id in plan.actions[0].args["channels"]] == [1, 1, 1]
    assert [each["remote_pubkey"] for each in plan.before["channels"]] == [ANN]
    assert [each["status"] for each in plan.after["channels"]] == [
        "open",
        "pending_open",
        "pending_open",
        "pending_open",
    ]


def test_nothing_is_planned_when_all_is_there() -> None:
    plan = plan_channels(WantedChannels(True, (WantedChannel(peer=ANN, capacity=1_000_000),)), [channel()])
    assert not plan.changed
    assert plan.before == plan.after


def test_ids_repeat_until_a_channel_appears_and_never_meet() -> None:
    missing = (
        WantedChannel(peer=ANN, capacity=5),
        WantedChannel(peer=ANN, capacity=5),
        WantedChannel(peer=BEN, capacity=5),
    )
    there = [channel()]
    first = pending_ids(missing, there)
    assert first == pending_ids(missing, there), "the same attempt has the same ids, so that lnd refuses the second"
    assert len(set(first)) == 3
    assert {len(each) for each in first} == {32}
    assert not set(first) & set(pending_ids(missing, [*there, channel(status="pending_open")]))


def test_ids_do_not_follow_the_order_in_which_lnd_lists() -> None:
    there = [channel(), channel()]
    assert pending_ids((WantedChannel(peer=ANN, capacity=5),), there) == pending_ids(
        (WantedChannel(peer=ANN, capacity=5),), there[::-1]
    )


def test_closing_means_all_open_channels_with_the_peer() -> None:
    ours, theirs, closing, other = channel(), channel(initiator=False), channel(status="waiting_close"), channel(BEN)
    plan = plan_channels(
        WantedChannels(False, (WantedChannel(peer=ANN),), closing={"force": True}), [ours, theirs, closing, other]
    )
    assert [action.args["channel_point"] for action in plan.actions] == [ours.channel_point, theirs.channel_point]
    assert {action.args["closing"]["force"] for action in plan.actions} == {True}
    assert {each["status"] for each in plan.after["channels"]} == {"waiting_close"}


def test_closing_one_channel() -> None:
    first, second = channel(), channel()
    plan = plan_channels(
        WantedChannels(False, (WantedChannel(peer=ANN, channel_point=second.channel_point),)), [first, second]
    )
    assert [action.args["channel_point"] for action in plan.actions] == [second.channel_point]


def test_what_is_closing_or_gone_needs_nothing() -> None:
    assert not plan_channels(
        WantedChannels(False, (WantedChannel(peer=ANN),)), [channel(status="pending_force_closing")]
    ).changed


def test_a_channel_that_is_being_opened_cannot_be_closed() -> None:
    with pytest.raises(Refused, match="Wait until its funding transaction is confirmed"):
        plan_channels(WantedChannels(False, (WantedChannel(peer=ANN),)), [channel(status="pending_open")])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channel": {"capacity": None}}, "No capacity"),
        ({"channel": {"capacity": 5, "push_sat": 5}}, "push_sat 5 is not below capacity 5"),
        ({"channel": {"capacity": 5, "peer": "alice@example.org"}}, "is not a node id"),
        ({"channel": {"capacity": 5, "channel_point": "ab" * 32 + ":0"}}, "state is present"),
        ({"state": "absent", "channel": {"channel_point": "ab:0"}}, "is not a channel point"),
    ],
)
def test_wishes_that_cannot_be(given: dict[str, t.Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_options(options(**given))


@pytest.mark.parametrize(
    ("given", "funding"),
    [
        ({}, {"min_confs": 1}),
        ({"sat_per_vbyte": 5, "label": "x"}, {"sat_per_vbyte": 5, "min_confs": 1, "label": "x"}),
        ({"target_conf": 3, "min_confs": 6}, {"target_conf": 3, "min_confs": 6}),
        ({"spend_unconfirmed": True}, {"spend_unconfirmed": True}),
    ],
)
def test_how_channels_are_funded(given: dict[str, t.Any], funding: dict[str, t.Any]) -> None:
    assert parse_options(options(channel={"capacity": 5}, **given)).funding == funding


def test_how_channels_are_closed() -> None:
    assert parse_options(options("absent", force=True, sat_per_vbyte=None)).closing == {"force": True}
    assert parse_options(options("absent", sat_per_vbyte=2, delivery_address="bcrt1q")).closing == {
        "sat_per_vbyte": 2,
        "delivery_address": "bcrt1q",
    }


def test_node_ids_are_compared_in_lower_case() -> None:
    assert parse_options(options(channel={"capacity": 5, "peer": ANN.upper()})).peers == {ANN}


def test_what_is_shown_of_a_channel() -> None:
    assert "open but not active" in repr(channel(active=False))
    assert "pending_open" in repr(channel(status="pending_open"))
