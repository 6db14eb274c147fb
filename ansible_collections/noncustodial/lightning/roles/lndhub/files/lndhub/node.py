# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls to lnd, which take and return plain values. Only this module uses lnd's messages; amounts are msat."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.async_client import AsyncClient
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import (
    LOST_ANSWER_ERRORS,
    AlreadySettled,
    CallError,
    CaveatUnmet,
    Denied,
    Locked,
    NotFound,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon as macaroons

from .config import Config
from .payment import PendingPayment, WantedPayment

PERMISSIONS = (
    "lnrpc.Lightning/GetInfo",
    "lnrpc.Lightning/ChannelBalance",
    "lnrpc.Lightning/ListChannels",
    "lnrpc.Lightning/AddInvoice",
    "lnrpc.Lightning/LookupInvoice",
    "lnrpc.Lightning/LookupHtlcResolution",
    "lnrpc.Lightning/SubscribeInvoices",
    "lnrpc.Lightning/ListInvoices",
    "lnrpc.Lightning/ListPayments",
    "lnrpc.Lightning/DecodePayReq",
    "lnrpc.Lightning/SignMessage",
    "invoicesrpc.Invoices/CancelInvoice",
    "routerrpc.Router/SendPaymentV2",
    "routerrpc.Router/TrackPaymentV2",
)
"""All calls that the hub makes; its macaroon needs uri:/ and each of these, and nothing more."""

AWAY_ERRORS = (*LOST_ANSWER_ERRORS, Locked, Denied)
"""Errors that mean only that the node cannot be used now, and nothing about the request."""

MARGIN_BLOCKS = 144
"""Blocks after the last one in which an HTLC can be claimed: within these, a claim that came late, or the money's
return, is confirmed on chain.
"""

# The record of a payment's first hop that holds its mark. The number is odd, so that a peer that does not know it
# ignores it.
_MARK_RECORD = 7_236_609
# The record by which a keysend carries its preimage.
_KEYSEND_RECORD = 5482373484
# Blocks that the payee of a keysend has; lnd's own default for its invoices.
_KEYSEND_DELTA_BLOCKS = 80
# Blocks that lnd adds to what the payee asks for (routing/payment_session.go, BlockPadding).
_PADDING_BLOCKS = 3
# Seconds in which a stream must have given its first answer.
_FIRST_ANSWER_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The contents of a payment request."""

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
        """Return whether a payment of it can run out within so many blocks; the payee by itself may ask for more."""
        return self.cltv_expiry + _PADDING_BLOCKS < cltv_limit

    def expired(self, now: float) -> bool:
        """Return whether it may not be paid any more.

        Args:
            now: seconds since 1970.
        """
        return self.timestamp + self.expiry <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledHtlc:
    """An HTLC by which the node has taken an invoice's money, or part of it, according to the invoice.

    Attributes:
        chan_id: its channel, as lnd names it.
        index: its index among those that the peer has added to the channel.
        expires: the block at which the peer may have the money back.
        settled: the time at which lnd settled it; seconds since 1970, by lnd's clock.
    """

    chan_id: int
    index: int
    amount_msat: int
    expires: int
    settled: int = 0


@dataclass(frozen=True)
class HtlcEnd:
    """The end of an HTLC of a peer's.

    Attributes:
        settled: whether its money came here, and did not go back.
        off_chain: whether it ended in the channel's commitments, and not by a transaction of its own.
    """

    settled: bool
    off_chain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice of the node in its present state: OPEN, ACCEPTED, SETTLED or CANCELED.

    Attributes:
        htlcs: the ones that are settled.
    """

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
    htlcs: tuple[SettledHtlc, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A part of a payment that lnd has recorded: IN_FLIGHT, SUCCEEDED or FAILED.

    Attributes:
        chan_id: the channel of its first hop, as lnd names it; 0 where the hops were left out.
        expires: the block at which its HTLC runs out.
        made: the time at which lnd recorded it; seconds since 1970, by lnd's clock.
    """

    status: str
    chan_id: int
    expires: int
    made: int


@dataclass(frozen=True)
class OpenChannel:
    """An open channel.

    Attributes:
        seconds: whole seconds since lnd's start, or since the channel was opened; 0 if lnd cannot say.
        outgoing: the payment hashes of the HTLCs in the node's own commitment that are the peer's to claim.
    """

    seconds: int
    outgoing: frozenset[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """lnd's record of a payment: INITIATED, IN_FLIGHT, SUCCEEDED or FAILED.

    Attributes:
        mark: the mark of the hub that made it; empty if no hub did.
        created: seconds since 1970.
        index: lnd's index, which grows.
        attempts: its parts.
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
    attempts: tuple[Attempt, ...] = ()

    @property
    def claimable_until(self) -> int:
        """The block up to which the last of its attempts that are under way can be claimed; 0 if none is, or the hops
        were left out.
        """
        return max((one.expires for one in self.attempts if one.status == "IN_FLIGHT"), default=0)

    @property
    def ended(self) -> bool:
        """True if its state is final."""
        return self.status in ("SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class Info:
    """The node itself.

    Attributes:
        height: the height of its best block.
    """

    node_id: str
    height: int
    plain: t.Mapping[str, t.Any]


class Node:
    """One lnd. Methods raise the CallError of the kind where lnd does not answer or refuses."""

    def __init__(self, config: Config) -> None:
        self._settings = config.node
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
        """Close the connection."""
        await self._client.close()

    async def info(self) -> Info:
        """Return the node's present state."""
        answer = await self._client.call("lnrpc.Lightning/GetInfo")
        self._info = Info(answer.identity_pubkey, answer.block_height, messages.plain(answer))
        return self._info

    async def node_id(self) -> str:
        """Return the node's public key. It never changes, and is read once."""
        return (self._info or await self.info()).node_id

    async def local_balance(self) -> int:
        """Return the amount that the node has in its open channels."""
        answer = await self._client.call("lnrpc.Lightning/ChannelBalance")
        return int(answer.local_balance.msat)

    async def channels(self) -> dict[int, OpenChannel]:
        """Return the open channels, by lnd's name."""
        answer = await self._client.call("lnrpc.Lightning/ListChannels")
        return {
            one.chan_id: OpenChannel(
                one.lifetime, frozenset(htlc.hash_lock for htlc in one.pending_htlcs if not htlc.incoming)
            )
            for one in answer.channels
        }

    async def decode(self, payment_request: str) -> Request | None:
        """Return the contents of a payment request; None if lnd cannot read it, for example because it is of another
        network.
        """
        try:
            answer = await self._client.call("lnrpc.Lightning/DecodePayReq", pay_req=payment_request)
        except AWAY_ERRORS:
            raise
        except CallError:
            return None
        return Request(
            payment_request=payment_request,
            payment_hash=bytes.fromhex(answer.payment_hash),
            destination=answer.destination,
            amount_msat=answer.num_msat,
            timestamp=answer.timestamp,
            expiry=answer.expiry,
            # The payee chooses it, and PostgreSQL has no place for a zero byte.
            memo=answer.description.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            description_hash=answer.description_hash,
            cltv_expiry=answer.cltv_expiry,
            plain=messages.plain(answer),
        )

    async def add_invoice(
        self, preimage: bytes, amount_msat: int, memo: str, description_hash: bytes, expiry: int, private: bool
    ) -> str:
        """Make an invoice, and return its payment request."""
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
        """Return an invoice in its present state; None if lnd has none with this hash."""
        try:
            answer = await self._client.call("lnrpc.Lightning/LookupInvoice", r_hash=payment_hash)
        except NotFound:
            return None
        return _invoice(answer)

    async def htlc_end(self, htlc: SettledHtlc) -> HtlcEnd | None:
        """Return how an HTLC has ended; None as long as it has not, or if it ended while lnd did not keep that.

        Raises:
            ResolutionsNotKept: lnd does not keep it.
        """
        try:
            answer = await self._client.call(
                "lnrpc.Lightning/LookupHtlcResolution", chan_id=htlc.chan_id, htlc_index=htlc.index
            )
        except NotFound:
            return None
        return HtlcEnd(answer.settled, answer.offchain)

    async def invoices_after(self, add_index: int, at_most: int) -> list[Invoice]:
        """Return invoices with a greater add index, in the order of their indices."""
        answer = await self._client.call(
            "lnrpc.Lightning/ListInvoices", index_offset=add_index, num_max_invoices=at_most
        )
        return [_invoice(one) for one in answer.invoices]

    async def newest_invoices(self, at_most: int) -> list[Invoice]:
        """Return the invoices with the greatest add indices, in any state, the newest first."""
        answer = await self._client.call("lnrpc.Lightning/ListInvoices", num_max_invoices=at_most, reversed=True)
        return [_invoice(one) for one in reversed(answer.invoices)]

    async def payments_after(self, index: int, at_most: int) -> list[Payment]:
        """Return payments with a greater index, in any state and in the order of their indices; without their fees,
        which lnd computes from the hops.
        """
        answer = await self._client.call(
            "lnrpc.Lightning/ListPayments",
            include_incomplete=True,
            index_offset=index,
            max_payments=at_most,
            omit_hops=True,
        )
        return [_payment(one) for one in answer.payments]

    async def last_payment_index(self) -> int:
        """Return the greatest index of a payment; 0 if there is none."""
        answer = await self._client.call(
            "lnrpc.Lightning/ListPayments", include_incomplete=True, max_payments=1, reversed=True, omit_hops=True
        )
        return max((one.payment_index for one in answer.payments), default=0)

    async def last_invoice_index(self) -> int:
        """Return the greatest add index of an invoice; 0 if there is none."""
        answer = await self._client.call("lnrpc.Lightning/ListInvoices", num_max_invoices=1, reversed=True)
        return max((one.add_index for one in answer.invoices), default=0)

    async def cancel(self, payment_hash: bytes) -> bool:
        """Make sure that an invoice cannot be paid from outside any more; return False if it was paid before.

        lnd also answers with success if the invoice was canceled already; and an invoice that lnd does not have cannot
        be paid either.
        """
        try:
            await self._client.call("invoicesrpc.Invoices/CancelInvoice", payment_hash=payment_hash)
        except AlreadySettled:
            return False
        except NotFound:
            return True
        return True

    async def settled_invoices(self, after: int) -> t.AsyncGenerator[Invoice, None]:
        """Yield all invoices that are settled from now on, and before them those with a greater settle index than the
        given one (if it is not 0).
        """
        async for answer in self._client.stream("lnrpc.Lightning/SubscribeInvoices", settle_index=after):
            invoice = _invoice(answer)
            if invoice.state == "SETTLED":
                yield invoice

    async def send(
        self, wanted: WantedPayment, pending: PendingPayment, mark: bytes
    ) -> t.AsyncGenerator[Payment, None]:
        """Hand a payment to lnd and follow it to its end. lnd refuses the call if it arrives after send_before, because
        its macaroon ends then.

        Args:
            pending: the reservation for it.
            mark: the mark that lnd keeps with the payment.
        """
        fields: dict[str, t.Any] = {
            "fee_limit_msat": wanted.fee_limit_msat,
            "timeout_seconds": self._settings.payment_timeout,
            "cltv_limit": self._settings.cltv_limit,
            "max_parts": pending.htlcs,
            "amt_msat": 0 if wanted.request_amount_msat else wanted.amount_msat,
            "first_hop_custom_records": {_MARK_RECORD: mark},
            # Only its end is of use; each update would name all hops of all attempts.
            "no_inflight_updates": True,
        }
        if wanted.payment_request:
            fields["payment_request"] = wanted.payment_request
        else:
            fields.update(
                dest=bytes.fromhex(wanted.destination),
                payment_hash=wanted.payment_hash,
                dest_custom_records={**wanted.custom_records, _KEYSEND_RECORD: wanted.preimage},
                final_cltv_delta=_KEYSEND_DELTA_BLOCKS,
            )
        limited = self._macaroon.attenuated(_before(pending.send_before)).encode()
        async for answer in self._client.stream("routerrpc.Router/SendPaymentV2", macaroon=limited, **fields):
            yield _payment(answer)

    async def payment(self, payment_hash: bytes) -> Payment | None:
        """Return lnd's record of a payment in its present state; None if it has none."""
        try:
            async for answer in self._client.stream(
                "routerrpc.Router/TrackPaymentV2", timeout=_FIRST_ANSWER_SECONDS, payment_hash=payment_hash
            ):
                return _payment(answer)
        except NotFound:
            return None
        raise CallError(
            self._client.node, "routerrpc.Router/TrackPaymentV2", "OK", "the stream ended without an answer"
        )

    async def past(self, moment: datetime) -> bool:
        """Return whether lnd, by its own clock, refuses a macaroon that is valid until that moment. The same clock
        refuses a late payment.
        """
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
        """Have the node sign a message; a watch-only node asks its signer to do it."""
        await self._client.call("lnrpc.Lightning/SignMessage", msg=b"noncustodial.lightning health check")


def _before(moment: datetime) -> str:
    """Return the caveat of a macaroon that ends at a moment, in whole seconds."""
    return f"time-before {moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def _invoice(answer: messages.Message) -> Invoice:
    return Invoice(
        payment_hash=answer.r_hash,
        state=messages.enum_name("lnrpc.Invoice.InvoiceState", answer.state),
        received_msat=answer.amt_paid_msat,
        settle_date=answer.settle_date,
        settle_index=answer.settle_index,
        preimage=answer.r_preimage,
        payment_request=answer.payment_request,
        amount_msat=answer.value_msat,
        memo=answer.memo,
        description_hash=answer.description_hash,
        created=answer.creation_date,
        expires=answer.creation_date + answer.expiry,
        add_index=answer.add_index,
        htlcs=tuple(
            SettledHtlc(
                chan_id=one.chan_id,
                index=one.htlc_index,
                amount_msat=one.amt_msat,
                expires=one.expiry_height,
                settled=one.resolve_time,
            )
            for one in answer.htlcs
            if messages.enum_name("lnrpc.InvoiceHTLCState", one.state) == "SETTLED"
        ),
    )


def _payment(answer: messages.Message) -> Payment:
    return Payment(
        payment_hash=bytes.fromhex(answer.payment_hash),
        status=messages.enum_name("lnrpc.Payment.PaymentStatus", answer.status),
        amount_msat=answer.value_msat,
        fee_msat=answer.fee_msat,
        preimage=bytes.fromhex(answer.payment_preimage),
        failure=messages.enum_name("lnrpc.PaymentFailureReason", answer.failure_reason),
        mark=dict(answer.first_hop_custom_records).get(_MARK_RECORD, b""),
        payment_request=answer.payment_request,
        created=answer.creation_time_ns // 10**9,
        index=answer.payment_index,
        attempts=tuple(
            Attempt(
                status=messages.enum_name("lnrpc.HTLCAttempt.HTLCStatus", one.status),
                chan_id=one.route.hops[0].chan_id if one.route.hops else 0,
                expires=one.route.total_time_lock,
                made=one.attempt_time_ns // 10**9,
            )
            for one in answer.htlcs
        ),
    )
