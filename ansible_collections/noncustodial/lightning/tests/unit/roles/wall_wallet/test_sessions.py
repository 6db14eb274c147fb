# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions, and payments from the preview to their end: paid once, whatever the hub answers."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

from wall_wallet import hub
from wall_wallet.hub import Away, BadAuth, DecodedInvoice, NoRoute, Refused
from wall_wallet.sessions import Draft, Session, Sessions

HASH = "ab" * 32
DECODED = DecodedInvoice(payment_hash=HASH, amount=10, memo="rent", payee="03" * 33, own=False, expires=9_999_999_999)


class Account:
    """An account with set answers to a payment, and the hub's later knowledge of it."""

    def __init__(self, answer: object, end: str | Exception = "unknown") -> None:
        self.answer, self.end = answer, end
        self.calls: list[tuple[str, int]] = []

    async def pay(self, invoice: str, amount: int) -> int:
        self.calls.append((invoice, amount))
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return t.cast("int", self.answer)

    async def sent(self, payment_hash: str) -> tuple[str, int]:
        assert payment_hash == HASH
        if isinstance(self.end, Exception):
            raise self.end
        return self.end, 3 if self.end == "paid" else 0


def made(account: Account, decoded: DecodedInvoice = DECODED, looks: int = 0) -> Draft:
    """Return a draft after it was confirmed twice, and looked at."""

    async def go() -> Draft:
        draft = Draft(invoice="lnbc1", decoded=decoded, amount=10, fee_limit=11)
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
    made(
        account, DecodedInvoice(payment_hash=HASH, amount=0, memo="", payee="03" * 33, own=False, expires=9_999_999_999)
    )
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


@pytest.mark.parametrize(("end", "state"), [("unknown", "unclear"), ("paid", "paid"), ("failed", "failed")])
def test_what_was_unclear_ends_as_the_hub_says(end: str, state: str) -> None:
    account = Account(Away("cut"), end)
    draft = made(account, looks=2)
    assert (draft.state, draft.fee) == (state, 3 if state == "paid" else 0)
    assert len(account.calls) == 1


@pytest.mark.parametrize(
    ("end", "state"), [("paid", "paid"), ("failed", "failed"), ("unknown", "failed"), (Away("cut"), "failed")]
)
def test_an_invoice_that_was_paid_before_is_not_called_unpaid(end: str | Exception, state: str) -> None:
    """The hub refuses to pay it again with the same code as a payment that failed."""
    draft = made(Account(Refused("this account has paid this invoice", 10, 400), end))
    assert (draft.state, draft.fee) == (state, 3 if state == "paid" else 0)


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ({"type": "paid_invoice", "status": "settled", "fee": 3}, ("paid", 3)),
        ({"type": "outgoing", "status": "error", "fee": 0}, ("failed", 0)),
        ({"type": "paid_invoice", "status": "failed", "fee": 0}, ("failed", 0)),
        ({"type": "paid_invoice", "status": "initialized", "fee": 4}, ("unknown", 0)),
        ({"type": "user_invoice", "status": "settled", "fee": 0}, ("unknown", 0)),
        (Refused("not found", 8, 404), ("unknown", 0)),
        (NoRoute("/v2: no JSON"), ("unknown", 0)),
    ],
)
def test_only_a_reported_end_counts(answer: dict[str, t.Any] | Exception, end: tuple[str, int]) -> None:
    """A payment that a hub leaves out of its lists may be under way."""

    class Hub:
        async def ask(self, _method: str, path: str, *_arguments: t.Any, **_query: t.Any) -> t.Any:
            if path.startswith("/checkpayment"):
                return {"paid": False}
            if isinstance(answer, Exception):
                raise answer
            return {"payment_hash": HASH, **answer}

    assert asyncio.run(hub.Account(t.cast("t.Any", Hub())).sent(HASH)) == end


def test_sessions_lapse_and_make_room() -> None:
    now = [0.0]
    sessions = Sessions(10, 2, lambda: now[0])
    first, second = (sessions.begin(Session(login=name, account=t.cast("t.Any", None))) for name in ("a", "b"))
    now[0] = 9
    assert sessions.get(first) is not None
    assert sessions.get("") is None
    third = sessions.begin(Session(login="c", account=t.cast("t.Any", None)))
    assert sessions.get(second) is None, "used longest ago, it made room"
    now[0] = 19.5
    assert sessions.get(first) is None, "lapsed"
    sessions.end(third)
    assert sessions.get(third) is None


def test_drafts_make_room() -> None:
    session = Session(login="a", account=t.cast("t.Any", None))
    names = [session.add(Draft(invoice="lnbc1", decoded=DECODED, amount=1, fee_limit=1)) for _number in range(60)]
    assert len(session.drafts) == 50
    assert names[0] not in session.drafts
    assert names[-1] in session.drafts
