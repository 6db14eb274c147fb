# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of an attacker who has broken into a hub: the role that serves adds to the ledger, and changes or removes
nothing that was booked.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import typing as t
from pathlib import Path

import asyncpg
import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres
from lndhub import config, db, grants, ledger, migrate

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def settings(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> config.Config:
    """A ledger with a user who has 100 sat, made as the playbooks make one."""
    name, owner = postgres.create_owned()
    where = config.DatabaseSettings(
        host="127.0.0.1", name=name, user=name, port=postgres.port, sslmode="disable", owner=owner
    )
    made = config.Config(
        database=where,
        node=config.NodeSettings(rpcserver="none", certificate="none"),
        credentials=tmp_path_factory.mktemp("credentials"),
    )
    migrate.run(made)
    as_hub(made, _serve)
    return made


def as_hub(settings: config.Config, body: t.Callable[[db.Pool], t.Awaitable[t.Any]]) -> t.Any:
    """Return the result of a function that has the pool of a hub."""

    async def go() -> t.Any:
        pool = await db.open_pool(settings)
        try:
            return await body(pool)
        finally:
            await pool.close()

    return asyncio.run(go())


async def _serve(pool: db.Pool) -> None:
    """Do a hub's everyday work: the positive control of all that is refused below."""
    await pool.execute("INSERT INTO users (login, password_hash) VALUES ('alice', 'none')")
    preimage = secrets.token_bytes(32)
    payment_hash = hashlib.sha256(preimage).digest()
    await pool.execute(
        """INSERT INTO invoices (payment_hash, user_id, preimage, payment_request, amount_msat, memo, description_hash,
  expires_at)
           VALUES ($1, 1, $2, 'lnbc', 0, '', '', now())""",
        payment_hash,
        preimage,
    )
    assert await ledger.deposit(pool, payment_hash, 100_000, 1, 1) == 1
    assert await ledger.balance(pool, 1) == (100_000, 0)


# What a thief would do who wants money, or to cover its tracks.
REFUSED = [
    "DROP TABLE entries",
    "ALTER TABLE entries DISABLE TRIGGER ALL",
    "ALTER TABLE balances DISABLE TRIGGER balances_only_by_entries",
    "DROP TRIGGER entries_never ON entries",
    "CREATE TRIGGER mine AFTER INSERT ON entries FOR EACH ROW EXECUTE FUNCTION never()",
    "CREATE OR REPLACE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION entries_balance() OWNER TO CURRENT_USER",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE entries (id int)",
    "CREATE SCHEMA mine",
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "ALTER TABLE entries OWNER TO CURRENT_USER",
    "DELETE FROM entries",
    "DELETE FROM transfers",
    "DELETE FROM payments",
    "DELETE FROM invoices",
    "DELETE FROM users",
    "DELETE FROM unexplained",
    "TRUNCATE entries, transfers",
    "TRUNCATE users CASCADE",
    "UPDATE entries SET msat = msat",
    "UPDATE transfers SET key = key",
    "UPDATE balances SET msat = msat",
    "INSERT INTO balances (account_id, msat) VALUES (99, 0)",
    "DELETE FROM balances",
    "INSERT INTO ledger_accounts (kind, user_id) VALUES ('available', 1)",
    "UPDATE ledger_accounts SET user_id = NULL",
    "UPDATE invoices SET amount_msat = 1",
    "UPDATE invoices SET user_id = 1",
    "UPDATE payments SET amount_msat = 1",
    "UPDATE payments SET user_id = 1",
    "UPDATE users SET id = DEFAULT",
    "UPDATE progress SET mark_key = sha256('')",
    "INSERT INTO progress DEFAULT VALUES",
    "DELETE FROM progress",
    "UPDATE alembic_version SET version_num = '0001'",
    "ALTER DATABASE {name} SET search_path = mine",
    "DROP DATABASE {name}",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_hubs_role_is_refused(settings: config.Config, statement: str) -> None:
    """The role's rights refuse it, whatever triggers would do."""
    statement = statement.format(name=settings.database.name, owner=settings.database.owner)

    async def body(pool: db.Pool) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
        assert await ledger.balance(pool, 1) == (100_000, 0)

    as_hub(settings, body)


_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')"
_OWNED = """SELECT DISTINCT pg_get_userbyid(owner) FROM (SELECT relowner AS owner FROM pg_class
  WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace) AS all_of_them"""
_WRITERS = (
    "SELECT proname || '()' FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ~* '(insert into|update"
    " [a-z]+ set|delete from)'"
)
_DEFINERS = "SELECT proname || '()' FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"


def test_the_list_has_every_table_and_every_function_that_writes(settings: config.Config) -> None:
    """A new migration that forgets it fails here."""

    async def body(pool: db.Pool) -> None:
        assert {row[0] for row in await pool.fetch(_TABLES)} == set(grants.GRANTS)
        assert (
            {row[0] for row in await pool.fetch(_WRITERS)}
            == {row[0] for row in await pool.fetch(_DEFINERS)}
            == set(grants.DEFINERS)
        )
        assert [row[0] for row in await pool.fetch(_OWNED)] == [settings.database.owner]

    as_hub(settings, body)


def test_what_it_had_besides_is_taken_from_it(postgres: Postgres, tmp_path: Path) -> None:
    """An earlier installation, whose hub owned all: the tables go to the owner, as postgres_database does it,
    and the next start migrates.
    """
    name, owner = postgres.create_owned()
    postgres._do(f"ALTER DATABASE {name} OWNER TO {name}")
    where = config.DatabaseSettings(host="127.0.0.1", name=name, user=name, port=postgres.port, sslmode="disable")
    before = config.Config(
        database=where, node=config.NodeSettings(rpcserver="none", certificate="none"), credentials=tmp_path
    )
    migrate.run(before)
    as_hub(before, _serve)
    as_hub(
        before,
        lambda pool: pool.execute(
            "CREATE TABLE mine (id int); DROP TABLE mine; ALTER TABLE entries DISABLE TRIGGER entries_never"
        ),
    )

    for statement in (
        f"REASSIGN OWNED BY {name} TO {owner}",
        f"GRANT CONNECT ON DATABASE {name} TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
    ):
        assert postgres._psql(name, statement).returncode == 0
    between = "UPDATE users SET password_hash = 'new' WHERE login = 'alice'"
    as_hub(before, lambda pool: pool.execute(between))
    after = config.Config(
        database=config.DatabaseSettings(
            host="127.0.0.1", name=name, user=name, port=postgres.port, sslmode="disable", owner=owner
        ),
        node=config.NodeSettings(rpcserver="none", certificate="none"),
        credentials=tmp_path,
    )
    migrate.run(after)

    async def body(pool: db.Pool) -> None:
        await pool.execute(between)
        assert await ledger.balance(pool, 1) == (100_000, 0)
        for statement in (
            "DELETE FROM users",
            "ALTER TABLE entries DISABLE TRIGGER ALL",
            "UPDATE balances SET msat = msat",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(statement)

    as_hub(after, body)


def test_a_hub_between_two_releases_migrates(postgres: Postgres, tmp_path: Path) -> None:
    """The machine has the new program, and the hub the earlier configuration; first with the earlier password too,
    then with the owner's.
    """
    name, owner = postgres.create_owned()
    postgres._do(f"ALTER DATABASE {name} OWNER TO {name}")
    where = config.DatabaseSettings(host="127.0.0.1", name=name, user=name, port=postgres.port, sslmode="disable")
    made = config.Config(
        database=where, node=config.NodeSettings(rpcserver="none", certificate="none"), credentials=tmp_path
    )
    (tmp_path / "pgpass").write_text(f"*:*:{name}:{name}:none\n")
    migrate.run(made)
    as_hub(made, _serve)

    for statement in (
        f"REASSIGN OWNED BY {name} TO {owner}",
        f"GRANT CONNECT ON DATABASE {name} TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
    ):
        assert postgres._psql(name, statement).returncode == 0
    (tmp_path / "pgpass").write_text(f"*:*:{name}:{owner}:none\n")
    migrate.run(made)

    async def body(pool: db.Pool) -> None:
        assert await ledger.balance(pool, 1) == (100_000, 0)
        assert [row[0] for row in await pool.fetch(_OWNED)] == [owner]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("DELETE FROM users")

    as_hub(made, body)
