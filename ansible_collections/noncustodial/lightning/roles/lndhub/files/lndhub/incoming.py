# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Money that comes in: invoices of users, and the booking of those that lnd reports as settled.

An invoice that lnd reports as settled is booked when its money has come for good: see receipts. It is found in one of
two ways: by the stream of settled invoices, which begins where the last one ended, or by
the sweep, which asks lnd about each invoice that is open here. Both may run any number of times, in any number of
processes, because a hash is booked once. The stream is for speed. The sweep is the guarantee: an invoice leaves `open`
only because of what lnd itself reports, however long ago it expired.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError

from . import db, ledger
from .accounts import User
from .config import MAX_MSAT, Config
from .db import Pool
from .errors import BadArguments, Leaving, NodeFailure
from .marks import Marks
from .node import Invoice, Node
from .receipts import Receipts
from .signer import Signer

_LOG = logging.getLogger("lndhub.incoming")
_MEMO_BYTES = 639
"""Bytes of a memo that fit into a payment request."""

# 100,000 BTC (lnd: invoices, AddInvoice).
_MAX_INVOICE_MSAT = 100_000 * 10**11

# Seconds between two attempts to subscribe: the first, and the longest.
_BACKOFF_SECONDS = (0.2, 5.0)
_BATCH_INVOICES = 200
_LOOKUPS_AT_ONCE = 8
# One of so many sweeps also asks about invoices that have not expired: by default one in an hour.
_SWEEPS_PER_FULL_SWEEP = 180
# Seconds between two questions whether the money of a settled invoice has come: the first, and the longest. It has come
# when the commitments are exchanged, which takes some round trips to the peer.
_RECEIPT_SECONDS = (0.02, 2.0)
# Seconds after which a receipt is late, and reported.
_LATE_SECONDS = 30.0
_LATE_REASON = (
    "its channel still has the HTLC. It is booked when the peer has exchanged the commitments, or when the money is"
    " claimed on the chain"
)
# Seconds for which a sweep of everything waits for them.
_SWEEP_RECEIPTS_SECONDS = 10.0


class AboveLimit(BadArguments):
    """The invoice would exceed a limit of its account; the message has the limit."""


@dataclass(frozen=True)
class Added:
    """A new invoice."""

    payment_hash: bytes
    payment_request: str
    expires_at: datetime


