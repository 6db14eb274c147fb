# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in. The hub's tokens stay here, in memory; a browser has a random name of its session. A restart logs everybody out."""

from __future__ import annotations

import asyncio
import secrets
import time
import typing as t
from collections import OrderedDict
from dataclasses import dataclass, field

from .hub import Account, Away, BadAuth, Decoded, Refused

_DRAFTS = 50


@dataclass
class Draft:
    """A payment from the moment in which it is shown to be confirmed.

    Attributes:
        amount: sat, given by the user where the invoice names none.
        state: preview, then paying, then paid, failed or unclear.
        fee: sat, once it is paid.
        why: the hub's word on a failure.
    """

    invoice: str
    decoded: Decoded
    amount: int
    fee_limit: int
    state: str = "preview"
    fee: int = 0
    why: str = ""
    task: asyncio.Task[None] | None = None

    def start(self, account: Account) -> None:
        """Pay, if that has not begun. Between the look and the change nothing else runs, so that a second click finds it begun."""
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
            self.state, self.why = ("failed", error.message) if error.moved_nothing else ("unclear", "")
        except Away as error:
            self.state, self.why = ("unclear", "") if error.reached else ("failed", "the hub could not be reached")

    async def look(self, account: Account) -> None:
        """See how one that was left unclear has ended."""
        if self.state != "unclear":
            return
        # In this order: whatever ends between the two is seen by the second.
        paid = await account.paid(self.decoded.payment_hash)
        listed = next((one for one in await account.payments(100, 0) if one.payment_hash == self.decoded.payment_hash), None)
        if paid or (listed and listed.state == "paid"):
            self.state, self.fee = "paid", listed.fee if listed else 0
        elif paid is False and listed is None:
            self.state, self.why = "failed", "it did not reach the payee"


@dataclass
class Session:
    """One login.

    Attributes:
        csrf: what every form of it carries.
        used: monotonic seconds.
    """

    login: str
    account: Account
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    used: float = field(default_factory=time.monotonic)
    drafts: OrderedDict[str, Draft] = field(default_factory=OrderedDict)

    def add(self, draft: Draft) -> str:
        """Keep a draft; gives its name. The oldest go first."""
        name = secrets.token_urlsafe(9)
        self.drafts[name] = draft
        if len(self.drafts) > _DRAFTS:
            self.drafts.popitem(last=False)
        return name


class Sessions:
    """All of them, those used last at the end.

    Args:
        seconds: without a request, after which one ends.
        most: at once.
    """

    def __init__(self, seconds: float, most: int, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._all: OrderedDict[str, Session] = OrderedDict()

    def begin(self, session: Session) -> str:
        """Keep a session; gives its name, which is new, whatever the browser had before."""
        name = secrets.token_urlsafe(32)
        session.used = self._clock()
        self._all[name] = session
        if len(self._all) > self._most:
            self._all.popitem(last=False)
        return name

    def get(self, name: str) -> Session | None:
        """A session that has not lapsed."""
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
        """Forget one."""
        self._all.pop(name, None)
