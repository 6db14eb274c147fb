# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Money that leaves over the node. Only lnd's own record of a payment ends it.

The order is: reserve amount and fee limit (durable), hand the payment to lnd, follow it, book the end that lnd reports.
A payment whose end is unclear stays pending, and reconcile looks at it again, in this process or another.

When may a payment that lnd does not know be released? Its process may have died before it handed the payment over; but
it may as well be paused, or its request may still be on its way, and be served later. No lock in the database can
distinguish these cases. lnd can:

1. Each payment is handed over with a macaroon that is valid only until its `send_before`, which is noted with the
    reservation. lnd checks
   that when it takes a request, so that after this moment, by lnd's own clock, no request for this payment starts
   anything.
2. The hub learns that lnd's clock has passed `send_before` and a grace (for requests that lnd took just before and is
    working on) by
   a call with a macaroon that is valid until then: lnd refuses it.
3. Only if lnd reports after that refusal that it has no payment of this hash, or a failed one, is the reservation
    released.

Before that refusal a failed one proves nothing: it may be the record of an earlier attempt at the same invoice. The
process that hands the payment over does not need the proof, because what it reads from its own call is about its own
attempt.

All of this holds only as long as lnd has the history that the ledger follows, see node_history: an lnd whose database
was made anew does not know what it had sent. So the history is checked before anything is released here, and a payment
that lnd is known to have had is never released because lnd does not have it any more.

A payment of this hash without this user's mark is of another program on the node, and is never booked to the user.
While lnd has it, lnd refuses the user's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import typing as t
from datetime import UTC, datetime, timedelta

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import (
    AlreadyThere,
    CallError,
    Denied,
    PaymentRefused,
)

from . import db, ledger, node
from .accounts import User
from .config import Config
from .db import Pool
from .errors import InTransit, PaymentFailed
from .limits import fee_limit, parts
from .marks import Marks
from .node_history import NodeHistory
from .payment import Paid, PendingPayment, WantedPayment
from .unclaimable import Unclaimable

_LOG = logging.getLogger("lndhub.outgoing")

# Statuses that only lnd itself returns, for a request that it has read and will not act on. UNKNOWN, UNAVAILABLE and
# the like also come of a connection that breaks; what lnd refuses without a status of its own is known by its text.
_REFUSAL_STATUSES = (
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "UNIMPLEMENTED",
)

_OTHER_PROGRAM_REASON = "another program on the node has paid this invoice, or is paying it"
_FAILURE_REASONS = {
    "FAILURE_REASON_NO_ROUTE": "no route within the fee limit; the payee may not be able to receive this much",
    "FAILURE_REASON_TIMEOUT": "no route was found in time",
    "FAILURE_REASON_INSUFFICIENT_BALANCE": "the node's channels cannot send this much now",
    "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS": "the payee refused it: the invoice is paid, canceled or expired",
}


