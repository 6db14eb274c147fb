# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections to PostgreSQL. Statements are elsewhere: those that move money in ledger, the others beside what they serve."""

from __future__ import annotations

import typing as t

import asyncpg

from .config import Config

Record: t.TypeAlias = asyncpg.Record
Pool: t.TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: t.TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # What asyncpg says where a connection broke in the middle of a step.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""What is raised while the database is away, is stopped, or has given this statement up: it may have committed or not."""


def connect_options(config: Config, role: str = "") -> dict[str, t.Any]:
    """How to reach the database, as asyncpg's connect takes it.

    Args:
        config: the configuration.
        role: as whom; by default the one that serves. The credential pgpass holds its password.
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
    # The last field of a line of libpq's. asyncpg itself refuses a file that its group may read, as it may a credential of systemd.
    line = config.secret("pgpass")
    if line is not None:
        options["password"] = line.decode().rpartition(":")[2]
    if not database.host.startswith("/"):
        options["ssl"] = _ssl(database.sslmode, database.sslrootcert)
    return options


def _ssl(mode: str, root: str) -> t.Any:
    if not root:
        return mode
    import ssl

    context = ssl.create_default_context(cafile=root)
    context.check_hostname = mode == "verify-full"
    # A certificate that is pinned need not have all that Python 3.13 asks of an authority's.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


REFUSED = asyncpg.PostgresError
"""What is raised when the database does not do what it was told, away or not."""


async def row(pool: Pool, statement: str, *arguments: object) -> Record:
    """The one row of a statement that always gives one."""
    found = await pool.fetchrow(statement, *arguments)
    if found is None:
        raise LookupError(f"no row came of: {statement}")
    return found


async def _keep(_connection: object) -> None:
    """In place of asyncpg's own reset, a round trip after each statement: no statement here changes anything of its session."""


async def open_pool(config: Config, size: int = 0) -> Pool:
    """A pool, whose connections are made when they are needed, so that the service starts while the database is away.

    Args:
        size: connections at most; 0 for all that a process may have.
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
