# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.invoice import derived_preimages
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

TRACK = "routerrpc.Router/TrackPaymentV2"
KEY = "c0" * 16
ROW = derived_preimages(bytes.fromhex(KEY), "out")
WISH = {"preimage_from": {"key": KEY, "label": "out"}}


def digest(place: int) -> bytes:
    return hashlib.sha256(ROW[place]).digest()


def tracked(place: int, status: str, **request: t.Any) -> Call:
    payment = {
        "payment_hash": digest(place).hex(),
        "payment_preimage": ROW[place].hex(),
        "status": status,
        "value_msat": 5_000,
        "fee_msat": 7,
    }
    return Call(TRACK, [payment], {"payment_hash": digest(place), **request})


def untried(*places: int) -> list[Call]:
    return [
        Call(TRACK, [Fails("payment isn't initiated", "NOT_FOUND")], {"payment_hash": digest(place)})
        for place in places
    ]


@pytest.mark.parametrize("check", [False, True])
def test_nothing_was_paid(scripted: t.Any, succeeds: t.Any, check: bool) -> None:
    result = succeeds("lnd_payment_info", check, **WISH, **scripted(*untried(*range(20))).options)
    assert (result["payments"], result["changed"]) == ([], False)


def test_what_was_paid(scripted: t.Any, succeeds: t.Any) -> None:
    """A payment is found also behind invoices that have expired, some of which were tried and some not."""
    lnd = scripted(
        *untried(0), tracked(1, "FAILED"), *untried(*range(2, 21)), tracked(21, "SUCCEEDED"), *untried(*range(22, 42))
    )
    result = succeeds("lnd_payment_info", **WISH, **lnd.options)
    assert [(one["payment_hash"], one["value_msat"], one["fee_msat"]) for one in result["payments"]] == [
        (digest(21).hex(), 5_000, 7)
    ]
    shown = json.dumps(result)
    assert not [secret for secret in (KEY, ROW[0].hex(), ROW[21].hex()) if secret in shown]


@pytest.mark.parametrize(("end", "paid"), [("SUCCEEDED", 1), ("FAILED", 0)])
def test_what_is_under_way_is_waited_for(scripted: t.Any, succeeds: t.Any, end: str, paid: int) -> None:
    lnd = scripted(tracked(0, "IN_FLIGHT"), tracked(0, end, no_inflight_updates=True), *untried(*range(1, 21)))
    assert len(succeeds("lnd_payment_info", **WISH, **lnd.options)["payments"]) == paid


def test_what_stays_under_way_is_not_taken_for_unpaid(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(tracked(0, "IN_FLIGHT"), Call(TRACK, [Fails("deadline", "DEADLINE_EXCEEDED")]))
    assert "still under way after 3 s" in fails("lnd_payment_info", timeout_seconds=3, **WISH, **lnd.options)


def test_an_lnd_that_does_not_say_is_not_taken_for_one_that_has_not_paid(scripted: t.Any, fails: t.Any) -> None:
    assert "UNAVAILABLE" in fails(
        "lnd_payment_info", **WISH, **scripted(Call(TRACK, [Fails("gone", "UNAVAILABLE")])).options
    )


def test_a_bad_key_is_not_shown(scripted: t.Any, fails: t.Any) -> None:
    message = fails("lnd_payment_info", preimage_from={"key": "secret words", "label": "out"}, **scripted().options)
    assert "preimage_from.key is not 16 bytes" in message
    assert "secret words" not in message
