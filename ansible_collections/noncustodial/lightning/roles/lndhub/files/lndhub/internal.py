# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Money that passes from one user to another of the same hub, without a payment on the network.

The order is: reserve the payer's money (durable), cancel the invoice on lnd, book. Once it is canceled nobody can pay
it from outside, so that it cannot be paid twice; if lnd reports that it is settled already, it is an ordinary deposit
and the payer gets the reservation back. A crash between any two steps leaves a pending payment. Repeating the last two
steps is harmless, and reconcile repeats them. The reservation comes first, so that nobody can have invoices canceled
for money that is not there.
"""

from __future__ import annotations

import logging

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError

from . import db, ledger
from .accounts import User
from .config import Limits
from .db import Pool
from .errors import BadArguments, InTransit, NotAnInvoice
from .node import Node, Request
from .payment import Paid, WantedPayment

_LOG = logging.getLogger("lndhub.internal")


class Internal:
    """Make payments between users."""

    def __init__(self, pool: Pool, node: Node, limits: Limits) -> None:
        self._pool, self._node, self._limits = pool, node, limits
        # The payments that this process makes at this moment.
        self.followed: set[int] = set()

    async def pay(self, user: User, request: Request, amount_msat: int) -> Paid:
        """Pay an invoice of this node.

        Raises:
            NotAnInvoice: it belongs to no user of this hub.
            BadArguments: it is the payer's own.
            NotEnoughBalance, AlreadyPaid, PayeeFull: nothing was booked.
            InTransit: the payment's end is not known yet; it is booked when it is known.
        """
        wanted = WantedPayment(
            user_id=user.id,
            kind="internal",
            payment_hash=request.payment_hash,
            payment_request=request.payment_request,
            destination=request.destination,
            amount_msat=amount_msat,
            fee_limit_msat=0,
            memo=request.memo,
            description_hash=request.description_hash,
        )
        reserved = await ledger.reserve_internal(self._pool, wanted, self._limits)
        if reserved is None:
            raise NotAnInvoice("this invoice is of the hub's own node, but of no account here")
        if reserved.payee == user.id:
            raise BadArguments("this invoice is your own; an account cannot pay itself")
        payment_id = reserved.payment_id
        if payment_id is None:
            raise ledger.AlreadyPaid
        self.followed.add(payment_id)
        try:
            preimage = await self.finish(payment_id, request.payment_hash)
        except (CallError, *db.UNREACHABLE_ERRORS) as error:
            _LOG.warning("internal payment %d stays pending: %s", payment_id, error)
            raise InTransit from error
        finally:
            self.followed.discard(payment_id)
        _LOG.info(
            "internal payment %d made: %d msat from user %d to %d", payment_id, amount_msat, user.id, reserved.payee
        )
        return Paid(payment_hash=request.payment_hash, preimage=preimage, amount_msat=amount_msat, fee_msat=0)

    async def finish(self, payment_id: int, payment_hash: bytes) -> bytes:
        """Do the last two steps, which may be repeated, and return the preimage.

        Raises:
            AlreadyPaid: the invoice was paid otherwise; the reservation is released.
            CallError: lnd does not answer; the payment stays pending.
        """
        if not await self._node.cancel(payment_hash):
            await ledger.release(self._pool, payment_id, "the invoice was paid from outside")
            raise ledger.AlreadyPaid
        try:
            preimage = await ledger.internal(self._pool, payment_id)
        except asyncpg.IntegrityConstraintViolationError as error:
            # The database has it as settled: the deposit was booked before.
            await ledger.release(self._pool, payment_id, "the invoice was paid otherwise")
            raise ledger.AlreadyPaid from error
        if preimage is None:
            # Another process has ended it meanwhile, in one way or the other.
            row = await db.row(self._pool, "SELECT state, preimage FROM payments WHERE id = $1", payment_id)
            if row["state"] != "settled":
                raise ledger.AlreadyPaid
            preimage = row["preimage"]
        return bytes(preimage)
