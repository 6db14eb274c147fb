# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Money that leaves over the node. Only lnd's own record of a payment ends it.

The order is: reserve amount and fee limit (durable), hand the payment to lnd, follow it, book what lnd says. Whatever is unclear stays pending,
and is looked at again by reconcile, in this process or another.

When may a payment that lnd does not know be released? Its process may have died before it handed the payment over; but it may as well be
paused, or its request may still be on its way, and be served later. No lock in the database tells these apart. lnd does:

1. Each payment is handed over with a macaroon that is good only until its `send_before`, which is noted with the reservation. lnd checks
   that when it takes a request, so that after this moment, by lnd's own clock, no request for this payment starts anything.
2. The hub learns that lnd's clock has passed `send_before` and a grace (for requests that lnd took just before and is working on) by
   a call with a macaroon that is good until then: lnd refuses it.
3. Only if lnd says after that refusal that it has no payment of this hash, or a failed one, is the reservation released.

A failed one alone proves nothing before that: it may be the record of an earlier attempt at the same invoice. The process that hands the
payment over does not need the proof, because what it reads from its own call is about its own attempt.

All of this holds only as long as lnd has the history that the ledger follows, see node_history: an lnd whose database was made anew does not know
what it had sent. So that is looked at before anything is released here, and what lnd is known to have had is never released because it has it no more.

A payment of this hash that has not this user's mark is of another program on the node, and is never booked to the user. While lnd has it, lnd
refuses the user's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import logging
import secrets
import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import AlreadyThere, CallError, Denied, PaymentRefused

from . import db, ledger, node
from .accounts import User
from .config import Config
from .db import Pool
from .errors import InTransit, PaymentFailed
from .limits import fee_limit, parts
from .marks import Marks
from .node_history import NodeHistory

_LOG = logging.getLogger("lndhub.outgoing")

# Statuses that only lnd itself gives, with a request that it has read and will not act on. UNKNOWN, UNAVAILABLE and the like
# also come of a connection that breaks; what lnd refuses without a status of its own is known by its text.
_REFUSALS = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "ALREADY_EXISTS", "PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED")

_OTHERWISE = "another program on the node has paid this invoice, or is paying it"
_REASONS = {
    "FAILURE_REASON_NO_ROUTE": "no route within the fee limit; the payee may not be able to receive this much",
    "FAILURE_REASON_TIMEOUT": "no route was found in time",
    "FAILURE_REASON_INSUFFICIENT_BALANCE": "the node's channels cannot send this much now",
    "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS": "the payee refused it: the invoice is paid, canceled or expired",
}


@dataclass(frozen=True)
class Paid:
    """A payment that was made."""

    payment_hash: bytes
    preimage: bytes
    amount_msat: int
    fee_msat: int


@dataclass(frozen=True)
class Pending:
    """A payment whose end is not booked yet.

    Attributes:
        taken: the ledger has noted that lnd has had it.
    """

    id: int
    user_id: int
    payment_hash: bytes
    amount_msat: int
    send_before: datetime
    taken: bool = False


