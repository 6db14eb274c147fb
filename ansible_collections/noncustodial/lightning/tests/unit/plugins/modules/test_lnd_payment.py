# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import module as module_core
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

DECODE, TRACK, SEND = (
    "lnrpc.Lightning/DecodePayReq",
    "routerrpc.Router/TrackPaymentV2",
    "routerrpc.Router/SendPaymentV2",
)
HASH, PREIMAGE, PAYEE = "ab" * 32, "cd" * 32, "02" + "aa" * 32
WISH = {"payment_request": "lnbcrt1x"}
NONE = Call(TRACK, [Fails("payment isn't initiated", "NOT_FOUND")])
Update = dict[str, t.Any]


def decoded(num_msat: int = 5_000, age: int = 0) -> Call:
    answer = {
        "payment_hash": HASH,
        "destination": PAYEE,
        "num_msat": num_msat,
        "timestamp": int(time.time()) - age,
        "expiry": 3600,
    }
    return Call(DECODE, answer, {"pay_req": "lnbcrt1x"})


def update(status: str, reason: str = "FAILURE_REASON_NONE") -> Update:
    return {
        "payment_hash": HASH,
        "payment_preimage": PREIMAGE if status == "SUCCEEDED" else "",
        "status": status,
        "value_msat": 5_000,
        "fee_msat": 7 if status == "SUCCEEDED" else 0,
        "failure_reason": reason,
        "creation_time_ns": 1_000_000_000,
        "htlcs": (
            [{"resolve_time_ns": 1_020_000_000}, {"resolve_time_ns": 1_041_700_000}] if status == "SUCCEEDED" else []
        ),
    }


def tracked(status: str, reason: str = "FAILURE_REASON_NONE", **request: t.Any) -> Call:
    return Call(TRACK, [update(status, reason)], {"payment_hash": bytes.fromhex(HASH), **request})


def sent(status: str, reason: str = "FAILURE_REASON_NONE", **request: t.Any) -> Call:
    return Call(SEND, [update(status, reason)], {"payment_request": "lnbcrt1x", "no_inflight_updates": True, **request})


def test_pays(scripted: t.Any, succeeds: t.Any) -> None:
    request: dict[str, t.Any] = {"fee_limit_msat": 5_000, "timeout_seconds": 60, "amt_msat": 0}
    lnd = scripted(decoded(), NONE, sent("SUCCEEDED", **request), decoded(), tracked("SUCCEEDED"))
    result = succeeds("lnd_payment", **WISH, **lnd.options)
    assert (result["changed"], result["status"], result["payment_hash"]) == (True, "SUCCEEDED", HASH)
    assert (result["value_msat"], result["fee_msat"], result["duration_ms"], result["destination"]) == (
        5_000,
        7,
        41.7,
        PAYEE,
    )
    assert PREIMAGE not in json.dumps(result)


