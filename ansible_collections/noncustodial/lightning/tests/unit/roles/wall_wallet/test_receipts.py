# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of requests to the hub for many waiting pages, and how many results are kept."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

from wall_wallet import receipts
from wall_wallet.hub import Away, Item, Refused
from wall_wallet.receipts import Busy, Receipts


class Account:
    """A wall's account, whose hub answers when the test allows it."""

    def __init__(self, *, listed: int = 0, fails: Exception | None = None, amount: int = 7) -> None:
        self.calls: list[str] = []
        self.may_answer = asyncio.Event()
        self.fails = fails
        self._listed, self._amount = listed, amount

    async def invoices(self, limit: int, offset: int) -> list[Item]:
        """Return the newest invoices."""
        await self._answer("list")
        return [
            Item(incoming=True, state="open", amount=1, fee=0, memo="", when=0, payment_hash=f"listed {number}")
            for number in range(self._listed)
        ]

    async def received(self, payment_hash: str) -> int:
        """Return the amount of one invoice."""
        await self._answer(payment_hash)
        return self._amount

    async def _answer(self, what: str) -> None:
        self.calls.append(what)
        await self.may_answer.wait()
        if self.fails:
            raise self.fails


def run(go: t.Callable[[], t.Coroutine[t.Any, t.Any, None]]) -> None:
    asyncio.run(go())


def test_all_who_ask_at_once_share_one_question() -> None:
    async def go() -> None:
        account = Account(listed=100)
        its = Receipts(account)  # type: ignore[arg-type]
        asking = [asyncio.create_task(its.received(f"listed {number % 100}")) for number in range(200)]
        asking += [asyncio.create_task(its.received("another")) for _number in range(200)]
        asking[0].cancel()
        while not account.calls:
            await asyncio.sleep(0)
        asking += [asyncio.create_task(its.received("listed 5")) for _number in range(200)]
        await asyncio.sleep(0)
        account.may_answer.set()
        answers = await asyncio.gather(*asking[1:])
        assert (set(answers[:199]), set(answers[199:399]), set(answers[399:])) == (
            {0},
            {7},
            {0},
        ), "who comes a moment later too"
        assert account.calls == ["list", "another"]

    run(go)


def test_all_who_ask_at_once_hear_that_the_hub_is_away() -> None:
    async def go() -> None:
        account = Account(fails=Away("it is down"))
        its = Receipts(account)  # type: ignore[arg-type]
        account.may_answer.set()
        answers = await asyncio.gather(*(its.received("another") for _number in range(50)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Away}
        assert account.calls == ["list"]

    run(go)


@pytest.mark.parametrize(
    "why", [Away("it is down"), Refused("too many requests", 9, 429), Refused("it is being checked", 7, 503)]
)
def test_what_is_not_known_is_not_0(why: Exception) -> None:
    """An amount is not 0 either in the second in which the hub is not asked again, nor for an invoice that was known
    before.
    """

    async def go() -> None:
        account = Account(listed=1)
        its = Receipts(account)  # type: ignore[arg-type]
        account.may_answer.set()
        assert await its.received("listed 0") == 0
        its.opened("new")
        account.fails = why
        its._looked -= 1
        for wanted in ("listed 0", "new", "old", "listed 0"):
            with pytest.raises(Away):
                await its.received(wanted)
        assert account.calls == ["list", "list"]
        account.fails = None
        its._looked -= 1
        assert await its.received("listed 0") == 0, "the hub has said so"
        account.fails = why
        with pytest.raises(Away):
            await its.received("old")
        account.fails = None
        assert await its.received("old") == 7

    run(go)


def test_old_ones_are_asked_for_at_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "_SINGLES_PER_SECOND", 0.0001)

    async def go() -> None:
        account = Account()
        its = Receipts(account)  # type: ignore[arg-type]
        account.may_answer.set()
        answers: list[int | type] = []
        for number in range(100):
            # However busy the machine is, those that may be asked for have their answer.
            monkeypatch.setattr(receipts, "_WAIT_SECONDS", 30.0 if number < 20 else 0.01)
            try:
                answers.append(await its.received(f"old {number}"))
            except Away as error:
                answers.append(type(error))
        assert answers == [7] * 20 + [Busy] * 80, "the others are told that it is not known"
        assert account.calls.count("list") == len(account.calls) - 20

    run(go)


def test_what_can_be_paid_no_more_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "_FRESH_SINGLE_SECONDS", 0.0)

    async def go() -> None:
        account = Account(amount=0)
        its = Receipts(account)  # type: ignore[arg-type]
        account.may_answer.set()
        for _turn in range(5):
            assert await its.received("open") == 0
            assert await its.received("lapsed", lapsed=True) == 0
        assert (account.calls.count("open"), account.calls.count("lapsed")) == (5, 1)

    run(go)


def test_it_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "_MAX_RECEIPTS", 10)
    monkeypatch.setattr(receipts, "_SINGLES_BURST", 1000.0)

    async def go(amount: int) -> None:
        account = Account(amount=amount)
        its = Receipts(account)  # type: ignore[arg-type]
        account.may_answer.set()
        for number in range(500):
            its.opened(f"new {number}")
            assert await its.received(f"old {number}") == amount
        sizes = {name: len(value) for name, value in vars(its).items() if isinstance(value, dict)}
        assert sizes == {"_newest": 200, "_paid": 10 if amount else 0, "_unpaid": 0 if amount else 10}
        assert await its.received("new 499") == 0

    run(lambda: go(7))
    run(lambda: go(0))
