# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import Missing
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import grants, macaroon_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.macaroon_file import (
    MacaroonState,
    WantedMacaroon,
)
from ansible_collections.noncustodial.lightning.tests.support.bundles import NOW, baked

WANTED = WantedMacaroon(path="/m", root_key_id=1, permissions=frozenset(grant.PERMISSIONS), keep_revoked=True)


@pytest.mark.parametrize(
    ("file", "ids", "standing", "others", "renewing", "following"),
    [
        (None, {0}, macaroon_file.DUE, [], False, 2),
        # What somebody has baked under them is not known.
        (None, {0, 1, 5}, macaroon_file.DUE, [1, 5], False, 6),
        (1, {0, 1}, macaroon_file.LIVE, [], False, 2),
        (2, {0, 1, 2}, macaroon_file.LIVE, [1], True, 3),
        (2, {0, 2}, macaroon_file.LIVE, [], False, 3),
        # A renewal that ended before the file was written; its root key is not used again.
        (1, {0, 1, 2}, macaroon_file.LIVE, [2], False, 3),
        (2, {0, 1}, macaroon_file.REVOKED, [1], False, 3),
        (3, {0}, macaroon_file.REVOKED, [], False, 4),
    ],
)
def test_listed(
    file: int | None, ids: set[int], standing: str, others: list[int], renewing: bool, following: int
) -> None:
    present = MacaroonState(
        root_key_ids=frozenset(ids),
        exists=file is not None,
        macaroon=baked(root_key_id=file) if file is not None else None,
    )
    found = grants.listed(WANTED, present, NOW)
    assert (found["standing"], found["other_root_key_ids"]) == (standing, others)
    assert (found["renewing"], found["next_root_key_id"]) == (renewing, following)
    assert (found["grant"] is None) is (file is None)


@pytest.mark.parametrize(
    ("days", "soon"), [(None, False), (15, False), (13, True), (-1, True)], ids=["none", "later", "soon", "over"]
)
def test_its_end(days: int | None, soon: bool) -> None:
    end = NOW + datetime.timedelta(days=days or 0)
    caveats = [] if days is None else [f"time-before {end:%Y-%m-%dT%H:%M:%SZ}"]
    made = baked(caveats=caveats)
    shown = grants.listed(WANTED, MacaroonState(root_key_ids=frozenset({0, 1}), exists=True, macaroon=made), NOW)
    assert (shown["grant"]["caveats"], shown["grant"]["ends_soon"]) == (caveats, soon)
    assert (shown["grant"]["ends"] is None) is (days is None)
    assert made.signature.hex() not in str(shown)


def test_a_flaw_is_listed() -> None:
    made = baked([*grant.PERMISSIONS, "onchain:write"])
    shown = grants.listed(WANTED, MacaroonState(root_key_ids=frozenset({0, 1}), exists=True, macaroon=made), NOW)
    assert shown["grant"]["flaws"] == ["grants more than is needed: onchain:write"]


def test_taken_up() -> None:
    made = baked(root_key_id=2)
    present = MacaroonState(root_key_ids=frozenset({0, 1, 2}), exists=True, macaroon=made)
    receipt = grant.receipt(made)
    for text in (receipt, receipt.lower(), receipt.replace("-", " "), f" {receipt} "):
        assert grants.taken_up(WANTED, present, text)
    for other in ("", receipt[:-1], grant.receipt(baked(root_key_id=1)), grant.receipt(made.attenuated("ipaddr a"))):
        assert not grants.taken_up(WANTED, present, other)
    with pytest.raises(Missing):
        grants.taken_up(WANTED, MacaroonState(root_key_ids=frozenset({0})), receipt)


def test_a_receipt_allows_nothing() -> None:
    """It has half the bits of a signature, and none of them in order."""
    made = baked()
    assert len(grant.receipt(made)) == len("7Q4X-M2TN-KBZC-WEH5")
    assert made.signature.hex() not in grant.receipt(made).lower()
