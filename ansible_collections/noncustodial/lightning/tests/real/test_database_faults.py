# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes pay each other, many payments at once in both directions, while their PostgreSQL fails: no channel is
closed, no preimage is lost, and both agree on every msat.

The nodes are run with their locks, as the units run them. With ROUNDS in the environment, the number of rounds, the
faults last longer.
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

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.tests.support.apart import Apart
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, shipped_timeouts, until
from ansible_collections.noncustodial.lightning.tests.support.disks import Disk
from ansible_collections.noncustodial.lightning.tests.support.locks import Units
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair
from ansible_collections.noncustodial.lightning.tests.support.sides import Side, agree

pytestmark = [pytest.mark.chain, pytest.mark.database, pytest.mark.faults]

ROUNDS = int(os.environ.get("ROUNDS", "0"))
# Payments under way at once, in each direction.
PAYERS = 8
HANG_SECONDS, CUT_SECONDS = (75.0 if ROUNDS else 6.0), 20.0
_FINAL = {"SUCCEEDED", "FAILED"}

# So that what is written asks for room soon.
_SMALL_LOG = {"min_wal_size": "32MB", "max_wal_size": "64MB"}
# An lnd that is killed, or has lost a session, may leave payments under way for ever.
_LEAVES = {"sessions_end", "locks_end", "disk_is_full"}

