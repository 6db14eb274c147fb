# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lnd-lock LND_CONF: hold a lock in lnd's database for as long as lnd runs, so that no second lnd can work on it.

lnd itself does not check whether another lnd uses its database, and two on one database lose money. The lock is an
advisory one of PostgreSQL and belongs to this program's session: it ends with the session, for whatever reason that
ends. The unit of lnd is bound to this program's. The database is read from lnd's own configuration, so that it is
always the one that lnd uses; the password is the unit's credential.

An lnd that was killed or cut off leaves sessions, and a commit that one of them still has to make would change the
database under the next lnd, which has read it already. So before the lock counts as taken, they are ended.
"""

from __future__ import annotations

import os
import re
import select
import socket
import sys
import time
import typing as t

import psycopg2

# One lock per database; the number only has to be the same everywhere.
LOCK_ID = 7_303_014_001_001
# A holder that vanished from the network loses its session after a minute (the role postgres sets this), so wait
# somewhat longer.
WAIT_SECONDS = float(os.environ.get("LND_LOCK_WAIT", "75"))
# A database that restarts is back in seconds.
CONNECT_SECONDS = float(os.environ.get("LND_LOCK_CONNECT", "20"))
# Sessions that a dead lnd has left end at once, unless one waits for a standby that is to confirm its commit.
END_SECONDS = 15.0
# systemd does not try again after this one (RestartPreventExitStatus=).
REFUSED_STATUS = 75
# This side notices a dead connection 30 to 40 s after the last packet, and the server after 50 s at the soonest: lnd is
# killed before somebody else can have the lock, and outlives a network that is away for 20 s.
KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 6,
    "tcp_user_timeout": 40_000,
    "connect_timeout": 10,
}

CURE = (
    "Look whether it runs; if it does, run this node's playbook again, which sets its password, its certificate and its"
    " access anew."
)

HOLDER_SQL = """SELECT a.application_name, coalesce(host(a.client_addr), 'the server itself'), a.pid,
  date_trunc('second', a.backend_start)
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database
    WHERE datname = current_database())
    AND (l.classid::bigint << 32) + l.objid::bigint = %s"""

# Every session of lnd's is ended. One that waits for a standby is left to wait: cut short, its commit would be read
# before any standby has it.
END_SQL = """SELECT pid, wait_event IS DISTINCT FROM 'SyncRep' AND pg_terminate_backend(pid)
  FROM pg_stat_activity
  WHERE datname = current_database() AND usename = current_user AND application_name NOT LIKE 'lnd-lock on %'"""


def tell(**state: object) -> None:
    """Report the state to systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect("\0" + address[1:] if address.startswith("@") else address)
            notify.sendall("\n".join(f"{key}={value}" for key, value in state.items()).encode())


def fail(message: str, status: int = 1) -> t.NoReturn:
    """Exit with a message that systemctl status shows too."""
    tell(STATUS=message)
    print(message, file=sys.stderr, flush=True)
    sys.exit(status)


def setting(configuration: str, name: str) -> str:
    """Return the last value of one of lnd's settings; empty if it is not set."""
    values = re.findall(rf"^\s*{re.escape(name)}\s*=\s*(\S+)\s*$", configuration, re.MULTILINE)
    return values[-1] if values else ""


def password() -> str:
    """Return the last field of the credential, a line of a pgpass file. libpq refuses a file that its group can read,
    as the group can read this one.
    """
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "pgpass"), encoding="ascii") as line:
        return line.read().strip().rpartition(":")[2]


def connect(dsn: str) -> t.Any:
    """Open a session on lnd's database, with the unit's own copy of the password; after any error try again for a
    while.
    """
    options = dict(KEEPALIVES, password=password(), application_name=f"lnd-lock on {socket.gethostname()}")
    deadline = time.monotonic() + CONNECT_SECONDS
    pause = 0.5
    while True:
        try:
            session = psycopg2.connect(dsn, **options)
        except psycopg2.OperationalError as error:
            message = f"The database does not let us in: {str(error).strip()}. {CURE}"
            if time.monotonic() + pause > deadline:
                fail(message)
            tell(STATUS=f"{message} Trying again.")
            time.sleep(pause)
            pause = min(2 * pause, 4)
        else:
            session.autocommit = True
            return session


def lock(session: t.Any, database: str) -> None:
    """Take the lock, or exit with a message that names its holder."""
    deadline = time.monotonic() + WAIT_SECONDS
    with session.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_ID,))
        if cursor.fetchone()[0]:
            return
        cursor.execute(HOLDER_SQL, (LOCK_ID,))
        holder = cursor.fetchone()
        by = "{} ({}, backend {}, since {})".format(*holder) if holder else "a session that has just ended"
        message = f"Another lnd works on the database {database}: its lock is held by {by}."
        tell(STATUS=f"{message} Waiting for it.")
        print(f"{message} Waiting for {WAIT_SECONDS:.0f} s, in case that one is gone.", flush=True)
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, false)", (str(int(max(deadline - time.monotonic(), 0.001) * 1000)),)
        )
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK_ID,))
        except psycopg2.errors.LockNotAvailable:
            fail(
                f"{message} Two on one database lose money, so this one does not start. Stop that one for good first,"
                " or this one.",
                REFUSED_STATUS,
            )


def end_others(session: t.Any, database: str) -> None:
    """End what an earlier lnd has left in the database, and wait until it is gone; exit if it stays."""
    deadline = time.monotonic() + END_SECONDS
    with session.cursor() as cursor:
        while True:
            cursor.execute(END_SQL)
            left = cursor.fetchall()
            if not left:
                return
            message = (
                f"An earlier lnd has left {len(left)} sessions in the database {database}, and their last commit may"
                " still change it."
            )
            if time.monotonic() > deadline:
                fail(
                    f"{message} They do not end. If a commit waits for a standby that is gone, bring it back, or take"
                    " it out of synchronous_standby_names; if another lnd has them, which has no lock, stop that one."
                )
            tell(STATUS=f"{message} Ending them.")
            time.sleep(0.2)


def hold(session: t.Any) -> str:
    """Wait until the session is lost, and return the reason. The server never sends anything, so anything that can be
    read is the session's end.
    """
    session.cursor().execute("SELECT set_config('idle_session_timeout', '0', false)")
    poll = select.poll()
    poll.register(session.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    while not session.closed:
        poll.poll()
        try:
            session.poll()
        except psycopg2.Error as error:
            return str(error).strip()
    return "closed"


def main() -> None:
    """Take the lock and hold it."""
    with open(sys.argv[1], encoding="utf-8") as file:
        configuration = file.read()
    dsn = setting(configuration, "db.postgres.dsn")
    if not dsn:
        fail(f"{sys.argv[1]} has no db.postgres.dsn. A node with bbolt needs no lock of ours.")
    session = connect(dsn)
    database = session.info.dbname
    lock(session, database)
    end_others(session, database)
    tell(READY=1, STATUS=f"Holding the lock of the database {database}.")
    fail(f"The session that held the lock of the database {database} is lost: {hold(session)}")


main()
