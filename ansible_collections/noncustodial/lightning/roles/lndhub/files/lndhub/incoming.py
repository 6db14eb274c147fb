# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Money that comes in: invoices of users, and the booking of those that lnd says are settled.

Two ways lead to a booking, and both may come any number of times, from any number of processes, because a hash is booked once:
the stream of settled invoices, which begins where the last one ended, and the sweep, which asks lnd about each invoice that is open here.
The stream is for speed. The sweep is the guarantee: an invoice leaves `open` only by what lnd itself says of it, however long ago it expired.
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

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import CallError

from . import db, ledger
from .accounts import User
from .config import MAX_MSAT, Config
from .db import Pool
from .errors import BadArguments, NodeFailure
from .marks import Marks
from .node import Node

_LOG = logging.getLogger("lndhub.incoming")
_MEMO_BYTES = 639
"""What fits into a payment request."""

# Seconds between two attempts to subscribe: the first, and the longest.
_BACKOFF = (0.2, 5.0)
_BATCH = 200
_LOOKUPS_AT_ONCE = 8
# Of how many sweeps one asks about invoices that have not expired too: by default of an hour's.
_FULL_EVERY = 180


@dataclass(frozen=True)
class Added:
    """A new invoice."""

    payment_hash: bytes
    payment_request: str
    expires_at: datetime


class Incoming:
    """Makes invoices and books what comes in."""

    def __init__(self, pool: Pool, node: Node, marks: Marks, config: Config) -> None:
        self._pool, self._node, self._marks, self._config = pool, node, marks, config
        self._sweeps = 0
        # Sweeps to come that look at all open invoices. Two: what settles between a sweep and the subscription is seen by the next one.
        self._full = 2
        self.subscribed = asyncio.Event()

    async def add(self, user: User, amount_msat: int, memo: str, description_hash: bytes = b"", expiry: int = 0) -> Added:
        """Make an invoice of a user.

        It is noted here first, with what it asks for, because an account's invoices have room together. Nobody sees the payment request, so that nobody
        can pay it, before it is noted too.

        Args:
            amount_msat: 0 if the payer is to choose, which an account with a limit cannot let him.
            expiry: seconds; 0 for the hub's own.

        Raises:
            BadArguments: it is beyond a limit of the user.
            NodeFailure: nothing was made.
        """
        self._check(user, amount_msat, memo)
        preimage = await self._marks.preimage(user.id)
        payment_hash = hashlib.sha256(preimage).digest()
        expiry = expiry or self._config.service.invoice_expiry
        expires_at = datetime.fromtimestamp(int(time.time()) + expiry, UTC)
        try:
            await self._pool.execute(
                """
                INSERT INTO invoices (payment_hash, user_id, preimage, payment_request, amount_msat, memo, description_hash, expires_at)
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
            raise BadArguments(f"the balance, with the invoices that are open, would exceed its limit of {sat} sat") from error
        try:
            payment_request = await self._node.add_invoice(preimage, amount_msat, memo, description_hash, expiry, self._config.node.private)
        except CallError as error:
            _LOG.warning("no invoice was made: %s", error)
            await self._pool.execute("UPDATE invoices SET state = 'canceled' WHERE payment_hash = $1 AND state = 'open'", payment_hash)
            raise NodeFailure from error
        await self._pool.execute("UPDATE invoices SET payment_request = $2 WHERE payment_hash = $1", payment_hash, payment_request)
        return Added(payment_hash, payment_request, expires_at)

    @staticmethod
    def _check(user: User, amount_msat: int, memo: str) -> None:
        if amount_msat > user.max_receive_msat:
            raise BadArguments(f"the amount is above the limit of {user.max_receive_msat // 1000} sat for one invoice")
        if not amount_msat and min(user.max_receive_msat, user.max_balance_msat) < MAX_MSAT:
            raise BadArguments("this account has a limit, which who pays an invoice without an amount could exceed: name an amount")
        if len(memo.encode()) > _MEMO_BYTES:
            raise BadArguments(f"the memo is longer than {_MEMO_BYTES} bytes")

    async def follow(self) -> t.NoReturn:
        """Book settled invoices as they come, for ever."""
        pause = _BACKOFF[0]
        while True:
            try:
                after = await self._pool.fetchval("SELECT settle_index FROM progress")
                self._full = 2
                async with contextlib.aclosing(self._node.settled_invoices(after)) as settled:
                    self.subscribed.set()
                    async for invoice in settled:
                        pause = _BACKOFF[0]
                        await self._book(invoice.payment_hash, invoice.received_msat, invoice.settle_date, invoice.settle_index)
                _LOG.warning("the stream of invoices ended; it is opened again")
            except (CallError, *db.UNREACHABLE) as error:
                _LOG.warning("the stream of invoices broke and is opened again: %s", error)
            self.subscribed.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACKOFF[1])

    async def sweep(self, everything: bool = False) -> None:
        """Ask lnd about invoices that are open here: those that should have expired, and now and then all.

        Args:
            everything: all of them now.

        Raises:
            CallError: lnd does not answer; what was learned before is booked.
        """
        full = everything or self._full > 0 or self._sweeps % _FULL_EVERY == 0
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
                _BATCH,
            )
            for begin in range(0, len(rows), _LOOKUPS_AT_ONCE):
                await asyncio.gather(*(self._look(row["payment_hash"], row["expired"]) for row in rows[begin : begin + _LOOKUPS_AT_ONCE]))
            if len(rows) < _BATCH:
                break
            number = rows[-1]["number"]
        if full:
            self._full = max(self._full - 1, 0)

    async def _look(self, payment_hash: bytes, expired: bool) -> None:
        invoice = await self._node.invoice(payment_hash)
        if invoice is not None and invoice.state == "SETTLED":
            # Not the progress: others before this one may not have been looked at.
            await self._book(payment_hash, invoice.received_msat, invoice.settle_date, 0)
        elif (invoice is None and expired) or (invoice is not None and invoice.state == "CANCELED"):
            await self._pool.execute("UPDATE invoices SET state = 'canceled' WHERE payment_hash = $1 AND state = 'open'", payment_hash)

    async def _book(self, payment_hash: bytes, received_msat: int, settle_date: int, settle_index: int) -> None:
        try:
            user = await ledger.deposit(self._pool, payment_hash, received_msat, settle_date, settle_index)
        except asyncpg.IntegrityConstraintViolationError:
            # It stays open here, and a person must look; those after it are not to wait for that.
            _LOG.exception("a deposit of %d msat was refused by the database, hash %s", received_msat, payment_hash.hex())
            return
        if user is not None:
            _LOG.info("user %d received %d msat, hash %s", user, received_msat, payment_hash.hex())
