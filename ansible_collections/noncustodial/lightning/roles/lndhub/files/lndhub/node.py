# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls to lnd, as plain values. The only user of lnd's messages here; amounts are msat."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon as macaroons
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.async_client import AsyncClient
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.client import Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import (
    LOST_ANSWER,
    AlreadySettled,
    CallError,
    CaveatUnmet,
    Denied,
    Locked,
    NotFound,
)

from .config import Config

PERMISSIONS = (
    "lnrpc.Lightning/GetInfo",
    "lnrpc.Lightning/ChannelBalance",
    "lnrpc.Lightning/AddInvoice",
    "lnrpc.Lightning/LookupInvoice",
    "lnrpc.Lightning/SubscribeInvoices",
    "lnrpc.Lightning/ListInvoices",
    "lnrpc.Lightning/ListPayments",
    "lnrpc.Lightning/DecodePayReq",
    "lnrpc.Lightning/SignMessage",
    "invoicesrpc.Invoices/CancelInvoice",
    "routerrpc.Router/SendPaymentV2",
    "routerrpc.Router/TrackPaymentV2",
)
"""All that the hub calls; its macaroon needs uri:/ and each of these, and nothing more."""

AWAY = (*LOST_ANSWER, Locked, Denied)
"""What says nothing about the request, but that the node cannot be used now."""

# The record of a payment's first hop that holds its mark. Odd, so that a peer who does not know it leaves it alone.
_MARK_RECORD = 7_236_609
# The record by which a keysend carries its preimage.
_KEYSEND_RECORD = 5482373484
# Blocks that the payee of a keysend has; lnd's own default for its invoices.
_KEYSEND_DELTA = 80
# Blocks that lnd adds to what the payee asks for (routing/payment_session.go, BlockPadding).
_BLOCK_PADDING = 3
# Seconds in which a stream must have given its first answer.
_FIRST = 15.0


@dataclass(frozen=True)
class Request:
    """What a payment request says."""

    payment_request: str
    payment_hash: bytes
    destination: str
    amount_msat: int
    timestamp: int
    expiry: int
    memo: str
    description_hash: str
    cltv_expiry: int
    plain: t.Mapping[str, t.Any]

    def held_within(self, cltv_limit: int) -> bool:
        """Whether a payment of it can run out within so many blocks: the payee alone may ask for more."""
        return self.cltv_expiry + _BLOCK_PADDING < cltv_limit

    def expired(self, now: float) -> bool:
        """Whether it may not be paid any more.

        Args:
            now: seconds since 1970.
        """
        return self.timestamp + self.expiry <= now


@dataclass(frozen=True)
class Invoice:
    """An invoice of the node as it is now: OPEN, ACCEPTED, SETTLED or CANCELED."""

    payment_hash: bytes
    state: str
    received_msat: int
    settle_date: int
    settle_index: int
    preimage: bytes
    payment_request: str
    amount_msat: int
    memo: str
    description_hash: bytes
    created: int
    expires: int
    add_index: int


