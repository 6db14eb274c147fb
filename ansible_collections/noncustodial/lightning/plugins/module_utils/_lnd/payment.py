# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Payments, identified by their hash, so that nothing is paid twice."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
import typing as t
from dataclasses import asdict, dataclass

from .._core import wait
from .._core.errors import InvalidInput, Refused, WaitTimeout
from .._core.plan import Action, Plan
from .._grpc import messages
from .._grpc.errors import AlreadyThere, Failed, NotFound, PaymentFailed, TimedOut

if t.TYPE_CHECKING:
    from .._grpc.client import Client

NO_ROUTE_REASON = "FAILURE_REASON_NO_ROUTE"

# Seconds beyond timeout_seconds in which lnd reports the end of a payment.
_MARGIN_SECONDS = 15.0

# Seconds between two attempts while there is no route.
_ATTEMPT_INTERVAL_SECONDS = 0.5

# So many successive hashes of a row that a node has never tried to pay count as the row's end. A place is skipped only
# if its invoice has expired before anybody tried to pay it.
_UNUSED_PREIMAGES = 20

_CURES = {
    NO_ROUTE_REASON: (
        "Check that both nodes have active channels with enough balance on the right side, and the fee limit; gossip of"
        " a new public channel takes up to 90 s on regtest and minutes elsewhere: retry_no_route_for waits for it"
    ),
    "FAILURE_REASON_TIMEOUT": (
        "The way was too slow: check that the peers and the signers on it answer, or raise timeout_seconds"
    ),
    "FAILURE_REASON_INSUFFICIENT_BALANCE": (
        "Check the local balance of the active channels, less reserve and fees (lnd_balance_info)"
    ),
    "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS": (
        "The payee refuses: its invoice is canceled, expired or paid, or the amount is wrong; ask for a new one"
    ),
    "FAILURE_REASON_CANCELED": "Somebody canceled it; run again to pay",
}


@dataclass(frozen=True)
class Request:
    """The content of a payment request.

    Attributes:
        payment_hash: hexadecimal.
        destination: node id of the payee.
        num_msat: amount; 0 if the payer is to choose it.
        expires: seconds since 1970.
    """

    payment_hash: str
    destination: str
    num_msat: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as lnd stores it, without its preimage: the proof of payment stays with the node.

    Attributes:
        status: INITIATED, IN_FLIGHT, SUCCEEDED or FAILED.
        failure_reason: lnd's name.
        duration_ms: the time from its creation to the end of its last part; None while there is none.
    """

    payment_hash: str
    status: str
    value_msat: int
    fee_msat: int
    failure_reason: str
    duration_ms: float | None

    @property
    def under_way(self) -> bool:
        """Return whether it may still succeed or fail."""
        return self.status not in ("SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class PaymentState:
    """A payment request, and the node's payment of it, if there is one."""

    request: Request
    payment: Payment | None


def read_request(client: Client, payment_request: str) -> Request:
    """Let lnd decode a payment request.

    Raises:
        InvalidInput: lnd cannot decode it, or it is of another network.
    """
    try:
        decoded = client.call("lnrpc.Lightning/DecodePayReq", pay_req=payment_request)
    except Failed as error:
        raise InvalidInput(
            f"payment_request is not valid here: {error.detail}", "Check that it is complete and of this node's network"
        ) from error
    return Request(decoded.payment_hash, decoded.destination, decoded.num_msat, decoded.timestamp + decoded.expiry)


def read_payment(client: Client, payment_request: str) -> PaymentState:
    """Read the payment of a request as it is now."""
    request = read_request(client, payment_request)
    try:
        return PaymentState(
            request, _first(client, "routerrpc.Router/TrackPaymentV2", payment_hash=bytes.fromhex(request.payment_hash))
        )
    except NotFound:
        return PaymentState(request, None)


def _first(client: Client, call: str, **fields: t.Any) -> Payment:
    """Return the first update of a stream. The stream is then closed, which does not stop a payment."""
    updates = client.stream(call, **fields)
    with contextlib.closing(t.cast("t.Any", updates)):
        update = next(updates, None)
    if update is None:
        raise TimedOut(client.node, call, "OK", "the stream ended without an answer")
    return _payment(update)


def _payment(update: messages.Message) -> Payment:
    resolved = max((attempt.resolve_time_ns for attempt in update.htlcs), default=0)
    return Payment(
        payment_hash=update.payment_hash,
        status=messages.enum_name("lnrpc.Payment.PaymentStatus", update.status),
        value_msat=update.value_msat,
        fee_msat=update.fee_msat,
        failure_reason=messages.enum_name("lnrpc.PaymentFailureReason", update.failure_reason),
        duration_ms=round((resolved - update.creation_time_ns) / 1e6, 1) if resolved else None,
    )


def default_fee_limit(msat: int) -> int:
    """Return the fee limit in msat if none is set: the whole amount up to 1000 sat, 5 % above (lnd:
    lnwallet/parameters.go).
    """
    return msat if msat <= 1_000_000 else msat * 5 // 100


