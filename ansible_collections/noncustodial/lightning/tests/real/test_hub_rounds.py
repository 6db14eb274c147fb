# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is lost: users pay each other and the world at two hubs of one ledger, on a watch-only node, while each of
their dependencies is killed.

After each fault ledger and node agree in all. Each kind comes once, and shorter than with ROUNDS in the environment,
which is the number of rounds.
"""

from __future__ import annotations

import os
import random
import threading
import time
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.tests.support.books import Books
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair

pytestmark = [pytest.mark.chain, pytest.mark.database, pytest.mark.faults, pytest.mark.short_round]

ROUNDS = int(os.environ.get("ROUNDS", "0"))
USERS = 6
# How long lnd hangs, which is longer than any call of the hub may take, and how long the signer is cut off.
HANG_SECONDS, CUT_SECONDS = (15.0, 60.0) if ROUNDS else (12.0, 6.0)


class Stage:
    """The node, two hubs and users with money, and the faults that they suffer."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(durable=True)
        self.pair = WatchOnlyPair(folder)
        self.hubs: list[Process] = []
        self._dead: list[Process] = []
        self.stop = threading.Event()
        self.done: Counter[str] = Counter()

    def begin(self, folder: Path) -> None:
        """Start everything, with a balance for each user."""
        self.pair.connect()
        certificate, _admin = self.pair.inner.credentials()
        options = {"send_within": 5, "grace": 1, "payment_timeout": 15}
        self.setting = Setting(
            folder / "hub", self.postgres, self.pair.inner.rpcserver, certificate, baked(self.pair.inner), node=options
        )
        self.setting.migrate()
        self.hubs = [self.setting.start(), self.setting.start()]
        self.books = Books(self.setting, self.pair.inner)
        self.users = [self.hubs[0].user() for _number in range(USERS)]
        for user in self.users:
            assert self.pair.pay(user.invoice(200_000)) == ""
        until("the deposits", lambda: all(user.msat == 200_000_000 for user in self.users))

    def load(self, user: Wallet, seed: int) -> None:
        """Act as one user until the round stops. While something is away, errors are tolerated, as wallets do."""
        choose = random.Random(seed)  # noqa: S311
        while not self.stop.is_set():
            kind = choose.choice(("internal", "outgoing", "incoming", "failing", "twice"))
            try:
                at = user.at(choose.choice(self.hubs))
                self.done[f"{kind} {self._do(kind, at, choose)}"] += 1
            except (httpx.TransportError, LightningError, KeyError, ValueError):
                self.done[f"{kind} without an answer"] += 1
                self.stop.wait(0.1)

    def _do(self, kind: str, user: Wallet, choose: random.Random) -> str:
        if kind == "incoming":
            return self.pair.pay(user.invoice(choose.randint(1, 500))) or "made"
        if kind == "internal":
            return self._code(
                user.pay(
                    choose.choice([one for one in self.users if one.login != user.login]).at(user.process).invoice(7)
                )
            )
        invoice = self.pair.invoice(choose.randint(1_000, 900_000))
        if kind == "failing":
            self.pair.cancel(invoice)
        if kind == "twice":
            other = choose.choice(self.users).at(choose.choice(self.hubs))
            with ThreadPoolExecutor(2) as both:
                codes = sorted(both.map(lambda one: self._code(one.pay(invoice)), (user, other)))
            assert codes != ["made", "made"], "one invoice is paid once"
            return " and ".join(codes)
        return self._code(user.pay(invoice))

    @staticmethod
    def _code(answer: t.Any) -> str:
        return "made" if answer.get("payment_error") == "" else f"code {answer['code']}"

    def under_load(self, seed: int, fault: t.Callable[[], None]) -> None:
        """Let the users work, cause a fault meanwhile, let them go on, and compare when all is at rest."""
        self.stop.clear()
        with ThreadPoolExecutor(USERS) as threads:
            working = [threads.submit(self.load, user, seed * 100 + number) for number, user in enumerate(self.users)]
            try:
                self._some(15)
                fault()
                self._some(10)
            finally:
                self.stop.set()
        for one in working:
            one.result()
        self.at_rest()

    def _some(self, count: int) -> None:
        """Wait until so many more payments have been made."""
        goal = self._made() + count
        self._until("payments", lambda: self._made() >= goal, 180)

    def _until(self, what: str, condition: t.Callable[[], bool], timeout: float) -> None:
        """Wait for a condition, and meanwhile start the node again whenever it has stopped itself, as systemd does in
        life: lnd stops itself when a signature is not there in time, and so does an lnd that froze while it waited for
        one.
        """

        def holds() -> bool:
            if self.pair.inner.has_ended():
                self.done["stops of lnd by itself"] += 1
                self._start_node()
            return condition()

        until(what, holds, timeout)

    def _start_node(self) -> None:
        """Start the node, and wait until it can pay and be paid."""
        self.pair.inner.start()
        self.pair.open_inner()
        until("the node's channels", self._active, 120)

    def _made(self) -> int:
        return sum(count for what, count in list(self.done.items()) if what.endswith("made"))

    def at_rest(self) -> None:
        """Wait until nothing is pending except for lnd's own payments under way, and check that the books agree in all.

        An lnd that was killed may resume attempts that it had noted and not sent, and wait for their end for ever; the
        hub keeps their money reserved.
        """
        self._until("the end of all payments", lambda: self._pending() <= self.books.under_way(), 120)
        self.done["under way for ever"] = len(self._pending())
        self._until("all deposits", self._agrees, 60)
        self.books.agree_in_all()

    def _pending(self) -> set[str]:
        return {
            row[0] for row in self.books.sql("SELECT encode(payment_hash, 'hex') FROM payments WHERE state = 'pending'")
        }

    def _agrees(self) -> bool:
        try:
            self.books.agree_in_all()
        except AssertionError:
            return False
        return True

    # --- the faults

    def kill_a_hub(self) -> None:
        """Kill one of two hubs, and start another."""
        self._die(0)
        self.hubs[0] = self.setting.start()

    def kill_both_hubs(self) -> None:
        """Kill both hubs, and have an invoice paid meanwhile."""
        invoice = self.users[0].at(self.hubs[0]).invoice(33)
        self._die(0)
        self._die(1)
        assert self.pair.pay(invoice) == ""
        self.hubs[:] = [self.setting.start(), self.setting.start()]

    def _die(self, number: int) -> None:
        self.hubs[number].die()
        self._dead.append(self.hubs[number])

    def kill_lnd(self) -> None:
        """Kill the node, and start it again."""
        self.pair.inner.kill()
        self._start_node()

    def kill_postgres(self) -> None:
        """Kill the database, and start it again."""
        self.postgres.crash()

    def lnd_hangs(self) -> None:
        """Freeze the node."""
        self.pair.inner.freeze()
        _lasts(HANG_SECONDS)
        self.pair.inner.thaw()

    def cut_the_signer(self) -> None:
        """Freeze the signer, so that there are no signatures, until lnd has stopped itself, and thaw it."""
        self.pair.signer.freeze()
        _lasts(CUT_SECONDS)
        # Within seconds after a signature that it needs has failed.
        until("lnd to stop itself", self.pair.inner.has_ended, 60)
        self.pair.signer.thaw()
        self._start_node()

    def _active(self) -> bool:
        return bool(self.pair.inner.module("lnd_info").get("num_active_channels") == 2)

    def end(self) -> None:
        """Stop everything."""
        for hub in (*self.hubs, *self._dead):
            hub.kill()
        self.pair.stop()
        self.postgres.stop()


def _lasts(seconds: float) -> None:
    """Wait for the duration of a fault."""
    end = time.monotonic() + seconds
    until("the fault's end", lambda: time.monotonic() > end, seconds + 10)


FAULTS = ("kill_a_hub", "kill_both_hubs", "kill_lnd", "kill_postgres", "lnd_hangs", "cut_the_signer")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    made = Stage(folder)
    try:
        made.begin(folder)
        yield made
    finally:
        print(f"what was done: {dict(sorted(made.done.items()))}")
        made.end()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", range(ROUNDS or 1))
def test_a_round(stage: Stage, number: int, fault: str) -> None:
    stage.under_load(number * len(FAULTS) + FAULTS.index(fault), getattr(stage, fault))
