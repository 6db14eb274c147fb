# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One account pays 600 invoices whose payee holds them, over one channel of real lnds; the effect on all others. Lines
of figures begin with load.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import statistics
import threading
import time
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ansible_collections.noncustodial.lightning.tests.support.books import Books
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair
from lndhub.errors import InTransit
from lndhub.ledger import NoRoom

pytestmark = [pytest.mark.chain, pytest.mark.database, pytest.mark.load]

HELD_PAYMENTS = 600
# Requests of one account, according to the hub's own limits.
HTLCS = 50
# As many as the proxy lets one address have at once.
CONNECTIONS = 100
USERS = 4
ROUNDS = 8


class OneChannelPair(Pair):
    """A pair with one channel, which has 483 HTLCs."""

    PRIVATE = (False,)


class Others:
    """The repeated actions of all other users, and the duration of each."""

    def __init__(self, pair: Pair, users: list[Wallet]) -> None:
        self._pair, self._users = pair, users
        self.times: dict[str, list[float]] = {}
        self.failed: Counter[str] = Counter()

    def round(self) -> None:
        """Have each user look at pages, pay another user and the world, and be paid by the world."""
        for number, user in enumerate(self._users):
            self._of(user, self._users[(number + 1) % len(self._users)])

    def _of(self, user: Wallet, other: Wallet) -> None:
        for path in ("/balance", "/gettxs?limit=100", "/getuserinvoices?limit=100"):
            self._timed("page", lambda path=path: "error" not in user.get(path))  # type: ignore[misc]
        self._timed("between users", lambda: user.pay(other.invoice(1)).get("payment_error") == "")
        self._timed("payment", lambda: user.pay(self._pair.invoice(1_000)).get("payment_error") == "")
        self._timed("deposit", lambda: self._pair.pay(user.invoice(2)) == "")

    def _timed(self, what: str, do: t.Callable[[], bool]) -> None:
        begin = time.monotonic()
        try:
            good = do()
        except (httpx.TransportError, KeyError, TypeError, ValueError):
            good = False
        if good:
            self.times.setdefault(what, []).append(time.monotonic() - begin)
        else:
            self.failed[what] += 1

    def say(self, when: str) -> None:
        """Print figures, in ms."""
        for what, times in self.times.items():
            ms = sorted(one * 1000 for one in times)
            figures = f"p50 {statistics.median(ms):.0f} ms, p95 {ms[int(len(ms) * 0.95)]:.0f} ms, max {ms[-1]:.0f} ms"
            print(f"load: {when}, {what}: {len(ms)} made, {self.failed[what]} failed, {figures}")


def attack(hub: Process, wallet: Wallet, invoices: list[str]) -> Counter[str]:
    """Pay all invoices; return the number of each answer."""

    async def go() -> Counter[str]:
        answers: Counter[str] = Counter()
        async with httpx.AsyncClient(
            base_url=hub.url, timeout=200, limits=httpx.Limits(max_connections=CONNECTIONS)
        ) as http:

            async def pay(invoice: str) -> None:
                answer = await http.post("/payinvoice", json={"invoice": invoice}, headers=wallet.headers)
                answers[str(answer.json().get("message", "paid"))] += 1

            await asyncio.gather(*map(pay, invoices))
        return answers

    return asyncio.run(go())


def test_one_account_with_600_held_payments(tmp_path: Path, postgres: Postgres) -> None:
    pair = OneChannelPair(tmp_path)
    hub: Process | None = None
    try:
        pair.connect()
        certificate, _admin = pair.inner.credentials()
        service = {"answer_within": 15.0, "reconcile_every": 5.0}
        setting = Setting(
            tmp_path / "hub", postgres, pair.inner.rpcserver, certificate, baked(pair.inner), service=service
        ).migrate()
        hub = setting.start()
        books = Books(setting, pair.inner)
        mallory, *users = [hub.user() for _number in range(USERS + 1)]
        for wallet in (mallory, *users):
            assert pair.pay(wallet.invoice(50_000)) == ""
        until("the deposits", lambda: all(wallet.msat == 50_000_000 for wallet in (mallory, *users)))
        before = Others(pair, users)
        for _turn in range(ROUNDS):
            before.round()
        before.say("alone")
        assert not before.failed

        hashes = [hashlib.sha256(secrets.token_bytes(32)).digest() for _number in range(HELD_PAYMENTS)]
        invoices = [pair.hold_invoice(payment_hash, 1_000) for payment_hash in hashes]
        under = Others(pair, users)
        ended = threading.Event()
        with ThreadPoolExecutor(1) as thread:
            begin = time.monotonic()
            attacking = thread.submit(attack, hub, mallory, invoices)
            attacking.add_done_callback(lambda _done: ended.set())
            rounds = 0
            while not ended.is_set() or rounds < ROUNDS:
                under.round()
                rounds += 1
            answers = attacking.result()
            print(f"load: the attack took {time.monotonic() - begin:.0f} s: {dict(answers)}")
        after = Others(pair, users)
        for _turn in range(ROUNDS):
            after.round()
        held = books.under_way()
        print(f"load: held by one account: {len(held)} of {HELD_PAYMENTS}")
        under.say("while it asks")
        after.say("while it holds")
        assert not under.failed
        assert not after.failed
        assert len(held) == HTLCS
        assert answers == {
            InTransit.default: HTLCS,
            NoRoom.default: HELD_PAYMENTS - HTLCS,
        }, "the others are refused because no room is left, and nothing else"
        assert max(under.times["page"]) < 3
        for payment_hash in hashes:
            assert pair.client is not None
            pair.client.call("invoicesrpc.Invoices/CancelInvoice", payment_hash=payment_hash)
        until("the end of all", lambda: not books.under_way(), 120)
        until("the books", lambda: books.sql("SELECT count(*) FROM payments WHERE state = 'pending'") == [["0"]], 120)
        assert mallory.msat == 50_000_000, "all of it has come back"
        books.agree_in_all()
    finally:
        if hub is not None:
            hub.stop()
        pair.stop()
