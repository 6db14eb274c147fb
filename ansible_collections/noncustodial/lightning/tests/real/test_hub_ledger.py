# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's rules on a real PostgreSQL: impossible states are tried in SQL itself, then operations that must work,
then many at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import typing as t
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres
from lndhub import config, db, ledger, migrate
from lndhub.errors import Closed, NotEnoughBalance
from lndhub.payment import PendingPayment, WantedPayment

pytestmark = pytest.mark.database

NOW = datetime.now(UTC)
Pool = db.Pool


@pytest.fixture
def settings(postgres: Postgres, tmp_path: Path) -> config.Config:
    """A new database with the schema."""
    where = config.DatabaseSettings(
        host="127.0.0.1", name=postgres.create(), user=postgres.SUPERUSER, port=postgres.port, sslmode="disable"
    )
    made = config.Config(
        database=where, node=config.NodeSettings(rpcserver="none", certificate="none"), credentials=tmp_path
    )
    migrate.run(made)
    return made


def run(settings: config.Config, body: t.Callable[[Pool], t.Awaitable[t.Any]]) -> t.Any:
    """Run a test's body, with a pool and two users, the first with 100 sat."""

    async def go() -> t.Any:
        pool = await db.open_pool(settings)
        try:
            for login in ("alice", "bob"):
                await pool.execute("INSERT INTO users (login, password_hash) VALUES ($1, 'none')", login)
            assert await ledger.deposit(pool, await invoice(pool, 1, 100_000), 100_000, 1, 1) == 1
            result = await body(pool)
            books = await ledger.books(pool)
            assert (books.total_msat, books.drift_msat, books.internal_msat) == (0, 0, 0)
            return result
        finally:
            await pool.close()

    return asyncio.run(go())


async def invoice(pool: Pool, user_id: int, msat: int) -> bytes:
    """Make a new open invoice, and return its hash."""
    preimage = secrets.token_bytes(32)
    payment_hash = hashlib.sha256(preimage).digest()
    await pool.execute(
        """INSERT INTO invoices (payment_hash, user_id, preimage, payment_request, amount_msat, memo, description_hash,
  expires_at)
        VALUES ($1, $2, $3, 'none', $4, '', '', now() + interval '1 hour')""",
        payment_hash,
        user_id,
        preimage,
        msat,
    )
    return payment_hash


def wanted(
    msat: int, fee: int = 0, user_id: int = 1, payment_hash: bytes | None = None, kind: str = "bolt11"
) -> WantedPayment:
    """Return a payment to be made."""
    return WantedPayment(
        user_id=user_id,
        kind=kind,
        payment_hash=payment_hash or secrets.token_bytes(32),
        payment_request="ln",
        destination="02",
        amount_msat=msat,
        fee_limit_msat=fee,
        send_before=None if kind == "internal" else NOW,
    )