# A standby that does not exist: a commit then waits for it.
_NO_STANDBY = ("ALTER SYSTEM SET synchronous_standby_names = 'gone'", "SELECT pg_reload_conf()")
_STANDBY_NOT_NEEDED = ("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
_SESSIONS_SQL = """SELECT pid, application_name LIKE 'lnd-lock on %' FROM pg_stat_activity
  WHERE datname LIKE 't%' AND pid <> pg_backend_pid()"""


class Stage:
    """Two nodes on one PostgreSQL that is apart, and the faults that they suffer."""

    def __init__(self, folder: Path) -> None:
        self.apart = Apart()
        self.disk = Disk(folder / "postgres", mib=600)
        self.postgres = Postgres(
            durable=True, apart=self.apart, data=self.disk.folder, settings={**shipped_timeouts(), **_SMALL_LOG}
        )
        self.pair = Nodes(folder, self.postgres)
        self.sides = [Side(node) for node in self.pair.nodes]
        self.units = self.pair.units = [Units(node, folder) for node in self.pair.nodes]
        self.stop = threading.Event()
        self.done: Counter[str] = Counter()

    def begin(self) -> None:
        """Start everything."""
        self.pair.connect()
        for side in self.sides:
            side.connect()
        self.channels = set(self.sides[0].balances())
        self.before = [sum(side.balances().values()) for side in self.sides]

    def load(self, payer: Side, payee: Side, seed: int) -> None:
        """Pay until told to stop. While something is away, errors are tolerated."""
        choose = random.Random(seed)  # noqa: S311
        way = payer.node.directory.name
        while not self.stop.is_set():
            try:
                self.done[f"{way} {payer.pay(payee, choose.randint(10_000, 900_000))}"] += 1
            except LightningError:
                self.done[f"{way} without an answer"] += 1
                self.stop.wait(0.2)

    def under_load(self, fault: t.Callable[[], None]) -> None:
        """Let both pay, cause a fault meanwhile, let them go on, and compare when all is at rest."""
        self.stop.clear()
        before = self._under_way()
        one, other = self.sides
        with ThreadPoolExecutor(2 * PAYERS) as threads:
            working = [
                threads.submit(self.load, payer, payee, number)
                for payer, payee in ((one, other), (other, one))
                for number in range(PAYERS)
            ]
            try:
                self._some()
                fault()
                begin = time.monotonic()
                self._some()
                self.done[f"seconds until payments after {fault.__name__}"] = round(time.monotonic() - begin)
            finally:
                self.stop.set()
        for ended in working:
            ended.result()
        # Of those that a node has under way at once.
        self.at_rest(before + (2 * PAYERS if fault.__name__ in _LEAVES else 0))
        self.done[f"under way for ever after {fault.__name__}"] = self._under_way() - before

    def _some(self) -> None:
        """Wait until ten more payments have been made in each direction."""
        made = [f"{side.node.directory.name} made" for side in self.sides]
        goals = [self.done[way] + 10 for way in made]
        until("payments", lambda: all(self.done[way] >= goal for way, goal in zip(made, goals, strict=True)), 240)

    def at_rest(self, under_way: int) -> None:
        """Wait until no payment is under way, and check that both nodes agree in all.

        An lnd that was stopped, or has lost a session, may leave payments that it has noted and not sent, and wait for
        their end for ever. They move nothing.
        """
        until("the nodes", self._serve, 120)
        until("the end of all payments", lambda: self._under_way() <= under_way, 120)
        until("what was sent to be received", self._agree, 60)
        for side in self.sides:
            pending = messages.plain(side.client.call("lnrpc.Lightning/PendingChannels"))
            assert not [name for name, content in pending.items() if isinstance(content, list) and content], pending

    def _agree(self) -> bool:
        """Return whether both nodes have the same preimages and amounts, and the sat in the channels are those."""
        one, other = self.sides
        out, back = (sum(msat for _preimage, msat in side.sent().values()) / 1000 for side in self.sides)
        moved = [sum(side.balances().values()) - start for side, start in zip(self.sides, self.before, strict=True)]
        return agree(one, other) and all(
            # In each channel a node has up to 1 sat less than its msat.
            abs(sat - expected) <= len(self.channels)
            for sat, expected in zip(moved, (back - out, out - back), strict=True)
        )

    def _serve(self) -> bool:
        """Return whether both nodes serve, with all channels."""
        try:
            return all(set(side.balances()) == self.channels for side in self.sides)
        except LightningError:
            return False

    def _under_way(self) -> int:
        """Return how many payments have no end yet."""
        return sum(one["status"] not in _FINAL for side in self.sides for one in side.payments())

    # --- the faults

    def commit_hangs(self) -> None:
        """Have each commit wait for a standby that is gone."""
        self._sql(*_NO_STANDBY)
        _lasts(HANG_SECONDS)
        self._sql(*_STANDBY_NOT_NEEDED)

    def sessions_end(self) -> None:
        """End half of the nodes' sessions, without those of their locks."""
        self._end([pid for pid, locks in self._sessions() if not locks and random.random() < 0.5])  # noqa: S311

    def locks_end(self) -> None:
        """End the sessions that hold the locks: each lnd is killed before another could use its database."""
        before = [units.count("lnd killed") for units in self.units]
        self._end([pid for pid, locks in self._sessions() if locks])
        until(
            "the end of both lnd",
            lambda: all(units.count("lnd killed") > count for units, count in zip(self.units, before, strict=True)),
            5,
        )

    def packets_are_dropped(self) -> None:
        """Drop what goes to PostgreSQL and comes from it."""
        self.apart.drop()
        _lasts(CUT_SECONDS)
        self.apart.let_through()

    def disk_is_full(self) -> None:
        """Leave PostgreSQL no room until it has failed both nodes, and then make room. systemd starts it again if it
        has ended.
        """
        before = [units.count("lnd killed") for units in self.units]

        def failed() -> bool:
            killed = [units.count("lnd killed") > count for units, count in zip(self.units, before, strict=True)]
            return all(killed) or self.postgres.has_ended()

        self.disk.fill()
        until("a failure of PostgreSQL", failed, 240)
        self.disk.free()
        until("PostgreSQL", self.postgres.is_back, 60)

    def _sessions(self) -> list[tuple[str, bool]]:
        rows = self.postgres.sql("postgres", _SESSIONS_SQL)
        return [(pid, locks == "t") for pid, locks in rows]

    def _end(self, pids: list[str]) -> None:
        assert pids
        self._sql(*(f"SELECT pg_terminate_backend({pid})" for pid in pids))

    def _sql(self, *statements: str) -> None:
        for one in statements:
            self.postgres.sql("postgres", one)

    def end(self) -> None:
        """Stop everything."""
        self.pair.stop()
        self.postgres.stop()
        self.disk.remove()
        self.apart.remove()


class Nodes(Pair):
    """A pair whose nodes are run with their locks."""

    units: t.Sequence[Units] = ()

    def start_nodes(self) -> None:
        """Start them with their locks."""
        for one in self.units:
            one.start()

    def stop(self) -> None:
        """Stop all of it."""
        for one in self.units:
            one.stop()
        super().stop()


def _lasts(seconds: float) -> None:
    """Wait for the duration of a fault."""
    end = time.monotonic() + seconds
    until("the fault's end", lambda: time.monotonic() > end, seconds + 10)


FAULTS = (
    pytest.param("commit_hangs", marks=pytest.mark.short_round),
    "sessions_end",
    "packets_are_dropped",
    "locks_end",
    "disk_is_full",
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"))
    try:
        made.begin()
        yield made
    finally:
        print(f"what was done: {dict(sorted(made.done.items()))}")
        for side, units in zip(made.sides, made.units, strict=True):
            print(f"{side.node.directory.name}: {units.happened}")
        made.end()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", range(ROUNDS or 1))
def test_a_fault(stage: Stage, number: int, fault: str) -> None:
    stage.under_load(getattr(stage, fault))
