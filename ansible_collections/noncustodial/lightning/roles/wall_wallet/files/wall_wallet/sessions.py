# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions of users who are logged in. The hub's tokens stay here, in memory; a browser has a random name of its
session. A restart ends all.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import typing as t
from collections import OrderedDict
from dataclasses import dataclass, field

from .hub import Account, Away, BadAuth, DecodedInvoice, Refused

_MAX_DRAFTS = 50


# Changes as the payment goes on.
@dataclass(slots=True, kw_only=True)
class Draft:
    """A payment from the moment in which it is shown to be confirmed.

    Attributes:
        amount: the amount in sat, given by the user where the invoice names none.
        state: preview, then paying, then paid, failed or unclear.
        fee: the fee in sat, once it is paid.
        why: the reason of a failure, for example the hub's message; of a payment, that it was made before.
    """

    invoice: str
    decoded: DecodedInvoice
    amount: int
    fee_limit: int
    state: str = "preview"
    fee: int = 0
    why: str = ""
    task: asyncio.Task[None] | None = None

    def start(self, account: Account) -> None:
        """Pay, if that has not begun. Nothing else runs between the check and the change, so that a second click finds
        it begun.
        """
        if self.state == "preview":
            self.state = "paying"
            self.task = asyncio.create_task(self._pay(account))

    async def _pay(self, account: Account) -> None:
        try:
            self.fee = await account.pay(self.invoice, 0 if self.decoded.amount else self.amount)
            self.state = "paid"
        except BadAuth:
            self.state, self.why = "failed", "you were logged out before it was sent"
        except Refused as error:
            if error.moved_nothing:
                await self._refused(account, error.message)
            else:
                self.state = "unclear"
        except Away as error:
            self.state, self.why = ("unclear", "") if error.reached else ("failed", "the hub could not be reached")

    async def _refused(self, account: Account, message: str) -> None:
        """End a payment that the hub refused: it also refuses to pay an invoice that the account has paid before."""
        try:
            state, fee = await account.sent(self.decoded.payment_hash)
        except (Refused, Away):
            state, fee = "unknown", 0
        if state == "paid":
            self.state, self.fee, self.why = "paid", fee, "it was paid before, and not again"
        else:
            self.state, self.why = "failed", message

    async def look(self, account: Account) -> None:
        """Find out how a payment that was left unclear has ended."""
        if self.state != "unclear":
            return
        state, fee = await account.sent(self.decoded.payment_hash)
        if state == "paid":
            self.state, self.fee = "paid", fee
        elif state == "failed":
            self.state, self.why = "failed", "it did not reach the payee"


# Each request changes its time, and a payment its drafts.
@dataclass(slots=True, kw_only=True)
class Session:
    """One login.

    Attributes:
        csrf: the token that every form of it contains.
        used: the time of its last request, in monotonic seconds.
    """

    login: str
    account: Account
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    used: float = field(default_factory=time.monotonic)
    drafts: OrderedDict[str, Draft] = field(default_factory=OrderedDict)

    def add(self, draft: Draft) -> str:
        """Keep a draft, and return its name. Where there are too many, the oldest is forgotten."""
        name = secrets.token_urlsafe(9)
        self.drafts[name] = draft
        if len(self.drafts) > _MAX_DRAFTS:
            self.drafts.popitem(last=False)
        return name


class Sessions:
    """All sessions, those used last at the end.

    Args:
        seconds: seconds without a request, after which a session ends.
        most: sessions at once, at most.
    """

    def __init__(self, seconds: float, most: int, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._all: OrderedDict[str, Session] = OrderedDict()

    def begin(self, session: Session) -> str:
        """Keep a session, and return its name, which is new, whatever name the browser had before."""
        name = secrets.token_urlsafe(32)
        session.used = self._clock()
        self._all[name] = session
        if len(self._all) > self._most:
            self._all.popitem(last=False)
        return name

    def get(self, name: str) -> Session | None:
        """Return the session of this name; None if there is none or it has expired."""
        session = self._all.get(name)
        if session is None:
            return None
        if self._clock() - session.used > self._seconds:
            self.end(name)
            return None
        session.used = self._clock()
        self._all.move_to_end(name)
        return session

    def end(self, name: str) -> None:
        """End a session, if there is one of this name."""
        self._all.pop(name, None)