FORBIDDEN = {
    "one entry": (
        "WITH t AS (INSERT INTO transfers (kind, key) VALUES ('deposit', 'x') RETURNING id) INSERT INTO entries SELECT"
        " t.id, 1, 5 FROM t"
    ),
    "no entry": "INSERT INTO transfers (kind, key) VALUES ('deposit', 'x')",
    "a sum that is not 0": (
        """WITH t AS (INSERT INTO transfers (kind, key) VALUES ('deposit', 'x') RETURNING id)
      INSERT INTO entries SELECT t.id, a.id, a.msat FROM t, (VALUES (1, 5), (2, -4)) a (id, msat)"""
    ),
    "one more entry of an old transfer": "INSERT INTO entries VALUES (1, 2, 7)",
    "a balanced pair added to an old transfer, twice the same account": (
        "INSERT INTO entries VALUES (1, 1, 7), (1, 4, -7)"
    ),
    "an entry of nothing": (
        """WITH t AS (INSERT INTO transfers (kind, key) VALUES ('deposit', 'x') RETURNING id)
      INSERT INTO entries SELECT t.id, a.id, 0 FROM t, (VALUES (1), (2)) a (id)"""
    ),
    "a key twice": (
        """WITH old AS (SELECT key FROM transfers LIMIT 1), t AS (INSERT INTO transfers (kind, key)
  SELECT 'deposit', key FROM old RETURNING id)
      INSERT INTO entries SELECT t.id, a.id, a.msat FROM t, (VALUES (1, -5), (4, 5)) a (id, msat)"""
    ),
    "a balance below 0": (
        """WITH t AS (INSERT INTO transfers (kind, key) VALUES ('deposit', 'x') RETURNING id)
      INSERT INTO entries SELECT t.id, a.id, a.msat FROM t, (VALUES (1, 100001), (4, -100001)) a (id, msat)"""
    ),
    "more than there is bitcoin": (
        """WITH t AS (INSERT INTO transfers (kind, key) VALUES ('deposit', 'x') RETURNING id)
      INSERT INTO entries SELECT t.id, a.id, a.msat
        FROM t, (VALUES (1, -4200000000000000001), (4, 4200000000000000001)) a (id, msat)"""
    ),
    "a balance set by hand": "UPDATE balances SET msat = 5 WHERE account_id = 4",
    "a balance removed": "DELETE FROM balances WHERE account_id = 5",
    "all balances removed": "TRUNCATE balances",
    "a balance that begins with something": (
        """WITH a AS (INSERT INTO ledger_accounts (kind) VALUES ('fees') RETURNING id)
      INSERT INTO balances SELECT id, 5 FROM a"""
    ),
    "a second account of one kind": "INSERT INTO ledger_accounts (kind, user_id) VALUES ('available', 1)",
    "a second account of the node": "INSERT INTO ledger_accounts (kind) VALUES ('lightning')",
    "an account of nobody": "INSERT INTO ledger_accounts (kind) VALUES ('available')",
    "an entry changed": "UPDATE entries SET msat = -msat",
    "an entry removed": "DELETE FROM entries",
    "all entries removed": "TRUNCATE entries",
    "a transfer changed": "UPDATE transfers SET key = 'y'",
    "a transfer removed": "DELETE FROM transfers",
    "a settled invoice opened again": "UPDATE invoices SET state = 'open', received_msat = NULL, settled_at = NULL",
    "an invoice given to another": "UPDATE invoices SET user_id = 2",
    "an invoice removed": "DELETE FROM invoices",
    "an invoice settled without a booking": (
        """INSERT INTO invoices (payment_hash, user_id, preimage, payment_request, amount_msat, memo,
      description_hash, expires_at, state, received_msat, settled_at)
      VALUES (sha256('x'), 1, 'x', '', 1, '', '', now(), 'settled', 1, now())"""
    ),
    "an invoice with another's preimage": (
        """INSERT INTO invoices (payment_hash, user_id, preimage, payment_request, amount_msat, memo,
      description_hash, expires_at) VALUES (sha256('x'), 1, 'y', '', 1, '', '', now())"""
    ),
    "a payment without a reservation": (
        """INSERT INTO payments (user_id, kind, payment_hash, payment_request, destination, amount_msat,
      fee_limit_msat, memo, description_hash, send_before)
        VALUES (1, 'bolt11', sha256('x'), '', '', 1, 0, '', '', now())"""
    ),
    "a payment of nothing": (
        """INSERT INTO payments (user_id, kind, payment_hash, payment_request, destination, amount_msat,
      fee_limit_msat, memo, description_hash, send_before)
        VALUES (1, 'bolt11', sha256('x'), '', '', 0, 0, '', '', now())"""
    ),
    "a user removed": "DELETE FROM users",
    "something unexplained that is not booked": (
        """INSERT INTO unexplained (payment_hash, kind, amount_msat, reason, state)
      VALUES (sha256('x'), 'payment', 1, '', 'booked')"""
    ),
    "something unexplained assigned without a booking": (
        """INSERT INTO unexplained (payment_hash, kind, amount_msat, reason, state, acknowledged_at,
      assigned_to) VALUES (sha256('x'), 'internal', 1, '', 'booked', now(), 1)"""
    ),
    "all that is unexplained removed": "TRUNCATE unexplained",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_database_refuses(settings: config.Config, what: str) -> None:
    async def body(pool: Pool) -> None:
        rows = (
            "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM transfers), (SELECT sum(msat) FROM balances)"
        )
        before = await pool.fetchrow(rows)
        with pytest.raises(asyncpg.PostgresError) as refused:
            await pool.execute(FORBIDDEN[what])
        kinds = (asyncpg.IntegrityConstraintViolationError, asyncpg.FeatureNotSupportedError)
        assert isinstance(refused.value, kinds), refused.value
        assert await pool.fetchrow(rows) == before

    run(settings, body)


def test_the_account_numbers_that_the_statements_above_use(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        rows = await pool.fetch("SELECT id, kind, user_id FROM ledger_accounts ORDER BY id")
        assert [(row["id"], row["kind"], row["user_id"]) for row in rows] == [
            (0, "unexplained", None),
            (1, "lightning", None),
            (2, "fees", None),
            (3, "internal", None),
            (4, "available", 1),
            (5, "reserved", 1),
            (6, "available", 2),
            (7, "reserved", 2),
        ]

    run(settings, body)


def test_an_ended_payment_does_not_change(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        number = (await ledger.reserve(pool, wanted(1000))).id
        for statement in (
            "UPDATE payments SET amount_msat = 5",
            "UPDATE payments SET state = 'failed', ended_at = now()",
            "DELETE FROM payments",
        ):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await pool.execute(statement)
        assert await ledger.release(pool, number, "why")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await pool.execute("UPDATE payments SET state = 'settled', fee_msat = 0")

    run(settings, body)


def test_a_payment_is_booked_once_whatever_comes(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        number = (await ledger.reserve(pool, wanted(1000, 50))).id
        assert await ledger.balance(pool, 1) == (98_950, 1050)
        ends = [ledger.settle(pool, number, 7, b"p" * 32) for _turn in range(5)] + [
            ledger.release(pool, number, "why") for _turn in range(5)
        ]
        assert (await asyncio.gather(*ends)).count(True) == 1
        state = await pool.fetchval("SELECT state FROM payments")
        assert await ledger.balance(pool, 1) == ((98_993, 0) if state == "settled" else (100_000, 0))

    run(settings, body)


def test_a_fee_above_the_limit_is_not_booked(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        number = (await ledger.reserve(pool, wanted(1000, 50))).id
        with pytest.raises(asyncpg.CheckViolationError, match="payments_fee_within_limit"):
            await ledger.settle(pool, number, 51, b"p" * 32)
        assert await ledger.balance(pool, 1) == (98_950, 1050)

    run(settings, body)


def test_many_spend_one_balance(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        reservations = [ledger.reserve(pool, wanted(9_000, 1_000)) for _turn in range(40)]
        done = await asyncio.gather(*reservations, return_exceptions=True)
        assert sum(isinstance(one, PendingPayment) for one in done) == 10
        assert all(isinstance(one, (PendingPayment, NotEnoughBalance)) for one in done)
        assert await ledger.balance(pool, 1) == (0, 100_000)

    run(settings, body)


def test_one_invoice_has_one_payer(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        mine = await invoice(pool, 2, 1000)
        done = await asyncio.gather(
            *(ledger.reserve(pool, wanted(1000, 0, 1, mine, "internal")) for _turn in range(10)), return_exceptions=True
        )
        assert sum(isinstance(one, PendingPayment) for one in done) == 1
        assert all(isinstance(one, (PendingPayment, ledger.AlreadyPaid)) for one in done)
        pending = next(one for one in done if isinstance(one, PendingPayment))
        preimages = await asyncio.gather(*(ledger.internal(pool, pending.id) for _turn in range(5)))
        assert sum(one is not None for one in preimages) == 1
        assert (await ledger.balance(pool, 1), await ledger.balance(pool, 2)) == ((99_000, 0), (1000, 0))

    run(settings, body)


def test_a_deposit_and_an_internal_payment_of_one_invoice_exclude_each_other(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        for _turn in range(20):
            mine = await invoice(pool, 2, 1000)
            number = (await ledger.reserve(pool, wanted(1000, 0, 1, mine, "internal"))).id
            before = (await ledger.balance(pool, 2))[0]
            done = await asyncio.gather(
                ledger.internal(pool, number), ledger.deposit(pool, mine, 1000, 1, 0), return_exceptions=True
            )
            assert (await ledger.balance(pool, 2))[0] == before + 1000, done
            if isinstance(done[0], asyncpg.IntegrityConstraintViolationError):
                assert done[1] == 2
                assert await ledger.release(pool, number, "paid from outside")
            else:
                assert done[1] is None

    run(settings, body)


def test_users_who_pay_each_other_do_not_lock_each_other_out(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        await ledger.deposit(pool, await invoice(pool, 2, 100_000), 100_000, 1, 2)

        async def pay(payer: int, payee: int) -> None:
            mine = await invoice(pool, payee, 100)
            pending = await ledger.reserve(pool, wanted(100, 0, payer, mine, "internal"))
            assert await ledger.internal(pool, pending.id)

        await asyncio.gather(*(pay(*pair) for _turn in range(50) for pair in ((1, 2), (2, 1))))
        assert (await ledger.balance(pool, 1), await ledger.balance(pool, 2)) == ((100_000, 0), (100_000, 0))

    run(settings, body)


def test_progress_never_goes_back(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        await ledger.deposit(pool, b"x" * 32, 5, 1, 9)
        await ledger.deposit(pool, b"y" * 32, 5, 1, 7)
        assert await pool.fetchval("SELECT settle_index FROM progress") == 9

    run(settings, body)


def test_migrating_again_and_at_the_same_time_changes_nothing(settings: config.Config) -> None:
    migrate.run(settings)

    async def body(pool: Pool) -> None:
        newest = max(path.name[:4] for path in (migrate.MIGRATIONS_FOLDER / "versions").glob("*.sql"))
        assert await pool.fetchval("SELECT version_num FROM alembic_version") == newest

    run(settings, body)


def test_a_closed_ledger_takes_no_payment(settings: config.Config) -> None:
    """A ledger with something unexplained takes none either until that is acknowledged, and then none for its hash."""

    async def body(pool: Pool) -> None:
        await pool.execute("UPDATE progress SET closed = true")
        with pytest.raises(Closed):
            await ledger.reserve(pool, wanted(1))
        await pool.execute("UPDATE progress SET closed = false")
        payment_hash = secrets.token_bytes(32)
        assert await ledger.unexplained(pool, payment_hash, "payment", 7, 5_000, 3, "nobody")
        assert not await ledger.unexplained(pool, payment_hash, "payment", 7, 5_000, 3, "nobody"), "once"
        with pytest.raises(Closed):
            await ledger.reserve(pool, wanted(1))
        await pool.execute("UPDATE unexplained SET acknowledged_at = now()")
        assert await ledger.reserve(pool, wanted(1))
        with pytest.raises(ledger.AlreadyPaid):
            await ledger.reserve(pool, wanted(5_000, payment_hash=payment_hash))
        with pytest.raises(NotEnoughBalance):
            await ledger.assign(pool, payment_hash, 2)
        assert await ledger.assign(pool, payment_hash, 1)
        assert not await ledger.assign(pool, payment_hash, 1), "once"
        assert await ledger.balance(pool, 1) == (100_000 - 1 - 5_003, 1)

    run(settings, body)


def test_an_unexplained_deposit_finds_its_user(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        payment_hash = secrets.token_bytes(32)
        assert await ledger.unexplained(pool, payment_hash, "deposit", 7, 5_000, 0, "nobody")
        assert await ledger.assign(pool, payment_hash, 2)
        assert await ledger.balance(pool, 2) == (5_000, 0)
        assert await ledger.is_open(pool), "who assigns has acknowledged"

    run(settings, body)


def test_what_one_user_has_paid_another(settings: config.Config) -> None:
    async def body(pool: Pool) -> None:
        payment_hash = await invoice(pool, 2, 0)
        await pool.execute(
            "INSERT INTO unexplained (payment_hash, kind, user_id, amount_msat, reason) VALUES ($1, 'internal', 2,"
            " 0, '')",
            payment_hash,
        )
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await ledger.assign(pool, payment_hash, 1)
        with pytest.raises((NotEnoughBalance, asyncpg.IntegrityConstraintViolationError)):
            await ledger.assign(pool, payment_hash, 2, 5_000)
        assert await ledger.assign(pool, payment_hash, 1, 5_000)
        assert (await ledger.balance(pool, 1), await ledger.balance(pool, 2)) == ((95_000, 0), (5_000, 0))

    run(settings, body)


def test_an_older_schema_is_brought_up_to_date(postgres: Postgres, tmp_path: Path) -> None:
    """Its content is kept; the schema of the first revision is made as that revision made it."""
    where = config.DatabaseSettings(
        host="127.0.0.1", name=postgres.create(), user=postgres.SUPERUSER, port=postgres.port, sslmode="disable"
    )
    settings = config.Config(
        database=where, node=config.NodeSettings(rpcserver="none", certificate="none"), credentials=tmp_path
    )

    async def old() -> None:
        connection = await asyncpg.connect(**db.connect_options(settings))
        try:
            await connection.execute((migrate.MIGRATIONS_FOLDER / "versions/0001_ledger.sql").read_text())
            await connection.execute(
                "CREATE TABLE alembic_version (version_num text PRIMARY KEY); INSERT INTO alembic_version VALUES"
                " ('0001')"
            )
            await connection.execute("INSERT INTO users (login, password_hash) VALUES ('before', 'none')")
        finally:
            await connection.close()

    asyncio.run(old())
    migrate.run(settings)

    async def body(pool: Pool) -> None:
        assert await pool.fetchval("SELECT login FROM users WHERE id = 1") == "before"
        assert await ledger.deposit(pool, await invoice(pool, 1, 5_000), 5_000, 1, 9) == 1
        assert await ledger.is_open(pool)
        first, again = [await pool.fetchval("SELECT mark_key FROM progress") for _turn in range(2)]
        assert (len(first), first) == (32, again)

    async def go() -> None:
        pool = await db.open_pool(settings)
        try:
            await body(pool)
        finally:
            await pool.close()

    asyncio.run(go())
