# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.macaroon_file import (
    MacaroonState,
    WantedMacaroon,
)
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked

GOOD = baked(["info:read"], 7)
WANTED = WantedMacaroon(path="/m", root_key_id=7, permissions=frozenset({"info:read"}))
KEYS = frozenset({0, 7})


@pytest.mark.parametrize(
    ("present", "actions"),
    [
        (MacaroonState(root_key_ids=KEYS), ["bake"]),
        (MacaroonState(root_key_ids=KEYS, exists=True), ["bake"]),
        (MacaroonState(root_key_ids=KEYS, exists=True, macaroon=GOOD, accepted=True, protected=True), []),
        (MacaroonState(root_key_ids=KEYS, exists=True, macaroon=GOOD, accepted=True), ["protect"]),
        (MacaroonState(root_key_ids=KEYS, exists=True, macaroon=GOOD, protected=True), ["bake"]),
        (
            MacaroonState(
                root_key_ids=KEYS, exists=True, macaroon=baked(["info:write"], 7), accepted=True, protected=True
            ),
            ["bake"],
        ),
        (
            MacaroonState(
                root_key_ids=KEYS, exists=True, macaroon=baked(["info:read"], 8), accepted=True, protected=True
            ),
            ["bake"],
        ),
        (
            MacaroonState(
                root_key_ids=KEYS, exists=True, macaroon=GOOD.attenuated("ipaddr a"), accepted=True, protected=True
            ),
            ["bake"],
        ),
    ],
)
def test_present(present: MacaroonState, actions: list[str]) -> None:
    steps = macaroon_file.plan_present(WANTED, present)
    assert [action.name for action in steps.actions] == actions
    assert (steps.before == steps.after) is not steps.changed


@pytest.mark.parametrize(
    ("present", "actions"),
    [
        (MacaroonState(root_key_ids=KEYS, exists=True), ["revoke", "remove"]),
        (MacaroonState(root_key_ids=KEYS), ["revoke"]),
        (MacaroonState(root_key_ids=frozenset({0}), exists=True), ["remove"]),
        (MacaroonState(root_key_ids=frozenset({0, 8})), []),
    ],
)
def test_absent(present: MacaroonState, actions: list[str]) -> None:
    assert [action.name for action in macaroon_file.plan_absent(WANTED, present).actions] == actions


def test_lnds_own_file_is_not_replaced() -> None:
    with pytest.raises(Refused):
        macaroon_file.plan_present(
            WANTED, MacaroonState(root_key_ids=KEYS, exists=True, macaroon=baked(["info:read"], 0))
        )


def test_what_was_revoked_stays_so_if_asked() -> None:
    keeps = replace(WANTED, keep_revoked=True)
    revoked = MacaroonState(root_key_ids=frozenset({0, 8}), exists=True, macaroon=GOOD)
    assert macaroon_file.plan_present(WANTED, revoked).changed
    with pytest.raises(Refused, match="The grant 7 in /m was revoked on this node, or is of a wallet that is no more"):
        macaroon_file.plan_present(keeps, revoked)
    # Another grant, a new one, and one that only its file has lost.
    assert macaroon_file.plan_present(replace(keeps, root_key_id=9), revoked).changed
    assert macaroon_file.plan_present(keeps, MacaroonState(root_key_ids=frozenset({0}))).changed
    assert macaroon_file.plan_present(keeps, MacaroonState(root_key_ids=KEYS, exists=True)).changed


@pytest.mark.parametrize(
    ("more", "consequence"),
    [
        (grant.MUSIG2_PERMISSIONS, grant.KNOWN_KEYS_WARNING),
        (("onchain:write",), "A narrower one under the same root key would leave it good"),
    ],
)
def test_a_wider_grant_is_not_left_good_beside_a_narrower_one(more: tuple[str, ...], consequence: str) -> None:
    keeps = replace(WANTED, keep_revoked=True)
    wide = MacaroonState(
        root_key_ids=KEYS, exists=True, macaroon=baked(["info:read", *more], 7), accepted=True, protected=True
    )
    with pytest.raises(Refused, match="another root key, such as 8") as refused:
        macaroon_file.plan_present(keeps, wide)
    assert consequence in str(refused.value)
    assert macaroon_file.plan_present(replace(keeps, root_key_id=8), wide).actions[0].args["root_key_id"] == 8
    # One that the node does not take is nobody's, and what is to be granted besides is baked.
    assert macaroon_file.plan_present(keeps, replace(wide, accepted=False)).changed
    assert macaroon_file.plan_present(
        keeps, replace(wide, macaroon=baked(["offchain:read"], 7), accepted=False)
    ).changed