def plan_payment(wanted: t.Mapping[str, t.Any], now: float, state: PaymentState) -> Plan:
    """Plan to pay, unless the request was paid or is being paid. A failed payment may be tried again: lnd lets its hash
    be used again.

    Args:
        wanted: payment_request, amt_msat, fee_limit_msat, timeout_seconds, retry_no_route_for.
        now: seconds since 1970.
        state: the request and its present payment.

    Raises:
        InvalidInput: the amount is given twice or not at all.
        Refused: the invoice has expired.
    """
    request, payment = state.request, state.payment
    if request.num_msat and wanted["amt_msat"]:
        raise InvalidInput(
            f"The invoice asks for {request.num_msat} msat, and amt_msat is set too",
            "Set amt_msat only for an invoice without an amount",
        )
    amount = request.num_msat or wanted["amt_msat"]
    if not amount:
        raise InvalidInput("The invoice names no amount", "Set amt_msat")
    if payment is not None and payment.status != "FAILED":
        return Plan()
    if request.expires <= now:
        raise Refused(
            f"The invoice {request.payment_hash} expired {now - request.expires:.0f} s ago",
            "Ask the payee for a new one, and check both clocks",
        )
    limit = wanted["fee_limit_msat"]
    args = {
        "payment_request": wanted["payment_request"],
        "amt_msat": 0 if request.num_msat else amount,
        "fee_limit_msat": default_fee_limit(amount) if limit is None else limit,
        "timeout_seconds": wanted["timeout_seconds"],
        "retry_no_route_for": wanted["retry_no_route_for"],
    }
    before = {"status": payment.status} if payment else {}
    return Plan(
        (Action("pay", args),),
        before,
        {"payment_hash": request.payment_hash, "status": "SUCCEEDED", "value_msat": amount},
    )


def apply_payment(client: Client, action: Action) -> None:
    """Pay, and retry while there is no route and time is left. Each attempt starts only after lnd has reported the one
    before as failed.

    Raises:
        PaymentFailed: it holds lnd's reason and what to do.
    """
    args = dict(action.args)
    end = time.monotonic() + args.pop("retry_no_route_for")

    def attempt() -> Payment | None:
        try:
            return _first(
                client,
                "routerrpc.Router/SendPaymentV2",
                timeout=args["timeout_seconds"] + _MARGIN_SECONDS,
                no_inflight_updates=True,
                **args,
            )
        except AlreadyThere:
            # Another run is paying it at this moment; wait_payment waits for that one.
            return None

    payment = wait.until(
        "a route",
        attempt,
        lambda last: last is None or last.failure_reason != NO_ROUTE_REASON or time.monotonic() >= end,
        math.inf,
        interval=_ATTEMPT_INTERVAL_SECONDS,
    )
    if payment is not None:
        check(client.node, payment)


def check(node: str, payment: Payment) -> None:
    """Raise PaymentFailed if the payment has failed."""
    if payment.status == "FAILED":
        reason = payment.failure_reason
        raise PaymentFailed(
            reason,
            f"The payment {payment.payment_hash} from lnd at {node} failed: {reason}",
            _CURES.get(reason, "See the journal of that lnd"),
        )


def wait_payment(client: Client, state: PaymentState, timeout: float) -> PaymentState:
    """Wait until the payment has ended; return it.

    Raises:
        WaitTimeout: it is still under way then; it is not lost, and must not be paid in another way.
        PaymentFailed: it has failed.
    """
    if state.payment is None:
        return state
    if not state.payment.under_way:
        # This happens if another run paid, and failed before this one could wait for it.
        check(client.node, state.payment)
        return state
    payment = _ended(client, state.request.payment_hash, timeout)
    check(client.node, payment)
    return PaymentState(state.request, payment)


def _ended(client: Client, payment_hash: str, timeout: float) -> Payment:
    """Wait until a payment that is under way has ended; return it."""
    call = "routerrpc.Router/TrackPaymentV2"
    try:
        return _first(
            client,
            call,
            timeout=timeout + _MARGIN_SECONDS,
            payment_hash=bytes.fromhex(payment_hash),
            no_inflight_updates=True,
        )
    except TimedOut as error:
        raise WaitTimeout(
            f"The payment {payment_hash} from lnd at {client.node} is still under way after {timeout:g} s",
            "Run again: that waits for the same payment and never pays a second time",
        ) from error


def read_row(client: Client, row: t.Iterable[bytes], timeout: float) -> list[Payment]:
    """Return the payments of a row of preimages that this node has made, whoever asked for them; wait for those under
    way.

    Args:
        client: the payer.
        row: preimages, in the order in which invoices use them.
        timeout: seconds for each payment that is under way.

    Raises:
        WaitTimeout: one is still under way after that.
    """
    made: list[Payment] = []
    untried = 0
    for preimage in row:
        payment_hash = hashlib.sha256(preimage).digest()
        try:
            payment = _first(client, "routerrpc.Router/TrackPaymentV2", payment_hash=payment_hash)
        except NotFound:
            untried += 1
            if untried == _UNUSED_PREIMAGES:
                break
            continue
        untried = 0
        if payment.under_way:
            payment = _ended(client, payment_hash.hex(), timeout)
        if payment.status == "SUCCEEDED":
            made.append(payment)
    return made


def made_result(payments: t.Sequence[Payment]) -> dict[str, t.Any]:
    """Build the info module's result."""
    return {"payments": [asdict(payment) for payment in payments]}


def payment_result(state: PaymentState) -> dict[str, t.Any]:
    """Build a module's result."""
    return {
        **(asdict(state.payment) if state.payment else {"payment_hash": state.request.payment_hash}),
        "destination": state.request.destination,
    }
