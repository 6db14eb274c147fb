# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions under which a payment is sent."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import PaymentFailed
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.payment import (
    Payment,
    PaymentState,
    Request,
    check,
    default_fee_limit,
    payment_result,
    plan_payment,
)

HASH, NOW = "ab" * 32, 1_000.0
WANTED = {
    "payment_request": "lnbcrt1",
    "amt_msat": None,
    "fee_limit_msat": None,
    "timeout_seconds": 60,
    "retry_no_route_for": 0.0,
}


def state(status: str | None = None, num_msat: int = 5_000, expires: int = 2_000) -> PaymentState:
    payment = (
        None
        if status is None
        else Payment(
            payment_hash=HASH,
            status=status,
            value_msat=num_msat,
            fee_msat=0,
            failure_reason="FAILURE_REASON_NONE",
            duration_ms=None,
        )
    )
    return PaymentState(Request(HASH, "02" + "aa" * 32, num_msat, expires), payment)


@pytest.mark.parametrize(
    ("status", "pays"),
    [(None, True), ("FAILED", True), ("SUCCEEDED", False), ("IN_FLIGHT", False), ("INITIATED", False)],
)
def test_only_what_is_not_paid_and_not_under_way_is_paid(status: str | None, pays: bool) -> None:
    plan = plan_payment(WANTED, NOW, state(status))
    assert plan.changed is pays
    if pays:
        assert plan.after == {"payment_hash": HASH, "status": "SUCCEEDED", "value_msat": 5_000}


@pytest.mark.parametrize("status", ["SUCCEEDED", "IN_FLIGHT", "INITIATED"])
def test_an_invoice_may_expire_after_its_payment_has_begun(status: str) -> None:
    assert not plan_payment(WANTED, NOW, state(status, expires=999)).changed


@pytest.mark.parametrize("status", [None, "FAILED"])
def test_an_expired_invoice_is_not_paid(status: str | None) -> None:
    with pytest.raises(Refused, match="expired 1 s ago"):
        plan_payment(WANTED, NOW, state(status, expires=999))


def test_the_amount_is_named_once() -> None:
    with pytest.raises(InvalidInput, match="amt_msat is set too"):
        plan_payment({**WANTED, "amt_msat": 7}, NOW, state())
    with pytest.raises(InvalidInput, match="names no amount"):
        plan_payment(WANTED, NOW, state(num_msat=0))
    assert plan_payment({**WANTED, "amt_msat": 7}, NOW, state(num_msat=0)).actions[0].args["amt_msat"] == 7
    assert plan_payment(WANTED, NOW, state()).actions[0].args["amt_msat"] == 0, (
        "lnd refuses an amount beside the invoice's"
    )


@pytest.mark.parametrize(
    ("limit", "amount", "sent"),
    [(None, 5_000, 5_000), (None, 1_000_000, 1_000_000), (None, 1_000_001, 50_000), (0, 5_000, 0), (3, 5_000, 3)],
)
def test_fee_limit(limit: int | None, amount: int, sent: int) -> None:
    plan = plan_payment({**WANTED, "fee_limit_msat": limit}, NOW, state(num_msat=amount))
    assert plan.actions[0].args["fee_limit_msat"] == sent
    if limit is None:
        assert default_fee_limit(amount) == sent


@pytest.mark.parametrize(
    ("reason", "cure"),
    [
        ("FAILURE_REASON_NO_ROUTE", "retry_no_route_for"),
        ("FAILURE_REASON_TIMEOUT", "timeout_seconds"),
        ("FAILURE_REASON_INSUFFICIENT_BALANCE", "lnd_balance_info"),
        ("FAILURE_REASON_INCORRECT_PAYMENT_DETAILS", "ask for a new one"),
        ("FAILURE_REASON_CANCELED", "run again"),
        ("FAILURE_REASON_ERROR", "journal"),
    ],
)
def test_each_failure_has_its_cure(reason: str, cure: str) -> None:
    with pytest.raises(PaymentFailed, match=cure) as error:
        check(
            "localhost:10009",
            Payment(
                payment_hash=HASH, status="FAILED", value_msat=5, fee_msat=0, failure_reason=reason, duration_ms=None
            ),
        )
    assert error.value.reason == reason
    assert reason in str(error.value)


def test_what_has_not_failed_passes() -> None:
    check(
        "localhost:10009",
        Payment(
            payment_hash=HASH,
            status="SUCCEEDED",
            value_msat=5,
            fee_msat=0,
            failure_reason="FAILURE_REASON_NONE",
            duration_ms=1.0,
        ),
    )


def test_result() -> None:
    assert payment_result(state())["payment_hash"] == HASH
    result: dict[str, t.Any] = payment_result(state("SUCCEEDED"))
    assert (result["status"], result["value_msat"]) == ("SUCCEEDED", 5_000)