def test_the_root_key_under_which_a_grant_came_back_stays() -> None:
    """After a revocation of 7 its owner came back with 9, and then runs with 7 again, as in the inventory."""
    keeps = replace(WANTED, keep_revoked=True)
    back = MacaroonState(
        root_key_ids=frozenset({0, 9}), exists=True, macaroon=baked(["info:read"], 9), accepted=True, protected=True
    )
    assert macaroon_file.plan_present(keeps, back).actions == ()
    assert macaroon_file.plan_present(WANTED, back).actions[0].args["root_key_id"] == 7, (
        "another file's owner says where to"
    )
    [action] = macaroon_file.plan_present(
        replace(keeps, permissions=frozenset({"info:read", "info:write"})), back
    ).actions
    assert (action.name, action.args["root_key_id"]) == ("bake", 9)
    with pytest.raises(Refused, match="The grant 9 in /m was revoked on this node"):
        macaroon_file.plan_present(keeps, replace(back, root_key_ids=frozenset({0})))
    assert (
        macaroon_file.plan_present(replace(keeps, root_key_id=10), replace(back, root_key_ids=frozenset({0})))
        .actions[0]
        .args["root_key_id"]
        == 10
    )


@pytest.mark.parametrize(
    ("file", "ids", "wanted", "standing", "others"),
    [
        (7, {0, 7}, 7, macaroon_file.LIVE, []),
        (7, {0}, 7, macaroon_file.REVOKED, []),
        (7, {0}, 8, macaroon_file.DUE, []),
        (7, {0, 7}, 8, macaroon_file.DUE, [7]),
        (8, {0, 7, 8}, 7, macaroon_file.LIVE, [7]),
        (8, {0, 7}, 7, macaroon_file.REVOKED, [7]),
        (None, {0, 7}, 7, macaroon_file.DUE, []),
    ],
)
def test_how_it_stands_with_a_grant(
    file: int | None, ids: set[int], wanted: int, standing: str, others: list[int]
) -> None:
    desired = replace(WANTED, root_key_id=wanted, keep_revoked=True)
    present = MacaroonState(
        root_key_ids=frozenset(ids),
        exists=file is not None,
        macaroon=baked(["info:read"], file) if file is not None else None,
    )
    assert (macaroon_file.standing(desired, present), macaroon_file.others(desired, present)) == (standing, others)


def test_caveats_that_nobody_names_are_kept() -> None:
    """Those of the present grant, but not of one under another root key, nor where revoked grants are baked anew."""
    keeps = replace(WANTED, keep_revoked=True, caveats=None)
    bound = MacaroonState(
        root_key_ids=KEYS, exists=True, macaroon=GOOD.attenuated("ipaddr a"), accepted=True, protected=True
    )
    assert macaroon_file.plan_present(keeps, bound).actions == ()
    for desired, caveats in (
        (replace(keeps, permissions=frozenset({"info:read", "info:write"})), ("ipaddr a",)),
        (replace(keeps, root_key_id=8), ()),
        (replace(WANTED, caveats=None), ()),
    ):
        [action] = macaroon_file.plan_present(desired, bound).actions
        assert (action.name, action.args["caveats"]) == ("bake", caveats)


def test_a_grant_is_not_bound_beside_one_that_is_not() -> None:
    keeps = replace(WANTED, keep_revoked=True, caveats=("ipaddr a",))
    unbound = MacaroonState(root_key_ids=KEYS, exists=True, macaroon=GOOD, accepted=True, protected=True)
    with pytest.raises(Refused, match=r"to be granted: without ipaddr a\. .* another root key, such as 8"):
        macaroon_file.plan_present(keeps, unbound)
    assert macaroon_file.plan_present(replace(keeps, root_key_id=8), unbound).changed
    # The reverse leaves only a narrower one.
    bound = replace(unbound, macaroon=GOOD.attenuated("ipaddr a"))
    assert macaroon_file.plan_present(replace(keeps, caveats=()), bound).changed


def test_order_of_caveats_counts() -> None:
    wanted = WantedMacaroon(
        path="/m", root_key_id=7, permissions=frozenset({"info:read"}), caveats=("ipaddr a", "ipaddr b")
    )
    present = MacaroonState(
        root_key_ids=KEYS, exists=True, macaroon=GOOD.attenuated("ipaddr b", "ipaddr a"), accepted=True, protected=True
    )
    assert macaroon_file.plan_present(wanted, present).changed


@pytest.mark.parametrize("drop", [False, True])
def test_unknown_methods(drop: bool) -> None:
    wanted = WantedMacaroon(
        path="/m", root_key_id=7, permissions=frozenset({"uri:/a.B/C", "uri:/a.B/D"}), drop_unknown=drop
    )
    present = MacaroonState(root_key_ids=KEYS, methods=frozenset({"/a.B/C"}))
    if drop:
        assert macaroon_file.wanted(wanted, present) == {"uri:/a.B/C"}
    else:
        with pytest.raises(InvalidInput, match=r"no method /a\.B/D"):
            macaroon_file.wanted(wanted, present)
