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