class Incoming:
    """Make invoices, and book the money that comes in."""

    def __init__(
        self, pool: Pool, node: Node, receipts: Receipts, signer: Signer, marks: Marks, config: Config
    ) -> None:
        self._pool, self._node, self._receipts, self._signer = pool, node, receipts, signer
        self._marks, self._config = marks, config
        # Settled invoices whose money may still go back.
        self._awaited: dict[bytes, asyncio.Task[None]] = {}
        self._sweeps = 0
        # Sweeps to come that look at all open invoices. Two: what settles between a sweep and the subscription is seen
        # by the next one.
        self._full = 2
        self.subscribed = asyncio.Event()

    @property
    def awaited(self) -> int:
        """The number of settled invoices whose money has not come for good."""
        return len(self._awaited)

    async def close(self) -> None:
        """Await no receipt any more. Those invoices are open here, and looked at when the hub starts."""
        tasks = [*self._awaited.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def add(
        self, user: User, amount_msat: int, memo: str, description_hash: bytes = b"", expiry: int = 0
    ) -> Added:
        """Make an invoice of a user.

        It is noted here first, with its amount, because the open invoices of an account share its limit. Nobody sees
        the payment request before that is noted too, so that nobody can pay it earlier.

        Args:
            amount_msat: 0 if the payer is to choose, which is refused for an account with a limit.
            expiry: seconds; 0 for the hub's own.

        Raises:
            AboveLimit: the invoice would exceed a limit of the user.
            BadArguments: no invoice can be like that.
            Leaving: the hub makes none any more.
            NodeFailure: nothing was made.
        """
        if self._config.service.leaving:
            raise Leaving
        self._check(user, amount_msat, memo)
        self._signer.need()
        preimage = await self._marks.preimage(user.id)
        payment_hash = hashlib.sha256(preimage).digest()
        expiry = expiry or self._config.service.invoice_expiry
        expires_at = datetime.fromtimestamp(int(time.time()) + expiry, UTC)
        try:
            await self._pool.execute(
                """
                INSERT INTO invoices (payment_hash, user_id, preimage, payment_request, amount_msat, memo,
                  description_hash, expires_at)
                SELECT $1, $2, $3, '', $4, $5, $6, $7 WHERE invoices_room($2, $4, $8)
                """,
                payment_hash,
                user.id,
                preimage,
                amount_msat,
                memo,
                description_hash.hex(),
                expires_at,
                user.max_balance_msat if user.max_balance_msat < MAX_MSAT else None,
            )
        except asyncpg.CheckViolationError as error:
            if error.constraint_name != "invoices_room":
                raise
            sat = user.max_balance_msat // 1000
            raise AboveLimit(
                f"the balance, with the invoices that are open, would exceed its limit of {sat} sat"
            ) from error
        try:
            payment_request = await self._node.add_invoice(
                preimage, amount_msat, memo, description_hash, expiry, self._config.node.private
            )
        except CallError as error:
            _LOG.warning("no invoice was made: %s", error)
            await self._pool.execute(
                "UPDATE invoices SET state = 'canceled' WHERE payment_hash = $1 AND state = 'open'", payment_hash
            )
            # An lnd that was asked for a signature while its signer is away has stopped.
            self._signer.need()
            raise NodeFailure from error
        await self._pool.execute(
            "UPDATE invoices SET payment_request = $2 WHERE payment_hash = $1", payment_hash, payment_request
        )
        return Added(payment_hash, payment_request, expires_at)

    @staticmethod
    def _check(user: User, amount_msat: int, memo: str) -> None:
        if amount_msat > user.max_receive_msat:
            raise AboveLimit(f"the amount is above the limit of {user.max_receive_msat // 1000} sat for one invoice")
        if amount_msat > _MAX_INVOICE_MSAT:
            raise BadArguments(
                f"the amount is above {_MAX_INVOICE_MSAT // 1000} sat, the most that lnd takes in one invoice"
            )
        if not amount_msat and min(user.max_receive_msat, user.max_balance_msat) < MAX_MSAT:
            raise AboveLimit(
                "this account has a limit, which who pays an invoice without an amount could exceed: name an amount"
            )
        if len(memo.encode()) > _MEMO_BYTES:
            raise BadArguments(f"the memo is longer than {_MEMO_BYTES} bytes")

    async def follow(self) -> t.NoReturn:
        """Book settled invoices as lnd reports them, for ever."""
        pause = _BACKOFF_SECONDS[0]
        while True:
            try:
                after = await self._pool.fetchval("SELECT settle_index FROM progress")
                self._full = 2
                async with contextlib.aclosing(self._node.settled_invoices(after)) as settled:
                    self.subscribed.set()
                    async for invoice in settled:
                        pause = _BACKOFF_SECONDS[0]
                        await self._receive(invoice, invoice.settle_index)
                _LOG.warning("the stream of invoices ended; it is opened again")
            except (CallError, *db.UNREACHABLE_ERRORS) as error:
                _LOG.warning("the stream of invoices broke and is opened again: %s", error)
            self.subscribed.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACKOFF_SECONDS[1])

    async def sweep(self, everything: bool = False) -> None:
        """Ask lnd about invoices that are open here: those that should have expired, and now and then all.

        Args:
            everything: ask about all of them now.

        Raises:
            CallError: lnd does not answer; what was learned before is booked.
        """
        full = everything or self._full > 0 or self._sweeps % _SWEEPS_PER_FULL_SWEEP == 0
        self._sweeps += 1
        number = 0
        while True:
            rows = await self._pool.fetch(
                """
                SELECT number, payment_hash, expires_at < now() AS expired FROM invoices
                WHERE state = 'open' AND number > $1 AND ($2 OR expires_at < now()) ORDER BY number LIMIT $3
                """,
                number,
                full,
                _BATCH_INVOICES,
            )
            for begin in range(0, len(rows), _LOOKUPS_AT_ONCE):
                await asyncio.gather(
                    *(self._look(row["payment_hash"], row["expired"]) for row in rows[begin : begin + _LOOKUPS_AT_ONCE])
                )
            if len(rows) < _BATCH_INVOICES:
                break
            number = rows[-1]["number"]
        if everything and self._awaited:
            # Whoever asks so books next what was paid from it.
            await asyncio.wait(self._awaited.values(), timeout=_SWEEP_RECEIPTS_SECONDS)
        if full:
            self._full = max(self._full - 1, 0)

    async def _look(self, payment_hash: bytes, expired: bool) -> None:
        invoice = await self._node.invoice(payment_hash)
        if invoice is not None and invoice.state == "SETTLED":
            # Not the progress: others before this one may not have been looked at.
            await self._receive(invoice, 0)
        elif (invoice is None and expired) or (invoice is not None and invoice.state == "CANCELED"):
            await self._pool.execute(
                "UPDATE invoices SET state = 'canceled' WHERE payment_hash = $1 AND state = 'open'", payment_hash
            )

    async def _receive(self, invoice: Invoice, settle_index: int) -> None:
        """Book a settled invoice, now or when its money has come for good.

        Raises:
            CallError: lnd does not answer, or does not keep the ends of HTLCs; nothing was booked.
        """
        payment_hash = invoice.payment_hash
        if payment_hash in self._awaited or await self._booked(invoice, settle_index):
            return
        # Stream and sweep may have found it at the same time.
        if payment_hash not in self._awaited:
            self._awaited[payment_hash] = asyncio.create_task(self._await_receipt(invoice, settle_index))

    async def _await_receipt(self, invoice: Invoice, settle_index: int) -> None:
        began, pause = time.monotonic(), _RECEIPT_SECONDS[0]
        # What was reported last; it is reported once.
        reported = ""
        try:
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RECEIPT_SECONDS[1])
                try:
                    if await self._booked(invoice, settle_index):
                        return
                    late = time.monotonic() > began + _LATE_SECONDS
                    problem = _LATE_REASON if late else ""
                except (CallError, *db.UNREACHABLE_ERRORS, asyncpg.PostgresError) as error:
                    problem = str(error) or type(error).__name__
                if problem and problem != reported:
                    _LOG.warning("invoice %s is settled, and not booked yet: %s", invoice.payment_hash.hex(), problem)
                    reported = problem
        finally:
            del self._awaited[invoice.payment_hash]

    async def _booked(self, invoice: Invoice, settle_index: int) -> bool:
        """Book a settled invoice if its money has come for good, or has gone back; return whether one of both is so."""
        received_msat = await self._receipts.received(invoice)
        if received_msat is None:
            return False
        if self._awaited.keys() - {invoice.payment_hash}:
            # The stream begins after the progress, and those that are awaited may be before this one.
            settle_index = 0
        if received_msat:
            await self._book(invoice, received_msat, settle_index)
        elif await self._pool.fetchval(
            "UPDATE invoices SET state = 'canceled' WHERE payment_hash = $1 AND state = 'open' RETURNING true",
            invoice.payment_hash,
        ):
            _LOG.error(
                "invoice %s is settled in lnd and has brought nothing: its HTLC went back to the payer, because lnd was"
                " killed while it took it. Nothing was booked",
                invoice.payment_hash.hex(),
            )
        return True

    async def _book(self, invoice: Invoice, received_msat: int, settle_index: int) -> None:
        payment_hash = invoice.payment_hash
        if received_msat < invoice.received_msat:
            _LOG.error(
                "of %d msat of invoice %s only %d have come", invoice.received_msat, payment_hash.hex(), received_msat
            )
        try:
            user = await ledger.deposit(self._pool, payment_hash, received_msat, invoice.settle_date, settle_index)
        except asyncpg.IntegrityConstraintViolationError:
            # It stays open here, and a person must look; those after it are not to wait for that.
            _LOG.exception(
                "a deposit of %d msat was refused by the database, hash %s", received_msat, payment_hash.hex()
            )
            return
        if user is not None:
            _LOG.info("user %d received %d msat, hash %s", user, received_msat, payment_hash.hex())
