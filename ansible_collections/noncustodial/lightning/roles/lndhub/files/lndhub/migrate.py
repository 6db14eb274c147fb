# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that brings the schema up to date. Only it imports alembic and sqlalchemy; the service does not need
them.
"""

from __future__ import annotations

import asyncio
import logging
import typing as t
from pathlib import Path

from alembic.config import Config as Settings
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from . import db, grants
from .config import Config

_LOG = logging.getLogger("lndhub.migrate")
# Any number: held while the schema changes, so that two of these do not work at once.
_LOCK_ID = 6_845_201
MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"


def run(config: Config) -> None:
    """Upgrade the schema to the newest revision, as the owner of the tables, and grant the role that serves what it
    needs of them.

    The owner is the role whose password is there: while a machine's hubs are upgraded one after the other, the
    configuration may be that of the release before.
    """
    asyncio.run(_run(config))


async def _run(config: Config) -> None:
    import asyncpg

    owner = db.role_of_password(config) or config.database.owner

    async def connect() -> t.Any:
        options = db.connect_options(config, owner)
        # A revision may take its time.
        return await asyncpg.connect(**{**options, "command_timeout": None})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_ID})")
            await connection.run_sync(_upgrade)
            if owner not in ("", config.database.user):
                for statement in grants.statements(config.database.user):
                    await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    settings = Settings()
    settings.set_main_option("script_location", str(MIGRATIONS_FOLDER))
    scripts = ScriptDirectory.from_config(settings)

    def steps(revision: t.Any, _context: object) -> t.Any:
        return scripts._upgrade_revs("head", revision)

    with EnvironmentContext(settings, scripts, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
    _LOG.info("the schema is at revision %s", scripts.get_current_head())
