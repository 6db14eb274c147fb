# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections to PostgreSQL. Statements that move money are in ledger, the others in the modules that need them."""

from __future__ import annotations

import typing as t

import asyncpg

from .config import Config

Record: t.TypeAlias = asyncpg.Record
Pool: t.TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: t.TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

UNREACHABLE_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # asyncpg's error where a connection broke in the middle of a step.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""Errors raised while the database is away, is stopped, or has given this statement up: it may have committed or not.
"""


def connect_options(config: Config, role: str = "") -> dict[str, t.Any]:
    """Return the options with which asyncpg's connect reaches the database.

    Args:
        config: the configuration.
        role: the role to log in as; by default the one that serves. The credential pgpass holds its password.
    """
    database = config.database
    options: dict[str, t.Any] = {
        "host": database.host,
        "port": database.port,
        "database": database.name,
        "user": role or database.user,
        "timeout": database.timeout,
        "command_timeout": database.timeout,
    }
    # The last field of a line of libpq's. asyncpg itself refuses a file that its group may read, as it may a credential
    # of systemd.
    line = config.secret("pgpass")
    if line is not None:
        options["password"] = line.decode().rpartition(":")[2]
    if not database.host.startswith("/"):
        options["ssl"] = _ssl(database.sslmode, database.sslrootcert)
    return options


def role_of_password(config: Config) -> str:
    """Return the role whose password the credential pgpass holds, according to the fourth field of libpq's line; empty
    if it names none.
    """
    fields = (config.secret("pgpass") or b"").decode().split(":")
    return fields[3] if len(fields) == 5 and fields[3] != "*" else ""


def _ssl(mode: str, root: str) -> t.Any:
    if not root:
        return mode
    import ssl

    context = ssl.create_default_context(cafile=root)
    context.check_hostname = mode == "verify-full"
    # A certificate that is pinned need not have all that Python 3.13 asks of an authority's.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


REFUSED_ERROR = asyncpg.PostgresError
"""The error raised when the database refuses a statement, and also for some of the errors of UNREACHABLE."""


async def row(pool: Pool | Connection, statement: str, *arguments: object) -> Record:
    """Return the row of a statement that always returns one."""
    found = await pool.fetchrow(statement, *arguments)
    if found is None:
        raise LookupError(f"no row came of: {statement}")
    return found


async def _keep(_connection: object) -> None:
    """Do nothing. asyncpg's own reset is a round trip each time a connection is returned, and no statement here changes
    anything of its session.
    """


async def open_pool(config: Config, size: int = 0) -> Pool:
    """Open a pool whose connections are made when they are needed, so that the service starts while the database is
    away.

    Args:
        size: connections at most; 0 for as many as a process may have.
    """
    pool = asyncpg.create_pool(
        **connect_options(config),
        min_size=0,
        max_size=size or config.database.pool,
        max_inactive_connection_lifetime=300,
        reset=t.cast("t.Any", _keep),  # the stubs do not know that it is awaited
        server_settings={"application_name": "lndhub", "default_transaction_isolation": "read committed"},
    )
    await pool
    return pool
