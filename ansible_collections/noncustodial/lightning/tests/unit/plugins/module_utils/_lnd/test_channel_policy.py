# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that are updated."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.channel_policy import (
    POLICY_FIELDS,
    ChannelPolicy,
    Policy,
    WantedPolicy,
    parse_options,
    plan_policies,
)

NODE = "02" + "aa" * 32
DEFAULT = Policy(base_fee_msat=1000, fee_rate_ppm=1, time_lock_delta=80, min_htlc_msat=1000, max_htlc_msat=990_000_000)
ONE, TWO = ChannelPolicy("11" * 32 + ":0", NODE, DEFAULT), ChannelPolicy("22" * 32 + ":1", NODE, DEFAULT)


@pytest.mark.parametrize(("name", "value"), [(name, getattr(DEFAULT, name)) for name in POLICY_FIELDS])
def test_what_is_so_already_is_not_sent(name: str, value: int) -> None:
    assert not plan_policies(WantedPolicy(values={name: value}), [ONE, TWO]).changed


@pytest.mark.parametrize("name", POLICY_FIELDS)
def test_each_value_alone_is_a_reason(name: str) -> None:
    plan = plan_policies(WantedPolicy(values={name: 7}), [ONE])
    assert [action.name for action in plan.actions] == ["update"]
    assert plan.actions[0].args[name] == 7
    unnamed = {other: plan.actions[0].args[other] for other in POLICY_FIELDS if other != name}
    assert unnamed == {other: getattr(DEFAULT, other) for other in unnamed}, "lnd takes them all together"
    assert plan.before["channels"][0][name] == getattr(DEFAULT, name)
    assert plan.after["channels"][0][name] == 7


def test_zero_is_a_value() -> None:
    plan = plan_policies(WantedPolicy(values={"base_fee_msat": 0}), [ONE])
    assert plan.actions[0].args["base_fee_msat"] == 0


def test_only_channels_that_differ_are_updated() -> None:
    other = ChannelPolicy(
        "33" * 32 + ":0",
        NODE,
        Policy(base_fee_msat=0, fee_rate_ppm=0, time_lock_delta=80, min_htlc_msat=1000, max_htlc_msat=5_000_000),
    )
    plan = plan_policies(WantedPolicy(values={"fee_rate_ppm": 0, "base_fee_msat": 0}), [ONE, other, TWO])
    assert [action.args["channel_point"] for action in plan.actions] == [ONE.channel_point, TWO.channel_point]


def options(**given: t.Any) -> dict[str, t.Any]:
    return {"channel_point": None, "peer": None, "all": None, **dict.fromkeys(POLICY_FIELDS), **given}


def test_names() -> None:
    assert parse_options(options(peer=NODE.upper(), fee_rate_ppm=0)) == WantedPolicy(None, NODE, {"fee_rate_ppm": 0})
    assert parse_options(options(channel_point=ONE.channel_point, min_htlc_msat=1)) == WantedPolicy(
        ONE.channel_point, None, {"min_htlc_msat": 1}
    )


@pytest.mark.parametrize("given", [{}, {"all": False}, {"peer": "nobody"}, {"channel_point": "nowhere"}])
def test_no_channel_named(given: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_options(options(fee_rate_ppm=1, **given))
