# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection of an administrator to PostgreSQL on its own machine, over its socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import time
import typing as t

from . import hba as _hba
from .plan import DatabaseState, Plan, PostgresError, Role, Statement

try:
    import psycopg2
except ImportError as error:
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

# Simultaneous runs wait for each other with this lock of the database "postgres"; the number has no meaning.
_LOCK_ID = 6_214_350_017
_RELOAD_TIMEOUT_SECONDS = 10.0

_ROLE_SQL = """SELECT p.rolpassword, r.rolconnlimit, r.rolsuper,
    r.rolcanlogin AND NOT (r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls)
  FROM pg_roles r JOIN pg_authid p ON p.oid = r.oid WHERE r.rolname = %s"""
_DATABASE_SQL = """SELECT pg_get_userbyid(datdba), has_database_privilege('public', datname, 'CONNECT')
  OR has_database_privilege('public', datname, 'TEMP'),
    coalesce((SELECT has_database_privilege(oid, datname, 'CONNECT') FROM pg_roles WHERE rolname = datname), false)
  FROM pg_database WHERE datname = %s"""


@contextlib.contextmanager
def _as_user(name: str) -> t.Iterator[None]:
    """Act as that user for a moment, without root's groups: the server sees at the socket which user connects, and
    access to files depends on both.
    """
    user, before = pwd.getpwnam(name), (os.geteuid(), os.getegid(), os.getgroups())
    if before[0] == user.pw_uid:
        yield
        return
    os.setgroups(os.getgrouplist(name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])
        os.setgroups(before[2])


class Server:
    """PostgreSQL on this machine.

    Args:
        socket: directory of its socket.
        port: its port.
        user: its system user and superuser.
    """

    def __init__(self, socket: str, port: int, user: str) -> None:
        self._connection = {"host": socket, "port": port, "user": user, "dbname": "postgres", "connect_timeout": 10}
        self._user = user
        self._session = self._connect()
        self._query("SELECT pg_advisory_lock(%s)", _LOCK_ID)

    def _connect(self, **options: str) -> t.Any:
        if IMPORT_ERROR is not None:
            raise PostgresError(
                "The package python3-psycopg2 is missing on the database's machine. Run the role postgres on it first."
            )
        try:
            with _as_user(self._user):
                session = psycopg2.connect(**{**self._connection, **options})
        except (KeyError, psycopg2.OperationalError) as error:
            raise PostgresError(
                f"PostgreSQL does not answer on its own machine: {str(error).strip()}. Run the role postgres on it"
                " first."
            ) from None
        session.autocommit = True
        return session

    def _query(self, statement: str, *values: object) -> list[tuple[t.Any, ...]]:
        with self._session.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def _setting(self, name: str) -> str:
        return str(self._query("SELECT current_setting(%s)", name)[0][0])

    def _loaded(self, session: t.Any) -> float:
        with session.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM pg_conf_load_time())")
            return float(cursor.fetchone()[0])

    def read(self, name: str = "", owner: str = "") -> DatabaseState:
        """Read the state of that name, and of its owner's name, if that is another role."""
        roles, owners = self._query(_ROLE_SQL, name), self._query(_ROLE_SQL, owner)
        databases = self._query(_DATABASE_SQL, name)
        hba = self._setting("hba_file")
        certificate = os.path.join(self._setting("data_directory"), self._setting("ssl_cert_file"))
        # Read as its user: the server names the files, and its user can put links there.
        with _as_user(self._user):
            written, pinned, changed = _hba.read(hba), _hba.read(certificate), os.path.getmtime(hba)
        return DatabaseState(
            role=Role(*roles[0]) if roles else None,
            owner=databases[0][0] if databases else None,
            public=bool(databases and databases[0][1]),
            connects=bool(databases and databases[0][2]),
            owner_role=Role(*owners[0]) if owners else None,
            hba=written,
            stale=changed > self._loaded(self._session),
            certificate=pinned,
        )

    def apply(self, plan: Plan) -> None:
        """Carry out a plan; when this returns, the server uses the new pg_hba.conf."""
        try:
            for statement in plan.statements:
                if statement.database == self._connection["dbname"]:
                    self._query(statement.text)
                else:
                    self._inside(statement)
        except psycopg2.Error as error:
            raise PostgresError(f"PostgreSQL refused: {str(error).strip()}.") from None
        if plan.hba is not None:
            hba = self._setting("hba_file")
            with _as_user(self._user):
                _hba.write(hba, plan.hba)
        if plan.reload:
            self._reload()

    def _inside(self, statement: Statement) -> None:
        """Run a statement in a database that is another role's: no object that its owner has made there is looked
        up."""
        with (
            contextlib.closing(self._connect(dbname=statement.database, options="-csearch_path=pg_catalog")) as session,
            session.cursor() as cursor,
        ):
            cursor.execute(statement.text)

    def _reload(self) -> None:
        for line, error in self._query("SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL"):
            raise PostgresError(f"pg_hba.conf, line {line}: {error}. PostgreSQL still works by the one before.")
        before = self._loaded(self._session)
        self._query("SELECT pg_reload_conf()")
        deadline = time.monotonic() + _RELOAD_TIMEOUT_SECONDS
        # Only a new session shows when the server itself, and not this session, has read its files.
        while time.monotonic() < deadline:
            with contextlib.closing(self._connect()) as session:
                if self._loaded(session) > before:
                    return
            time.sleep(0.01)
        raise PostgresError(
            f"PostgreSQL did not read its configuration again within {_RELOAD_TIMEOUT_SECONDS:.0f} s. Look at its log."
        )

    def close(self) -> None:
        """End the session, which releases the lock."""
        self._session.close()
