# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The amounts with which the wall's invoices were paid, read from the hub for all waiting pages together.

The newest invoices come in one answer, at most once a second, however many pages wait. An older one, of a reader who
comes back later, is requested by itself, and readers from different networks take turns. A paid invoice stays paid, and
is not requested again. An unknown amount is an error, and never 0. No collection here grows beyond its bound, whatever
strangers do.
"""

from __future__ import annotations

import asyncio
import math
import time
import typing as t
from collections import OrderedDict

from .flights import Flights
from .hub import Account, Away, Refused
from .turns import Turns

_NEWEST_ITEMS = 100
_FRESH_SECONDS, _FRESH_SINGLE_SECONDS, _FRESH_LAPSED_SECONDS = 1.0, 15.0, 3600.0
_MAX_RECEIPTS = 10_000
# A hub takes 20 requests a second from an account by default; most of them are left for other things.
_SINGLES_PER_SECOND, _SINGLES_BURST = 5.0, 20.0
_MAX_WAITING_REQUESTS_OF_NETWORK, _MAX_WAITING_NETWORKS = 10, 500
# Seconds that a caller waits. The request goes on, and a caller who asks again finds its answer.
_WAIT_SECONDS = 1.0


class Busy(Away):
    """So many older invoices are requested that the answer is not there yet."""

    def __init__(self) -> None:
        super().__init__("many invoices are being looked up", False)


class Receipts:
    """The received amounts by payment hash.

    Args:
        account: the wall's own account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._flights = Flights()
        self._newest: dict[str, int] = {}
        self._looked = -math.inf
        self._failed = ""
        self._paid: OrderedDict[str, int] = OrderedDict()
        # The time until which it is not requested again, because the hub has reported that it is not paid.
        self._unpaid: OrderedDict[str, float] = OrderedDict()
        self._turns = Turns(
            _SINGLES_PER_SECOND, _SINGLES_BURST, _MAX_WAITING_REQUESTS_OF_NETWORK, _MAX_WAITING_NETWORKS, Busy
        )

    async def received(self, payment_hash: str, near: object = None, lapsed: bool = False) -> int:
        """Return the amount with which an invoice of the account was paid, in sat; 0 if it is not paid, as the hub
        reported in the last 15 seconds.

        Args:
            near: the network of the caller; networks take turns.
            lapsed: whether it can no longer be paid, so that the hub's answer is kept for an hour.

        Raises:
            Away: the hub does not report it; Busy, if its answer is not there in time.
        """
        if payment_hash in self._paid:
            return self._paid[payment_hash]
        if self._flights.under_way(None) or time.monotonic() - self._looked >= _FRESH_SECONDS:
            await self._flights.ask(None, self._look)
        elif self._failed:
            raise Away(self._failed)
        if payment_hash in self._newest:
            return self._newest[payment_hash]
        if time.monotonic() < self._unpaid.get(payment_hash, -math.inf):
            return 0
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                return await self._flights.ask(payment_hash, lambda: self._single(payment_hash, near, lapsed))
        except TimeoutError as error:
            raise Busy from error

    def opened(self, payment_hash: str) -> None:
        """Note an invoice that was just made: it is among the newest."""
        self._newest.setdefault(payment_hash, 0)
        if len(self._newest) > 2 * _NEWEST_ITEMS:
            del self._newest[next(iter(self._newest))]

    async def _look(self) -> None:
        # The moment of the attempt, so that a hub that is away is not asked more often than one that answers.
        self._looked = time.monotonic()
        try:
            found = await self._account.invoices(_NEWEST_ITEMS, 0)
        except Refused as error:
            self._failed = f"it says no: {error.message}"
            raise Away(self._failed) from error
        except Away as error:
            self._failed = str(error)
            raise
        self._failed = ""
        # The oldest first.
        self._newest = {one.payment_hash: one.amount if one.state == "paid" else 0 for one in reversed(found)}
        for payment_hash, amount in self._newest.items():
            self._keep(payment_hash, amount)

    async def _single(self, payment_hash: str, near: object, lapsed: bool) -> int:
        await self._turns.wait(near)
        asked = time.monotonic()
        try:
            amount = await self._account.received(payment_hash)
        except Refused as error:
            raise Away(f"it says no: {error.message}") from error
        self._keep(payment_hash, amount)
        if not amount:
            _put(self._unpaid, payment_hash, asked + (_FRESH_LAPSED_SECONDS if lapsed else _FRESH_SINGLE_SECONDS))
        return amount

    def _keep(self, payment_hash: str, amount: int) -> None:
        if amount:
            _put(self._paid, payment_hash, amount)


def _put(store: OrderedDict[str, t.Any], payment_hash: str, value: float) -> None:
    """Keep a value, and forget the oldest one where there are too many."""
    store[payment_hash] = value
    store.move_to_end(payment_hash)
    if len(store) > _MAX_RECEIPTS:
        store.popitem(last=False)
