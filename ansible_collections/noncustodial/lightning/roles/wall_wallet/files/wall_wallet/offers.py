# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invoices for readers who ask for one, with limits on how many may be open at once.

Each is an open invoice of the wall's account at the hub until it is paid or expires, and nobody can take it back. So
the open ones of one reader, of one network and of all readers together are counted, and further ones are refused here,
before the hub is asked. A paid invoice is not counted any more.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass

from serving.buckets import Buckets
from serving.networks import host, network

from .articles import Article
from .config import WallSettings
from .flights import Flights
from .hub import Account, Refused
from .l402 import TokenContent
from .receipts import Receipts

_LOG = logging.getLogger("wall_wallet.offers")
# Seconds that an invoice is valid after it is no longer shown, for a reader who pays at the last moment.
_EXTRA_VALID_SECONDS = 300
# Seconds for clocks that differ, and for an answer of the hub that is some seconds old.
_MARGIN_SECONDS = 60
# A hub takes 20 requests a second of an account by default, 60 at once, and looking for payments needs some of them.
_OFFERS_PER_SECOND, _OFFERS_BURST = 5.0, 40.0
_IPV4_PREFIX_LENGTH, _IPV6_PREFIX_LENGTH = 24, 48
# Bytes of an invoice's description, which is in a cookie with the invoice.
_MEMO_BYTES = 200


class NoOffer(Exception):
    """No invoice was made, for the reason in the message, which is for the reader."""

    status = 503


class TooManyOffers(NoOffer):
    """Too many invoices are open."""

    status = 429


class _TooFast(Exception):
    """Too many invoices are requested at the same moment."""


@dataclass(frozen=True)
class Offer:
    """An invoice for an article.

    Attributes:
        price: the price in sat.
        until: the time until which it is shown, in seconds since 1970.
    """

    payment_hash: str
    invoice: str
    price: int
    until: int


def stage(until: int) -> str:
    """Return the stage of an invoice that is not paid.

    Args:
        until: the time until which it is shown, in seconds since 1970.

    Returns:
        open; closing, when it is no longer shown and can still be paid; expired, when it can no longer be paid.
    """
    now = time.time()
    return "open" if now < until else "closing" if now < until + _EXTRA_VALID_SECONDS + _MARGIN_SECONDS else "expired"


@dataclass(frozen=True)
class _Open:
    ends: float
    counted: tuple[object, ...]
    reader: object


class Offers:
    """Make offers, and count those that are open.

    Args:
        account: the wall's own account.
    """

    def __init__(self, account: Account, receipts: Receipts, settings: WallSettings) -> None:
        self._account, self._receipts, self._settings = account, receipts, settings
        self._flights = Flights()
        self._pace = Buckets(_OFFERS_PER_SECOND, _OFFERS_BURST, _TooFast)
        # The oldest first, and as all last as long, those that lapse first.
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._counts: Counter[object] = Counter()
        self._of_readers: dict[object, Offer] = {}

    async def make(self, article: Article, address: str) -> Offer:
        """Make a new offer for a reader at an address.

        Raises:
            NoOffer: there are too many open, or the hub makes none.
            Away: the hub does not answer.
        """
        return await self._make(article, address, None)

    async def of_reader(self, article: Article, address: str) -> Offer:
        """Return the offer of a reader at an address who keeps no cookie, until it expires or is paid; make a new one
        if there is none.

        The offer must open nothing without the preimage: others may have the same address.

        Raises:
            NoOffer: there are too many open, or the hub makes none.
            Away: the hub does not answer.
        """
        reader = (host(address), article.name, article.price)

        async def one() -> Offer:
            self._lapse()
            found = self._of_readers.get(reader)
            if found and found.until > time.time() and not await self.paid(found, address):
                return found
            return await self._make(article, address, reader)

        return await self._flights.ask(reader, one)

    async def paid(self, offer: Offer | TokenContent, address: str) -> bool:
        """Return whether an invoice of the wall's account was paid, with its price at least.

        Args:
            address: the reader's address.

        Raises:
            Away: the hub does not report it.
        """
        lapsed = stage(offer.until) == "expired"
        if (
            await self._receipts.received(
                offer.payment_hash, network(address, _IPV4_PREFIX_LENGTH, _IPV6_PREFIX_LENGTH), lapsed
            )
            < offer.price
        ):
            return False
        self.sold(offer.payment_hash)
        return True

    def sold(self, payment_hash: str) -> None:
        """Stop counting an offer, because it was paid."""
        if payment_hash in self._open:
            self._forget(payment_hash)

    async def _make(self, article: Article, address: str, reader: object) -> Offer:
        self._lapse()
        counted = self._count(address)
        try:
            now = time.time()
            seconds = self._settings.offer_seconds
            payment_hash, invoice = await self._account.add_invoice(
                article.price, _memo(article), seconds + _EXTRA_VALID_SECONDS
            )
        except Refused as error:
            self._give_back(counted)
            # The reason, for example that the account has no room, is only for the account's owner.
            _LOG.warning("the hub makes no invoice of %d sat: %s", article.price, error.message)
            raise NoOffer("This article cannot be bought at the moment. Try again later.") from error
        except BaseException:
            self._give_back(counted)
            raise
        self._receipts.opened(payment_hash)
        made = Offer(payment_hash, invoice, article.price, int(now) + seconds)
        self._open[payment_hash] = _Open(now + seconds + _EXTRA_VALID_SECONDS, counted, reader)
        if reader:
            self._of_readers[reader] = made
        return made

    def _count(self, address: str) -> tuple[object, ...]:
        """Count one more offer before the hub is asked; otherwise several at once would find the same place free."""
        settings = self._settings
        reader, near = ("host", host(address)), ("network", network(address, _IPV4_PREFIX_LENGTH, _IPV6_PREFIX_LENGTH))
        if self._counts[reader] >= settings.offers_of_reader:
            raise TooManyOffers(
                "Many invoices were asked for from your address and not paid. Pay one of them, or try again in an hour."
            )
        if self._counts[near] >= settings.offers_of_network or self._counts["all"] >= settings.offers:
            raise TooManyOffers("Too many invoices are open at the moment. Try again in some minutes.")
        try:
            self._pace.take(None)
        except _TooFast as error:
            raise TooManyOffers("Many are buying at this moment. Try again in some seconds.") from error
        counted = (reader, near, "all")
        self._counts.update(counted)
        return counted

    def _lapse(self) -> None:
        """Stop counting offers that have expired."""
        while self._open:
            payment_hash, oldest = next(iter(self._open.items()))
            if oldest.ends > time.time():
                return
            self._forget(payment_hash)

    def _forget(self, payment_hash: str) -> None:
        one = self._open.pop(payment_hash)
        self._give_back(one.counted)
        its = self._of_readers.get(one.reader)
        if its and its.payment_hash == payment_hash:
            del self._of_readers[one.reader]

    def _give_back(self, counted: tuple[object, ...]) -> None:
        self._counts.subtract(counted)
        for key in counted:
            if not self._counts[key]:
                del self._counts[key]


def _memo(article: Article) -> str:
    """Return the description of an invoice; a title in another alphabet has several bytes for each character."""
    return f"Article: {article.title}".encode()[:_MEMO_BYTES].decode(errors="ignore")
