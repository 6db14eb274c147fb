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

from . import _hba
from ._postgres import Plan, PostgresError, Role, State, Statement

try:
    import psycopg2
except ImportError as error:
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

# Runs at the same time wait for each other with this lock of the database "postgres"; the number has no meaning.
_LOCK = 6_214_350_017
_RELOAD_TIMEOUT = 10.0

_ROLE = """SELECT p.rolpassword, r.rolconnlimit, r.rolsuper,
    r.rolcanlogin AND NOT (r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls)
  FROM pg_roles r JOIN pg_authid p ON p.oid = r.oid WHERE r.rolname = %s"""
_DATABASE = """SELECT pg_get_userbyid(datdba), has_database_privilege('public', datname, 'CONNECT') OR has_database_privilege('public', datname, 'TEMP'),
    coalesce((SELECT has_database_privilege(oid, datname, 'CONNECT') FROM pg_roles WHERE rolname = datname), false)
  FROM pg_database WHERE datname = %s"""


@contextlib.contextmanager
def _as_user(name: str) -> t.Iterator[None]:
    """Be that user for a moment: the socket tells the server by user who connects."""
    before = os.geteuid()
    os.seteuid(pwd.getpwnam(name).pw_uid)
    try:
        yield
    finally:
        os.seteuid(before)


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
        self._query("SELECT pg_advisory_lock(%s)", _LOCK)

    def _connect(self, **options: str) -> t.Any:
        if IMPORT_ERROR is not None:
            raise PostgresError("The package python3-psycopg2 is missing on the database's machine. Run the role postgres on it first.")
        try:
            with _as_user(self._user):
                session = psycopg2.connect(**{**self._connection, **options})
        except (KeyError, psycopg2.OperationalError) as error:
            raise PostgresError(
                f"PostgreSQL does not answer on its own machine: {str(error).strip()}. Run the role postgres on it first."
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

    def read(self, name: str = "", owner: str = "") -> State:
        """What is there of that name, and of the name of its owner, where that is another role."""
        roles, owners = self._query(_ROLE, name), self._query(_ROLE, owner)
        databases = self._query(_DATABASE, name)
        hba = self._setting("hba_file")
        certificate = os.path.join(self._setting("data_directory"), self._setting("ssl_cert_file"))
        # As its user: the server says which files they are, and its user can put links there.
        with _as_user(self._user):
            written, pinned, changed = _hba.read(hba), _hba.read(certificate), os.path.getmtime(hba)
        return State(
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
        """Carry out a plan; when it returns, the server works by the new pg_hba.conf."""
        try:
            for statement in plan.statements:
                if statement.database == self._connection["dbname"]:
                    self._query(statement.text)
                else:
                    self._inside(statement)
        except psycopg2.Error as error:
            raise PostgresError(f"PostgreSQL refused: {str(error).strip()}.") from None
        if plan.hba is not None:
            _hba.write(self._setting("hba_file"), plan.hba)
        if plan.reload:
            self._reload()

    def _inside(self, statement: Statement) -> None:
        """Run a statement in a database that is another's: nothing that its owner has made there is looked up."""
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
        deadline = time.monotonic() + _RELOAD_TIMEOUT
        # Only a new session shows when the server itself, and not this session, has read its files.
        while time.monotonic() < deadline:
            with contextlib.closing(self._connect()) as session:
                if self._loaded(session) > before:
                    return
            time.sleep(0.01)
        raise PostgresError(f"PostgreSQL did not read its configuration again within {_RELOAD_TIMEOUT:.0f} s. Look at its log.")

    def close(self) -> None:
        """End the session, and with it the lock."""
        self._session.close()