@dataclass(frozen=True)
class Payment:
    """lnd's record of a payment: INITIATED, IN_FLIGHT, SUCCEEDED or FAILED.

    Attributes:
        mark: what the hub that made it has written there; empty if no hub did.
        created: seconds since 1970.
        index: lnd's, which grows.
        claimable_until: the block up to which the last of its attempts that are under way can be claimed; 0 if none is, or the hops were left out.
    """

    payment_hash: bytes
    status: str
    amount_msat: int
    fee_msat: int
    preimage: bytes
    failure: str
    mark: bytes
    payment_request: str
    created: int
    index: int
    claimable_until: int = 0

    @property
    def ended(self) -> bool:
        """Whether it stays as it is."""
        return self.status in ("SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class Info:
    """The node itself.

    Attributes:
        height: of its best block.
    """

    node_id: str
    height: int
    plain: t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Outgoing:
    """A payment to be handed to lnd.

    Attributes:
        payment_request: empty for keysend, which needs destination and preimage.
        amount_msat: what the payee gets.
        request_amount_msat: what the payment request names; 0 if that leaves it to the payer.
        mark: kept by lnd with the payment.
        custom_records: for keysend.
        max_parts: into which lnd may split it.
        cltv_limit: blocks until its HTLCs have run out, at most; 0 for lnd's own limit.
    """

    payment_request: str
    payment_hash: bytes
    amount_msat: int
    request_amount_msat: int
    fee_limit_msat: int
    timeout_seconds: int
    send_before: datetime
    mark: bytes
    destination: str = ""
    preimage: bytes = b""
    custom_records: t.Mapping[int, bytes] | None = None
    max_parts: int = 1
    cltv_limit: int = 0


class Node:
    """One lnd. Methods raise CallError, by kind, where lnd gives no answer or refuses."""

    def __init__(self, config: Config) -> None:
        self._macaroon = macaroons.decode(config.binary("macaroon"))
        connection = Connection(
            config.node.rpcserver,
            (config.credentials / config.node.certificate).read_bytes(),
            self._macaroon.encode(),
            config.node.timeout,
        )
        self._client = AsyncClient(connection)
        self._info: Info | None = None

    async def close(self) -> None:
        """Give the connection back."""
        await self._client.close()

    async def info(self) -> Info:
        """The node as it is now."""
        answer = await self._client.call("lnrpc.Lightning/GetInfo")
        self._info = Info(answer.identity_pubkey, answer.block_height, messages.plain(answer))
        return self._info

    async def node_id(self) -> str:
        """Its public key, which never changes: asked once."""
        return (self._info or await self.info()).node_id

    async def local_balance(self) -> int:
        """What the node has in its open channels."""
        answer = await self._client.call("lnrpc.Lightning/ChannelBalance")
        return int(answer.local_balance.msat)

    async def decode(self, payment_request: str) -> Request | None:
        """What a payment request says; None if lnd cannot read it, which includes those of another network."""
        try:
            answer = await self._client.call("lnrpc.Lightning/DecodePayReq", pay_req=payment_request)
        except AWAY:
            raise
        except CallError:
            return None
        return Request(
            payment_request,
            bytes.fromhex(answer.payment_hash),
            answer.destination,
            answer.num_msat,
            answer.timestamp,
            answer.expiry,
            answer.description,
            answer.description_hash,
            answer.cltv_expiry,
            messages.plain(answer),
        )

    async def add_invoice(self, preimage: bytes, amount_msat: int, memo: str, description_hash: bytes, expiry: int, private: bool) -> str:
        """Make an invoice; gives its payment request."""
        answer = await self._client.call(
            "lnrpc.Lightning/AddInvoice",
            r_preimage=preimage,
            value_msat=amount_msat,
            memo="" if description_hash else memo,
            description_hash=description_hash,
            expiry=expiry,
            private=private,
        )
        return str(answer.payment_request)

    async def invoice(self, payment_hash: bytes) -> Invoice | None:
        """An invoice as it is now; None if lnd has none."""
        try:
            answer = await self._client.call("lnrpc.Lightning/LookupInvoice", r_hash=payment_hash)
        except NotFound:
            return None
        return _invoice(answer)

    async def invoices_after(self, add_index: int, at_most: int) -> list[Invoice]:
        """Invoices with a greater add index, in its order."""
        answer = await self._client.call("lnrpc.Lightning/ListInvoices", index_offset=add_index, num_max_invoices=at_most)
        return [_invoice(one) for one in answer.invoices]

    async def payments_after(self, index: int, at_most: int) -> list[Payment]:
        """Payments with a greater index, in its order, whatever became of them; without their fees, which lnd reckons from the hops."""
        answer = await self._client.call(
            "lnrpc.Lightning/ListPayments", include_incomplete=True, index_offset=index, max_payments=at_most, omit_hops=True
        )
        return [_payment(one) for one in answer.payments]

    async def last_payment_index(self) -> int:
        """The greatest index of a payment; 0 if there is none."""
        answer = await self._client.call(
            "lnrpc.Lightning/ListPayments", include_incomplete=True, max_payments=1, reversed=True, omit_hops=True
        )
        return max((one.payment_index for one in answer.payments), default=0)

    async def last_invoice_index(self) -> int:
        """The greatest add index of an invoice; 0 if there is none."""
        answer = await self._client.call("lnrpc.Lightning/ListInvoices", num_max_invoices=1, reversed=True)
        return max((one.add_index for one in answer.invoices), default=0)

    async def cancel(self, payment_hash: bytes) -> bool:
        """Make sure that an invoice is not paid from outside from now on; False if it was paid before.

        lnd says yes as well to an invoice that was canceled already, and one that it does not have cannot be paid either.
        """
        try:
            await self._client.call("invoicesrpc.Invoices/CancelInvoice", payment_hash=payment_hash)
        except AlreadySettled:
            return False
        except NotFound:
            return True
        return True

    async def settled_invoices(self, after: int) -> t.AsyncGenerator[Invoice, None]:
        """All invoices that are settled from now on, and before them those with a greater settle index than the given one (if it is not 0)."""
        async for answer in self._client.stream("lnrpc.Lightning/SubscribeInvoices", settle_index=after):
            invoice = _invoice(answer)
            if invoice.state == "SETTLED":
                yield invoice

    async def send(self, outgoing: Outgoing) -> t.AsyncGenerator[Payment, None]:
        """Hand a payment to lnd and follow it to its end. lnd refuses the call after send_before, whenever it comes: its macaroon says so."""
        fields: dict[str, t.Any] = {
            "fee_limit_msat": outgoing.fee_limit_msat,
            "timeout_seconds": outgoing.timeout_seconds,
            "cltv_limit": outgoing.cltv_limit,
            "max_parts": outgoing.max_parts,
            "amt_msat": 0 if outgoing.request_amount_msat else outgoing.amount_msat,
            "first_hop_custom_records": {_MARK_RECORD: outgoing.mark},
            # Only its end is of use; each update would name all hops of all attempts.
            "no_inflight_updates": True,
        }
        if outgoing.payment_request:
            fields["payment_request"] = outgoing.payment_request
        else:
            records = {**(outgoing.custom_records or {}), _KEYSEND_RECORD: outgoing.preimage}
            fields.update(
                dest=bytes.fromhex(outgoing.destination),
                payment_hash=outgoing.payment_hash,
                dest_custom_records=records,
                final_cltv_delta=_KEYSEND_DELTA,
            )
        limited = self._macaroon.attenuated(_before(outgoing.send_before)).encode()
        async for answer in self._client.stream("routerrpc.Router/SendPaymentV2", macaroon=limited, **fields):
            yield _payment(answer)

    async def payment(self, payment_hash: bytes) -> Payment | None:
        """lnd's record of a payment as it is now; None if it has none."""
        try:
            async for answer in self._client.stream("routerrpc.Router/TrackPaymentV2", timeout=_FIRST, payment_hash=payment_hash):
                return _payment(answer)
        except NotFound:
            return None
        raise CallError(self._client.node, "routerrpc.Router/TrackPaymentV2", "OK", "the stream ended without an answer")

    async def past(self, moment: datetime) -> bool:
        """Whether lnd, by its own clock, refuses a macaroon that is good until then. That is the clock that refuses a late payment."""
        caveat = _before(moment)
        try:
            await self._client.call("lnrpc.Lightning/GetInfo", macaroon=self._macaroon.attenuated(caveat).encode())
        except CaveatUnmet as error:
            # Not another one, which the macaroon had before.
            if caveat not in error.detail:
                raise
            return True
        return False

    async def sign(self) -> None:
        """Have the node sign something: of a watch-only node that asks its signer."""
        await self._client.call("lnrpc.Lightning/SignMessage", msg=b"noncustodial.lightning health check")


def _before(moment: datetime) -> str:
    """The caveat, in whole seconds."""
    return f"time-before {moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def _invoice(answer: messages.Message) -> Invoice:
    return Invoice(
        answer.r_hash,
        messages.enum_name("lnrpc.Invoice.InvoiceState", answer.state),
        answer.amt_paid_msat,
        answer.settle_date,
        answer.settle_index,
        answer.r_preimage,
        answer.payment_request,
        answer.value_msat,
        answer.memo,
        answer.description_hash,
        answer.creation_date,
        answer.creation_date + answer.expiry,
        answer.add_index,
    )


def _payment(answer: messages.Message) -> Payment:
    return Payment(
        bytes.fromhex(answer.payment_hash),
        messages.enum_name("lnrpc.Payment.PaymentStatus", answer.status),
        answer.value_msat,
        answer.fee_msat,
        bytes.fromhex(answer.payment_preimage),
        messages.enum_name("lnrpc.PaymentFailureReason", answer.failure_reason),
        dict(answer.first_hop_custom_records).get(_MARK_RECORD, b""),
        answer.payment_request,
        answer.creation_time_ns // 10**9,
        answer.payment_index,
        max((one.route.total_time_lock for one in answer.htlcs if not one.status), default=0),
    )