class Outgoing:
    """Makes payments over the node."""

    def __init__(self, pool: Pool, lnd: node.Node, history: NodeHistory, marks: Marks, config: Config) -> None:
        self._pool, self._node, self._history, self._marks, self._config = pool, lnd, history, marks, config
        # The payments that this process hands over and follows at this moment.
        self.followed: set[int] = set()
        self._tasks: set[asyncio.Task[Paid]] = set()
        # Requests that wait for the end of their payment.
        self._waiting = 0

    async def pay(self, user: User, request: node.Request, amount_msat: int) -> Paid:
        """Pay an invoice of another node.

        Raises:
            NotEnoughBalance, AlreadyPaid, NoRoom: nothing was booked.
            PaymentFailed: it came to its end, and all is as before.
            InTransit: its end is not known yet; it is booked when it is.
        """
        mark = await self._marks.of_payment(request.payment_hash, user.id)
        outgoing = self._outgoing(request.payment_hash, mark, amount_msat, request.payment_request, request.amount_msat)
        wish = ledger.Wish(
            user.id,
            "bolt11",
            request.payment_hash,
            request.payment_request,
            request.destination,
            amount_msat,
            outgoing.fee_limit_msat,
            request.memo,
            request.description_hash,
            send_before=outgoing.send_before,
        )
        return await self._started(wish, outgoing)

    async def keysend(
        self, user: User, destination: str, amount_msat: int, memo: str, records: t.Mapping[int, bytes], within: float | None = None
    ) -> Paid:
        """Pay a node without an invoice; raises what pay does.

        Args:
            within: seconds after which it is answered with "in transit"; by default the hub's own.
        """
        preimage = secrets.token_bytes(32)
        payment_hash = hashlib.sha256(preimage).digest()
        mark = await self._marks.of_payment(payment_hash, user.id)
        outgoing = self._outgoing(payment_hash, mark, amount_msat, "", 0, destination, preimage, records)
        wish = ledger.Wish(
            user.id,
            "keysend",
            payment_hash,
            "",
            destination,
            amount_msat,
            outgoing.fee_limit_msat,
            memo,
            custom_records={str(number): value.decode() for number, value in records.items()},
            send_before=outgoing.send_before,
        )
        return await self._started(wish, outgoing, within)

    def _outgoing(
        self,
        payment_hash: bytes,
        mark: bytes,
        amount_msat: int,
        payment_request: str,
        request_amount_msat: int,
        destination: str = "",
        preimage: bytes = b"",
        records: t.Mapping[int, bytes] | None = None,
    ) -> node.Outgoing:
        settings = self._config.node
        return node.Outgoing(
            payment_request,
            payment_hash,
            amount_msat,
            request_amount_msat,
            fee_limit(self._config.limits, amount_msat),
            settings.payment_timeout,
            datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=settings.send_within),
            mark,
            destination,
            preimage,
            records,
            cltv_limit=settings.cltv_limit,
        )

    async def _started(self, wish: ledger.Wish, outgoing: node.Outgoing, within: float | None = None) -> Paid:
        """Make the payment in a task of its own, which goes on when the client has left or was answered."""
        limits = self._config.limits
        room = ledger.Room(parts(self._config.node.max_parts, wish.amount_msat), limits.account_htlcs, limits.htlcs)
        payment_id, htlcs = await ledger.reserve_within(self._pool, wish, room)
        self.followed.add(payment_id)
        pending = Pending(payment_id, wish.user_id, wish.payment_hash, wish.amount_msat, outgoing.send_before)
        task = asyncio.create_task(self._make(pending, dataclasses.replace(outgoing, max_parts=htlcs)))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        if self._waiting >= self._config.service.waiting:
            raise InTransit
        self._waiting += 1
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._config.service.answer_within if within is None else within)
        except TimeoutError as error:
            raise InTransit from error
        finally:
            self._waiting -= 1

    def _done(self, task: asyncio.Task[Paid]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Read here too, because the client may have been answered before.
            task.exception()

    async def _make(self, pending: Pending, outgoing: node.Outgoing) -> Paid:
        try:
            return await self._send(pending, outgoing)
        finally:
            self.followed.discard(pending.id)

    async def _send(self, pending: Pending, outgoing: node.Outgoing) -> Paid:
        try:
            async with contextlib.aclosing(self._node.send(outgoing)) as updates:
                async for record in updates:
                    if record.ended:
                        return await self.conclude(pending, record)
        except CallError as error:
            return await self._after_error(pending, error)
        _LOG.warning("payment %d: lnd ended its stream without an end of the payment; it stays pending", pending.id)
        raise InTransit

    async def _after_error(self, pending: Pending, error: CallError) -> Paid:
        """lnd gave an error in place of the payment. If it says that it took nothing, it is asked once whether that is so."""
        _LOG.warning("payment %d: %s", pending.id, error)
        # lnd tells of a macaroon that it does not take without a status of its own. One that has run out already means that the clocks differ.
        if not isinstance(error, (AlreadyThere, Denied, PaymentRefused)) and error.status not in _REFUSALS:
            raise InTransit from error
        try:
            record = await self._node.payment(pending.payment_hash)
        except CallError as second:
            raise InTransit from second
        if record is None or record.status == "FAILED":
            # A failed one is of an earlier attempt at the same invoice, with a reason that is not of this one.
            await self._failed(pending, "the node refused it")
        if not await self._is_of(pending, record):
            await self._failed(pending, _OTHERWISE)
        if not record.ended:
            raise InTransit from error
        return await self.conclude(pending, record)

    async def conclude(self, pending: Pending, record: node.Payment) -> Paid:
        """Book an end that lnd has recorded.

        Raises:
            PaymentFailed: lnd says that it failed; that is booked.
            InTransit: it could not be booked now.
        """
        if record.status == "FAILED":
            await self._failed(pending, _REASONS.get(record.failure, "it did not succeed"))
        try:
            if record.amount_msat != pending.amount_msat:
                # Somebody else has paid this hash by this node, with another amount. Neither booking would be right; a person must look.
                _LOG.error(
                    "payment %d is %d msat here and %d msat in lnd; it stays pending", pending.id, pending.amount_msat, record.amount_msat
                )
                raise InTransit
            await ledger.settle(self._pool, pending.id, record.fee_msat, record.preimage)
        except (*db.UNREACHABLE, asyncpg.PostgresError) as error:
            _LOG.error("payment %d is %s in lnd and could not be booked: %s", pending.id, record.status, error)
            raise InTransit from error
        _LOG.info(
            "payment %d made: %d msat, fee %d msat, hash %s", pending.id, record.amount_msat, record.fee_msat, record.payment_hash.hex()
        )
        return Paid(pending.payment_hash, record.preimage, record.amount_msat, record.fee_msat)

    async def _failed(self, pending: Pending, reason: str) -> t.NoReturn:
        """Give back what was reserved, and say so."""
        try:
            await ledger.release(self._pool, pending.id, reason)
        except (*db.UNREACHABLE, asyncpg.PostgresError) as error:
            _LOG.error("payment %d has failed and could not be booked: %s", pending.id, error)
            raise InTransit from error
        raise PaymentFailed(f"payment failed: {reason}")

    async def look(self, pending: Pending) -> None:
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
                # Of a restored ledger: this one had failed, and another user has paid the invoice since. That payment is found by recovery.
                await self._history.confirm()
                _LOG.warning("payment %d: lnd has one of another user in its place; its reservation is released", pending.id)
                await ledger.release(self._pool, pending.id, "another user has paid it")
                return
        if not await self._node.past(pending.send_before + timedelta(seconds=self._config.node.grace)):
            return
        # Asked again, because only an answer after the refusal counts.
        record = await self._node.payment(pending.payment_hash)
        await self._history.confirm()
        if record is None and pending.taken:
            _LOG.error("payment %d was in lnd, and is not there any more; a person must say what became of it, see lndhub end", pending.id)
        elif record is None:
            _LOG.warning("payment %d was never taken by lnd; its reservation is released", pending.id)
            await ledger.release(self._pool, pending.id, "it never reached the node")
        elif record.status == "FAILED" or await self._is_of(pending, record):
            await self._book(pending, record)
        else:
            _LOG.warning("payment %d: lnd has one of another program in its place; its reservation is released", pending.id)
            await ledger.release(self._pool, pending.id, _OTHERWISE)

    async def note(self, pending: Pending) -> None:
        """Note of a payment that is followed that lnd has it, if it has.

        Raises:
            CallError: lnd does not answer.
        """
        record = await self._node.payment(pending.payment_hash)
        if record is not None and record.status != "FAILED" and await self._is_of(pending, record):
            await self._note(pending)

    async def _note(self, pending: Pending) -> None:
        if not pending.taken:
            await self._pool.execute("UPDATE payments SET taken = true WHERE id = $1 AND state = 'pending' AND NOT taken", pending.id)

    async def _is_of(self, pending: Pending, record: node.Payment) -> bool:
        """Whether lnd's record has the mark of the user."""
        return await self._marks.payer(record.payment_hash, record.mark) == pending.user_id

    async def _book(self, pending: Pending, record: node.Payment) -> None:
        """Book the end of a payment that nobody waits for, if lnd knows it."""
        if record.ended:
            with contextlib.suppress(PaymentFailed, InTransit):
                await self.conclude(pending, record)

    async def close(self, timeout: float) -> None:
        """Wait a while for payments under way; what is left stays pending."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        for task in self._tasks:
            task.cancel()
