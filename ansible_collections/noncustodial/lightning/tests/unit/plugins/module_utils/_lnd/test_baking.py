# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import baking
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.baking import Desired, Present
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.tests.unit.bundles import baked

GOOD = baked(["info:read"], 7)
WANTED = Desired("/m", 7, frozenset({"info:read"}))
KEYS = frozenset({0, 7})


@pytest.mark.parametrize(
    ("present", "actions"),
    [
        (Present(KEYS), ["bake"]),
        (Present(KEYS, exists=True), ["bake"]),
        (Present(KEYS, exists=True, macaroon=GOOD, accepted=True, protected=True), []),
        (Present(KEYS, exists=True, macaroon=GOOD, accepted=True), ["protect"]),
        (Present(KEYS, exists=True, macaroon=GOOD, protected=True), ["bake"]),
        (Present(KEYS, exists=True, macaroon=baked(["info:write"], 7), accepted=True, protected=True), ["bake"]),
        (Present(KEYS, exists=True, macaroon=baked(["info:read"], 8), accepted=True, protected=True), ["bake"]),
        (Present(KEYS, exists=True, macaroon=GOOD.attenuated("ipaddr a"), accepted=True, protected=True), ["bake"]),
    ],
)
def test_present(present: Present, actions: list[str]) -> None:
    steps = baking.plan_present(WANTED, present)
    assert [action.name for action in steps.actions] == actions
    assert (steps.before == steps.after) is not steps.changed


@pytest.mark.parametrize(
    ("present", "actions"),
    [
        (Present(KEYS, exists=True), ["revoke", "remove"]),
        (Present(KEYS), ["revoke"]),
        (Present(frozenset({0}), exists=True), ["remove"]),
        (Present(frozenset({0, 8})), []),
    ],
)
def test_absent(present: Present, actions: list[str]) -> None:
    assert [action.name for action in baking.plan_absent(WANTED, present).actions] == actions


def test_lnds_own_file_is_not_replaced() -> None:
    with pytest.raises(Refused):
        baking.plan_present(WANTED, Present(KEYS, exists=True, macaroon=baked(["info:read"], 0)))


def test_what_was_revoked_stays_so_if_asked() -> None:
    keeps = replace(WANTED, keep_revoked=True)
    revoked = Present(frozenset({0, 8}), exists=True, macaroon=GOOD)
    assert baking.plan_present(WANTED, revoked).changed
    with pytest.raises(Refused, match="The grant 7 in /m was revoked on this node, or is of a wallet that is no more"):
        baking.plan_present(keeps, revoked)
    # Another grant, a new one, and one that only its file has lost.
    assert baking.plan_present(replace(keeps, root_key_id=9), revoked).changed
    assert baking.plan_present(keeps, Present(frozenset({0}))).changed
    assert baking.plan_present(keeps, Present(KEYS, exists=True)).changed


def test_the_root_key_under_which_a_grant_came_back_stays() -> None:
    """After a revocation of 7 its owner came back by 9, and then runs with 7 again, as the inventory says."""
    keeps = replace(WANTED, keep_revoked=True)
    back = Present(frozenset({0, 9}), exists=True, macaroon=baked(["info:read"], 9), accepted=True, protected=True)
    assert baking.plan_present(keeps, back).actions == ()
    assert baking.plan_present(WANTED, back).actions[0].args["root_key_id"] == 7, "another file's owner says where to"
    [action] = baking.plan_present(replace(keeps, permissions=frozenset({"info:write"})), back).actions
    assert (action.name, action.args["root_key_id"]) == ("bake", 9)
    with pytest.raises(Refused, match="The grant 9 in /m was revoked on this node"):
        baking.plan_present(keeps, replace(back, root_key_ids=frozenset({0})))
    assert (
        baking.plan_present(replace(keeps, root_key_id=10), replace(back, root_key_ids=frozenset({0}))).actions[0].args["root_key_id"] == 10
    )


@pytest.mark.parametrize(
    ("file", "ids", "wanted", "standing", "others"),
    [
        (7, {0, 7}, 7, baking.LIVE, []),
        (7, {0}, 7, baking.REVOKED, []),
        (7, {0}, 8, baking.DUE, []),
        (7, {0, 7}, 8, baking.DUE, [7]),
        (8, {0, 7, 8}, 7, baking.LIVE, [7]),
        (8, {0, 7}, 7, baking.REVOKED, [7]),
        (None, {0, 7}, 7, baking.DUE, []),
    ],
)
def test_how_it_stands_with_a_grant(file: int | None, ids: set[int], wanted: int, standing: str, others: list[int]) -> None:
    desired = replace(WANTED, root_key_id=wanted, keep_revoked=True)
    present = Present(frozenset(ids), exists=file is not None, macaroon=baked(["info:read"], file) if file is not None else None)
    assert (baking.standing(desired, present), baking.others(desired, present)) == (standing, others)


def test_order_of_caveats_counts() -> None:
    wanted = Desired("/m", 7, frozenset({"info:read"}), ("ipaddr a", "ipaddr b"))
    present = Present(KEYS, exists=True, macaroon=GOOD.attenuated("ipaddr b", "ipaddr a"), accepted=True, protected=True)
    assert baking.plan_present(wanted, present).changed


@pytest.mark.parametrize("drop", [False, True])
def test_unknown_methods(drop: bool) -> None:
    wanted = Desired("/m", 7, frozenset({"uri:/a.B/C", "uri:/a.B/D"}), drop_unknown=drop)
    present = Present(KEYS, frozenset({"/a.B/C"}))
    if drop:
        assert baking.wanted(wanted, present) == {"uri:/a.B/C"}
    else:
        with pytest.raises(InvalidInput, match=r"no method /a\.B/D"):
            baking.wanted(wanted, present)
