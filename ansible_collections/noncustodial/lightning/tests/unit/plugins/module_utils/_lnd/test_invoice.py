# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The invoice that a wish means."""

from __future__ import annotations

import hashlib
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.invoice import (
    Invoice,
    Slot,
    derived_preimages,
    invoice_result,
    plan_invoice,
    preimages,
)

PREIMAGE = bytes(range(32))
WANTED = {"value_msat": 5_000, "memo": "x", "expiry": 60, "private": False, "wait_timeout": 1.0}


def slot(state: str = "OPEN", value_msat: int = 5_000) -> Slot:
    return Slot(
        PREIMAGE,
        Invoice(
            r_hash=hashlib.sha256(PREIMAGE).hexdigest(),
            payment_request="lnbcrt1",
            state=state,
            value_msat=value_msat,
            amt_paid_msat=0,
            memo="x",
            creation_date=1,
            settle_date=0,
            expiry=60,
            route_hints=0,
        ),
    )


def test_a_new_invoice() -> None:
    plan = plan_invoice(WANTED, Slot(PREIMAGE, None))
    assert [action.name for action in plan.actions] == ["add"]
    assert plan.actions[0].args["preimage"] == PREIMAGE
    assert plan.after == {"state": "OPEN", "value_msat": 5_000, "memo": "x", "expiry": 60}


@pytest.mark.parametrize("state", ["OPEN", "ACCEPTED", "SETTLED"])
def test_an_invoice_that_is_there(state: str) -> None:
    assert not plan_invoice(WANTED, slot(state)).changed


def test_text_and_expiry_are_not_compared() -> None:
    assert not plan_invoice({**WANTED, "memo": "other", "expiry": 9}, slot()).changed


@pytest.mark.parametrize("state", ["OPEN", "SETTLED"])
def test_another_amount(state: str) -> None:
    with pytest.raises(Refused, match="exists with 6000 msat, wanted are 5000 msat"):
        plan_invoice(WANTED, slot(state, 6_000))


def test_another_amount_that_was_paid() -> None:
    """The purpose is served by having been paid once; an unpaid invoice with another amount is not taken."""
    assert not plan_invoice(WANTED, slot("SETTLED", 6_000), any_settled=True).changed
    for state in ("OPEN", "ACCEPTED"):
        with pytest.raises(Refused, match="exists with 6000 msat"):
            plan_invoice(WANTED, slot(state, 6_000), any_settled=True)
    with pytest.raises(Refused, match="or run again when it has lapsed, 60 s after it was made"):
        plan_invoice(WANTED, slot("OPEN", 6_000), any_settled=True)


def test_a_canceled_invoice_cannot_come_back() -> None:
    with pytest.raises(Refused, match="canceled or has expired"):
        plan_invoice(WANTED, slot("CANCELED"))


def test_a_preimage_is_never_shown() -> None:
    assert PREIMAGE.hex() not in repr(slot())
    assert repr(PREIMAGE) not in repr(slot())
    assert PREIMAGE.hex() not in str(invoice_result(slot()))
    assert PREIMAGE.hex() not in str(plan_invoice(WANTED, Slot(PREIMAGE, None)).after)


def test_a_given_preimage_is_the_only_one() -> None:
    assert preimages(PREIMAGE.hex(), None) == (PREIMAGE,)


def test_without_one_each_run_has_its_own() -> None:
    first, second = preimages(None, None), preimages(None, None)
    assert len(first) == len(second) == 1
    assert first != second


def test_derived_preimages_follow_from_key_and_label() -> None:
    row = preimages(None, {"key": "0a" * 16, "label": "in"})
    assert row == derived_preimages(b"\x0a" * 16, "in")
    assert len(set(row)) == len(row) == 1000
    assert not set(row) & set(derived_preimages(b"\x0a" * 16, "out"))
    assert not set(row) & set(derived_preimages(b"\x0b" * 16, "in"))


def test_derived_preimages_stay_the_same_in_later_releases() -> None:
    assert (
        derived_preimages(b"\x0a" * 16, "in")[1].hex()
        == "bfed290fc8e1b745c6bfd540884d5c630b0eebf8d41ef0ad9cdb926527dadc8e"
    )


@pytest.mark.parametrize(
    ("given", "derive"),
    [
        ("zz", None),
        ("0a" * 31, None),
        ("0a" * 33, None),
        (None, {"key": "0a" * 15, "label": "x"}),
        (None, {"key": "secret words", "label": "x"}),
    ],
)
def test_malformed_secrets_are_refused_and_not_shown(given: str | None, derive: t.Mapping[str, str] | None) -> None:
    with pytest.raises(InvalidInput) as error:
        preimages(given, derive)
    assert (given or (derive or {})["key"]) not in str(error.value)
