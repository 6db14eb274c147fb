# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of an lnd's database, with a real PostgreSQL: one holder at a time, and nothing of an earlier lnd is left
when it is held.
"""

from __future__ import annotations

import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.apart import Apart
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, shipped_timeouts, until
from ansible_collections.noncustodial.lightning.tests.support.locks import Lock

pytestmark = pytest.mark.database

REFUSED_STATUS = 75


class Database:
    """A database of an lnd, its locks, and sessions that an lnd has left in it."""

    def __init__(self, postgres: Postgres, folder: Path) -> None:
        self._postgres, self._folder = postgres, folder
        self.name, _owner = postgres.create_owned()
        # As the role has it, lnd's role has the name of its database.
        self.sql("CREATE TABLE kv (value int)", f"GRANT ALL ON kv TO {self.name}", "INSERT INTO kv VALUES (1)")
        self._running: list[Lock] = []
        self._left: list[subprocess.Popen[str]] = []

    def sql(self, *statements: str) -> list[list[str]]:
        """Do statements as an administrator, and return the rows of the last."""
        return [self._postgres.sql(self.name, one) for one in statements][-1]

    def lock(self, wait: float | None = None) -> Lock:
        """Begin to take the lock."""
        server = f"{self.name}@{self._postgres.host}:{self._postgres.port}"
        taken = Lock(self._folder, f"postgres://{server}/{self.name}?sslmode=disable", wait)
        self._running.append(taken)
        return taken

    def leave(self, statement: str) -> None:
        """Leave a session of lnd's in the middle of a statement."""
        command = ["podman", "exec", self._postgres.name, "psql", "--host=127.0.0.1", f"--port={self._postgres.port}"]
        command += [f"--username={self.name}", f"--dbname={self.name}", "--command", statement]
        self._left.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        until("the session", lambda: self.sessions(statement) == 1)

    def sessions(self, statement: str) -> int:
        """Return how many sessions of lnd's are at a statement."""
        return self.sql("SELECT query FROM pg_stat_activity WHERE usename = current_database()").count([statement])

    def end(self) -> None:
        """End all that was begun."""
        for lock in self._running:
            lock.stop()
        for session in self._left:
            session.kill()
            session.communicate()


@pytest.fixture
def database(postgres: Postgres, tmp_path: Path) -> t.Iterator[Database]:
    made = Database(postgres, tmp_path)
    yield made
    made.end()


def test_a_second_one_is_refused_until_the_first_has_lost_its_session(database: Database) -> None:
    first = database.lock()
    until("the lock", first.is_held)
    second = database.lock(wait=0.5)
    until("the second to give up", lambda: second.ended() is not None)
    assert second.ended() == REFUSED_STATUS
    assert f"Another lnd works on the database {database.name}: its lock is held by lnd-lock on" in second.said()
    third = database.lock()
    until("the third to wait", lambda: "Waiting for" in third.said())
    assert first.ended() is None
    database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT"
        " oid FROM pg_database WHERE datname = current_database())"
    )
    until("the lock of the third", third.is_held)
    until("the first to end", lambda: first.ended() == 1)
    assert f"The session that held the lock of the database {database.name} is lost" in first.said()


def test_what_a_dead_lnd_was_about_to_commit_is_ended(database: Database) -> None:
    """Or the next lnd would have read what is then changed under it."""
    pending = "BEGIN; UPDATE kv SET value = 2; SELECT pg_sleep(300); COMMIT"
    database.leave(pending)
    lock = database.lock()
    until("the lock", lock.is_held)
    assert database.sessions(pending) == 0
    assert database.sql("SELECT value FROM kv") == [["1"]]


def test_a_commit_that_waits_for_a_standby_is_waited_for(tmp_path: Path) -> None:
    """It is on this server already, and nobody may read it before the standby has it."""
    server = Postgres(durable=True)
    database = Database(server, tmp_path)
    try:
        server.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        server.sql("postgres", "SELECT pg_reload_conf()")
        until("the setting", lambda: server.sql("postgres", "SHOW synchronous_standby_names") == [["gone"]])
        database.leave("UPDATE kv SET value = 2")
        lock = database.lock()
        until("the lock to say so", lambda: "An earlier lnd has left 1 sessions" in lock.status())
        assert not lock.is_held()
        server.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names")
        server.sql("postgres", "SELECT pg_reload_conf()")
        until("the lock", lock.is_held)
        assert database.sql("SELECT value FROM kv") == [["2"]]
    finally:
        server.stop()
        database.end()


@pytest.mark.faults
def test_a_node_that_is_cut_off_gives_up_before_the_server_does(tmp_path: Path) -> None:
    """Until then nobody else can have the lock."""
    apart = Apart()
    server = Postgres(apart=apart, settings=shipped_timeouts())
    database = Database(server, tmp_path)
    try:
        lock = database.lock()
        until("the lock", lock.is_held)
        apart.drop()
        begin = time.monotonic()
        until("the end of the lock", lambda: lock.ended() is not None, 60)
        print(f"noticed after {time.monotonic() - begin:.1f} s")
        assert time.monotonic() - begin > 25
        assert database.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") == [["1"]]
        apart.let_through()
        following = database.lock()
        until("the next lock", following.is_held, 90)
    finally:
        server.stop()
        database.end()
        apart.remove()