def test_repeat_only_reads(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_payment", **WISH, **scripted(decoded(age=9_999), tracked("SUCCEEDED")).options)
    assert (result["changed"], result["status"], result["fee_msat"]) == (False, "SUCCEEDED", 7)
    assert PREIMAGE not in json.dumps(result)


def test_check_mode_only_reads(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_payment", True, **WISH, **scripted(decoded(), NONE).options)
    assert (result["changed"], result["status"], result["value_msat"]) == (True, "SUCCEEDED", 5_000)
    assert (
        succeeds("lnd_payment", True, **WISH, **scripted(decoded(), tracked("IN_FLIGHT")).options)["changed"] is False
    )


@pytest.mark.parametrize("status", ["IN_FLIGHT", "INITIATED"])
def test_one_that_is_under_way_is_waited_for(scripted: t.Any, succeeds: t.Any, status: str) -> None:
    lnd = scripted(decoded(), tracked(status), tracked("SUCCEEDED", no_inflight_updates=True))
    result = succeeds("lnd_payment", **WISH, **lnd.options)
    assert (result["changed"], result["status"]) == (False, "SUCCEEDED")


def test_one_that_is_under_way_and_fails(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(decoded(), tracked("IN_FLIGHT"), tracked("FAILED", "FAILURE_REASON_TIMEOUT"))
    assert "FAILURE_REASON_TIMEOUT" in fails("lnd_payment", **WISH, **lnd.options)


def test_one_that_stays_under_way_is_not_paid_again(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(decoded(), tracked("IN_FLIGHT"), Call(TRACK, [Fails("deadline", "DEADLINE_EXCEEDED")]))
    message = fails("lnd_payment", **WISH, **lnd.options)
    assert "still under way" in message
    assert "never pays a second time" in message


def test_one_that_has_failed_is_tried_afresh(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        decoded(), tracked("FAILED", "FAILURE_REASON_NO_ROUTE"), sent("SUCCEEDED"), decoded(), tracked("SUCCEEDED")
    )
    assert succeeds("lnd_payment", **WISH, **lnd.options)["changed"] is True


def test_a_lost_answer_is_tracked(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        decoded(), NONE, Call(SEND, [Fails("gone", "UNAVAILABLE")]),
        decoded(), NONE,
        decoded(), tracked("IN_FLIGHT"),
        tracked("SUCCEEDED", no_inflight_updates=True),
    )  # fmt: skip
    result = succeeds("lnd_payment", **WISH, **lnd.options)
    assert (result["changed"], result["status"]) == (True, "SUCCEEDED")


def test_a_stream_that_ends_without_an_answer_is_a_lost_answer(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(decoded(), NONE, Call(SEND, []), decoded(), tracked("SUCCEEDED"))
    assert succeeds("lnd_payment", **WISH, **lnd.options)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("there", [NONE, tracked("FAILED", "FAILURE_REASON_NO_ROUTE")])
def test_a_lost_answer_without_a_payment_is_an_error(
    scripted: t.Any, fails: t.Any, monkeypatch: pytest.MonkeyPatch, there: Call
) -> None:
    monkeypatch.setattr(module_core, "_LOST_ANSWER_WAIT_SECONDS", 0.0)
    lnd = scripted(decoded(), NONE, Call(SEND, [Fails("gone", "DEADLINE_EXCEEDED")]), decoded(), there)
    assert "no change has shown" in fails("lnd_payment", **WISH, **lnd.options)


@pytest.mark.parametrize("detail", ["invoice is already paid", "payment is in transition", "payment already exists"])
def test_paid_by_another_run_at_this_moment(scripted: t.Any, succeeds: t.Any, detail: str) -> None:
    lnd = scripted(
        decoded(),
        NONE,
        Call(SEND, [Fails(detail, "ALREADY_EXISTS")]),
        decoded(),
        tracked("IN_FLIGHT"),
        tracked("SUCCEEDED"),
    )
    assert succeeds("lnd_payment", **WISH, **lnd.options)["status"] == "SUCCEEDED"


def test_paid_by_another_run_that_has_failed_already(scripted: t.Any, module: t.Any) -> None:
    transit = Call(SEND, [Fails("payment is in transition", "ALREADY_EXISTS")])
    result = module(
        "lnd_payment",
        **WISH,
        **scripted(decoded(), NONE, transit, decoded(), tracked("FAILED", "FAILURE_REASON_NO_ROUTE")).options,
    )
    assert result["failed"] is True
    assert result["reason"] == "FAILURE_REASON_NO_ROUTE"


@pytest.mark.parametrize(
    "reason",
    ["FAILURE_REASON_NO_ROUTE", "FAILURE_REASON_INSUFFICIENT_BALANCE", "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS"],
)
def test_failures(scripted: t.Any, module: t.Any, reason: str) -> None:
    result = module("lnd_payment", **WISH, **scripted(decoded(), NONE, sent("FAILED", reason)).options)
    assert result["failed"] is True
    assert result["reason"] == reason
    assert reason in result["msg"]


def test_no_route_is_tried_again_for_a_while(scripted: t.Any, succeeds: t.Any) -> None:
    no_route = sent("FAILED", "FAILURE_REASON_NO_ROUTE")
    lnd = scripted(decoded(), NONE, no_route, no_route, sent("SUCCEEDED"), decoded(), tracked("SUCCEEDED"))
    assert succeeds("lnd_payment", retry_no_route_for=30, **WISH, **lnd.options)["status"] == "SUCCEEDED"


def test_other_failures_are_not_tried_again(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(decoded(), NONE, sent("FAILED", "FAILURE_REASON_INSUFFICIENT_BALANCE"))
    fails("lnd_payment", retry_no_route_for=30, **WISH, **lnd.options)


def test_trying_again_ends(scripted: t.Any, fails: t.Any) -> None:
    no_route = sent("FAILED", "FAILURE_REASON_NO_ROUTE")
    assert "FAILURE_REASON_NO_ROUTE" in fails(
        "lnd_payment", retry_no_route_for=0.1, **WISH, **scripted(decoded(), NONE, no_route, no_route).options
    )


def test_an_invoice_without_an_amount(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        decoded(0), NONE, sent("SUCCEEDED", amt_msat=5_000, fee_limit_msat=0), decoded(0), tracked("SUCCEEDED")
    )
    succeeds("lnd_payment", amt_msat=5_000, fee_limit_msat=0, **WISH, **lnd.options)


@pytest.mark.parametrize(
    ("request_", "options", "message"),
    [
        (decoded(0), {}, "Set amt_msat"),
        (decoded(), {"amt_msat": 5_000}, "amt_msat is set too"),
        (decoded(age=3_700), {}, "Ask the payee for a new one"),
    ],
)
def test_what_is_not_sent(
    scripted: t.Any, fails: t.Any, request_: Call, options: dict[str, t.Any], message: str
) -> None:
    assert message in fails("lnd_payment", **options, **WISH, **scripted(request_, NONE).options)


def test_not_an_invoice(scripted: t.Any, fails: t.Any) -> None:
    assert "payment_request is not valid here: checksum failed" in fails(
        "lnd_payment", **WISH, **scripted(Call(DECODE, Fails("checksum failed"))).options
    )