class Outgoing:
    """Make payments over the node."""

    def __init__(self, pool: Pool, lnd: node.Node, history: NodeHistory, marks: Marks, config: Config) -> None:
        self._pool, self._node, self._history, self._marks, self._config = pool, lnd, history, marks, config
        self._unclaimable = Unclaimable(lnd)
        # The payments that this process hands over and follows at this moment.
        self.followed: set[int] = set()
        self._tasks: set[asyncio.Task[Paid]] = set()
        # Requests that wait for the end of their payment.
        self._waiting = 0

    async def pay(self, user: User, request: node.Request, amount_msat: int) -> Paid:
        """Pay an invoice of another node.

        Raises:
            NotEnoughBalance, AlreadyPaid, NoRoom: nothing was booked.
            PaymentFailed: it has failed, and all is as before.
            InTransit: its end is not known yet; it is booked when it is known.
        """
        wanted = WantedPayment(
            user_id=user.id,
            kind="bolt11",
            payment_hash=request.payment_hash,
            payment_request=request.payment_request,
            destination=request.destination,
            amount_msat=amount_msat,
            request_amount_msat=request.amount_msat,
            fee_limit_msat=fee_limit(self._config.limits, amount_msat),
            memo=request.memo,
            description_hash=request.description_hash,
            send_before=self._send_before(),
        )
        return await self._started(wanted)

    async def keysend(
        self,
        user: User,
        destination: str,
        amount_msat: int,
        memo: str,
        records: t.Mapping[int, bytes],
        within: float | None = None,
    ) -> Paid:
        """Pay a node without an invoice; raises the same errors as pay, InTransit with the hash of the payment.

        Args:
            within: seconds after which it is answered with "in transit"; by default the hub's own.
        """
        preimage = secrets.token_bytes(32)
        wanted = WantedPayment(
            user_id=user.id,
            kind="keysend",
            payment_hash=hashlib.sha256(preimage).digest(),
            destination=destination,
            amount_msat=amount_msat,
            fee_limit_msat=fee_limit(self._config.limits, amount_msat),
            memo=memo,
            preimage=preimage,
            custom_records=records,
            send_before=self._send_before(),
        )
        try:
            return await self._started(wanted, within)
        except InTransit as error:
            error.payment_hash = wanted.payment_hash
            raise

    def _send_before(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=self._config.node.send_within)

    async def _started(self, wanted: WantedPayment, within: float | None = None) -> Paid:
        """Make the payment in a task of its own, which goes on when the client has left or was answered."""
        mark = await self._marks.of_payment(wanted.payment_hash, wanted.user_id)
        limits = self._config.limits
        room = ledger.Room(parts(self._config.node.max_parts, wanted.amount_msat), limits.account_htlcs, limits.htlcs)
        pending = await ledger.reserve(self._pool, wanted, room)
        self.followed.add(pending.id)
        task = asyncio.create_task(self._make(wanted, pending, mark))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        if self._waiting >= self._config.service.waiting:
            raise InTransit
        self._waiting += 1
        try:
            return await asyncio.wait_for(
                asyncio.shield(task), self._config.service.answer_within if within is None else within
            )
        except TimeoutError as error:
            raise InTransit from error
        finally:
            self._waiting -= 1

    def _done(self, task: asyncio.Task[Paid]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Read here too, because the client may have been answered before.
            task.exception()

    async def _make(self, wanted: WantedPayment, pending: PendingPayment, mark: bytes) -> Paid:
        try:
            return await self._send(wanted, pending, mark)
        finally:
            self.followed.discard(pending.id)

    async def _send(self, wanted: WantedPayment, pending: PendingPayment, mark: bytes) -> Paid:
        try:
            async with contextlib.aclosing(self._node.send(wanted, pending, mark)) as updates:
                async for record in updates:
                    if record.ended:
                        return await self.conclude(pending, record)
        except CallError as error:
            return await self._after_error(pending, error)
        _LOG.warning("payment %d: lnd ended its stream without an end of the payment; it stays pending", pending.id)
        raise InTransit

    async def _after_error(self, pending: PendingPayment, error: CallError) -> Paid:
        """Handle an error that lnd returned in place of the payment. If it means that lnd took nothing, ask lnd once
        whether that is so.
        """
        _LOG.warning("payment %d: %s", pending.id, error)
        # lnd refuses a macaroon without a status of its own. If the macaroon has run out already, the clocks differ.
        if not isinstance(error, (AlreadyThere, Denied, PaymentRefused)) and error.status not in _REFUSAL_STATUSES:
            raise InTransit from error
        try:
            record = await self._node.payment(pending.payment_hash)
        except CallError as second:
            raise InTransit from second
        if record is None or record.status == "FAILED":
            # A failed one is of an earlier attempt at the same invoice, with a reason that is not of this one.
            await self._failed(pending, "the node refused it")
        if not await self._is_of(pending, record):
            await self._failed(pending, _OTHER_PROGRAM_REASON)
        if not record.ended:
            raise InTransit from error
        return await self.conclude(pending, record)

    async def conclude(self, pending: PendingPayment, record: node.Payment) -> Paid:
        """Book an end that lnd has recorded.

        Raises:
            PaymentFailed: lnd reports its failure; that is booked.
            InTransit: it could not be booked now.
        """
        if record.status == "FAILED":
            await self._failed(pending, _FAILURE_REASONS.get(record.failure, "it did not succeed"))
        try:
            if record.amount_msat != pending.amount_msat:
                # Somebody else has paid this hash by this node, with another amount. Neither booking would be right; a
                # person must look.
                _LOG.error(
                    "payment %d is %d msat here and %d msat in lnd; it stays pending",
                    pending.id,
                    pending.amount_msat,
                    record.amount_msat,
                )
                raise InTransit
            await ledger.settle(self._pool, pending.id, record.fee_msat, record.preimage)
        except (*db.UNREACHABLE_ERRORS, asyncpg.PostgresError) as error:
            _LOG.error("payment %d is %s in lnd and could not be booked: %s", pending.id, record.status, error)
            raise InTransit from error
        _LOG.info(
            "payment %d made: %d msat, fee %d msat, hash %s",
            pending.id,
            record.amount_msat,
            record.fee_msat,
            record.payment_hash.hex(),
        )
        return Paid(
            payment_hash=pending.payment_hash,
            preimage=record.preimage,
            amount_msat=record.amount_msat,
            fee_msat=record.fee_msat,
        )

    async def _failed(self, pending: PendingPayment, reason: str) -> t.NoReturn:
        """Release what was reserved, and raise PaymentFailed; InTransit if it could not be booked now."""
        try:
            await ledger.release(self._pool, pending.id, reason)
        except (*db.UNREACHABLE_ERRORS, asyncpg.PostgresError) as error:
            _LOG.error("payment %d has failed and could not be booked: %s", pending.id, error)
            raise InTransit from error
        raise PaymentFailed(f"payment failed: {reason}")

    async def look(self, pending: PendingPayment) -> None:
        """Book the end of a payment that nobody follows, if lnd knows it or the rule above allows it.

        Raises:
            CallError: lnd does not answer.
            HistoryLost: lnd is not the one whose records the ledger follows; nothing was released.
        """
        record = await self._node.payment(pending.payment_hash)
        if record is not None and record.status != "FAILED":
            if await self._is_of(pending, record):
                await self._note(pending)
                await self._book(pending, record)
                return
            if await self._marks.payer(record.payment_hash, record.mark) is not None:
                # The ledger was restored: this payment had failed, and another user has paid the invoice since. That
                # payment is found by recovery.
                await self._history.confirm()
                _LOG.warning(
                    "payment %d: lnd has one of another user in its place; its reservation is released", pending.id
                )
                await ledger.release(self._pool, pending.id, "another user has paid it")
                return
        if not await self._node.past(pending.send_before + timedelta(seconds=self._config.node.grace)):
            return
        # Asked again, because only an answer after the refusal counts.
        record = await self._node.payment(pending.payment_hash)
        await self._history.confirm()
        if record is None and pending.taken:
            _LOG.error(
                "payment %d was in lnd, and is not there any more; a person must say what became of it, see lndhub end",
                pending.id,
            )
        elif record is None:
            _LOG.warning("payment %d was never taken by lnd; its reservation is released", pending.id)
            await ledger.release(self._pool, pending.id, "it never reached the node")
        elif record.status == "FAILED" or await self._is_of(pending, record):
            await self._book(pending, record)
        else:
            _LOG.warning(
                "payment %d: lnd has one of another program in its place; its reservation is released", pending.id
            )
            await ledger.release(self._pool, pending.id, _OTHER_PROGRAM_REASON)

    async def note(self, pending: PendingPayment) -> None:
        """Note that lnd has a payment that is being followed, if lnd has it.

        Raises:
            CallError: lnd does not answer.
        """
        record = await self._node.payment(pending.payment_hash)
        if record is not None and record.status != "FAILED" and await self._is_of(pending, record):
            await self._note(pending)

    async def _note(self, pending: PendingPayment) -> None:
        if not pending.taken:
            await self._pool.execute(
                "UPDATE payments SET taken = true WHERE id = $1 AND state = 'pending' AND NOT taken", pending.id
            )

    async def _is_of(self, pending: PendingPayment, record: node.Payment) -> bool:
        """Return whether lnd's record has the mark of the user."""
        return await self._marks.payer(record.payment_hash, record.mark) == pending.user_id

    async def _book(self, pending: PendingPayment, record: node.Payment) -> None:
        """Book the end of a payment that nobody waits for, if lnd knows it, or if none can come."""
        if record.ended:
            with contextlib.suppress(PaymentFailed, InTransit):
                await self.conclude(pending, record)
        elif await self._unclaimable.proven(record):
            await self._history.confirm()
            _LOG.warning(
                "payment %d is under way in lnd for ever: it was never sent, and can never be claimed. Its reservation"
                " is released",
                pending.id,
            )
            await ledger.release(self._pool, pending.id, "the node was stopped before it was sent")

    async def close(self, timeout: float) -> None:
        """Wait a while for payments under way; those that have not ended by then stay pending."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        for task in self._tasks:
            task.cancel()
