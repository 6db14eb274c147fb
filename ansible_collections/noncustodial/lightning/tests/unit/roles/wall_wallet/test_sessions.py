# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions, and payments from the preview to their end: paid once, whatever the hub answers."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

from wall_wallet.hub import Away, BadAuth, Decoded, Item, Refused
from wall_wallet.sessions import Draft, Session, Sessions

HASH = "ab" * 32
DECODED = Decoded(HASH, 10, "rent", "03" * 33, False, 9_999_999_999)


class Account:
    """Answers to a payment, and what the hub knows of it later."""

    def __init__(self, answer: object, paid: bool | None = None, listed: str = "") -> None:
        self.answer, self.is_paid, self.listed = answer, paid, listed
        self.calls: list[tuple[str, int]] = []

    async def pay(self, invoice: str, amount: int) -> int:
        self.calls.append((invoice, amount))
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return t.cast("int", self.answer)

    async def paid(self, payment_hash: str) -> bool | None:
        assert payment_hash == HASH
        return self.is_paid

    async def payments(self, limit: int, offset: int) -> list[Item]:
        return [Item(False, self.listed, 13, 3, "", 0, HASH)] if self.listed else []


def made(account: Account, decoded: Decoded = DECODED, looks: int = 0) -> Draft:
    """A draft after it was confirmed twice, and looked at."""

    async def go() -> Draft:
        draft = Draft("lnbc1", decoded, 10, 11)
        draft.start(t.cast("t.Any", account))
        draft.start(t.cast("t.Any", account))
        assert draft.task is not None
        await draft.task
        draft.start(t.cast("t.Any", account))
        for _look in range(looks):
            await draft.look(t.cast("t.Any", account))
        return draft

    return asyncio.run(go())


def test_confirmed_twice_is_paid_once() -> None:
    account = Account(3)
    draft = made(account)
    assert (draft.state, draft.fee, account.calls) == ("paid", 3, [("lnbc1", 0)])


def test_an_amount_is_sent_only_where_the_invoice_names_none() -> None:
    account = Account(0)
    made(account, Decoded(HASH, 0, "", "03" * 33, False, 9_999_999_999))
    assert account.calls == [("lnbc1", 10)]


@pytest.mark.parametrize(
    ("answer", "state", "why"),
    [
        (Refused("not enough balance", 2, 200), "failed", "not enough balance"),
        (Refused("payment failed: no route", 10, 200), "failed", "payment failed: no route"),
        (Refused("too many requests", 9, 429), "failed", "too many requests"),
        (BadAuth("bad auth", 1, 200), "failed", "you were logged out before it was sent"),
        (Away("no connection", reached=False), "failed", "the hub could not be reached"),
        (Refused("the payment is in transit", 9, 200), "unclear", ""),
        (Refused("something went wrong", 6, 500), "unclear", ""),
        (Refused("the database does not answer", 6, 200), "unclear", ""),
        (Away("the answer was cut"), "unclear", ""),
    ],
)
def test_only_a_definite_no_is_a_failure(answer: Exception, state: str, why: str) -> None:
    draft = made(Account(answer))
    assert (draft.state, draft.why) == (state, why)


@pytest.mark.parametrize(
    ("paid", "listed", "state"),
    [
        (False, "pending", "unclear"),
        (None, "", "unclear"),
        (True, "paid", "paid"),
        (False, "paid", "paid"),
        (True, "", "paid"),
        (False, "", "failed"),
    ],
)
def test_what_was_unclear_ends_as_the_hub_says(paid: bool | None, listed: str, state: str) -> None:
    account = Account(Away("cut"), paid, listed)
    assert made(account, looks=2).state == state
    assert len(account.calls) == 1


def test_sessions_lapse_and_make_room() -> None:
    now = [0.0]
    sessions = Sessions(10, 2, lambda: now[0])
    first, second = (sessions.begin(Session(name, t.cast("t.Any", None))) for name in ("a", "b"))
    now[0] = 9
    assert sessions.get(first) is not None
    assert sessions.get("") is None
    third = sessions.begin(Session("c", t.cast("t.Any", None)))
    assert sessions.get(second) is None, "used longest ago, it made room"
    now[0] = 19.5
    assert sessions.get(first) is None, "lapsed"
    sessions.end(third)
    assert sessions.get(third) is None


def test_drafts_make_room() -> None:
    session = Session("a", t.cast("t.Any", None))
    names = [session.add(Draft("lnbc1", DECODED, 1, 1)) for _number in range(60)]
    assert len(session.drafts) == 50
    assert names[0] not in session.drafts
    assert names[-1] in session.drafts
