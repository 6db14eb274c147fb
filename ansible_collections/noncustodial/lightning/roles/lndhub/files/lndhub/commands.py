# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's commands for a ledger: list its balances; reconcile a restored one, and decide about each entry that
could not be explained."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import typing as t
from datetime import UTC, datetime, timedelta

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError

from . import db, ledger
from .config import Config
from .errors import HubError
from .hub import Hub

_BALANCES_SQL = """
SELECT u.login, u.deactivated,
  (sum(b.msat) FILTER (WHERE a.kind = 'available'))::bigint AS available_msat,
  (sum(b.msat) FILTER (WHERE a.kind = 'reserved'))::bigint AS reserved_msat
FROM users u JOIN ledger_accounts a ON a.user_id = u.id JOIN balances b ON b.account_id = a.id
GROUP BY u.id ORDER BY u.login COLLATE "C"
"""

_LEFT_STATUS = 3
"""The exit status of reconcile when it is done and something is unexplained."""


def run(command: t.Callable[[Hub], t.Awaitable[int]], config: Config) -> int:
    """Run a command with a hub that serves no requests, and return its exit status."""

    async def go() -> int:
        pool = await db.open_pool(config)
        try:
            hub = Hub(config, pool)
            try:
                return await command(hub)
            finally:
                await hub.node.close()
        finally:
            await asyncio.wait_for(pool.close(), 10)

    try:
        return asyncio.run(go())
    except (LightningError, HubError, ValueError, *db.UNREACHABLE_ERRORS, db.REFUSED_ERROR) as error:
        print(f"lndhub: {error or type(error).__name__}", file=sys.stderr)
        return 1


async def reconcile(hub: Hub) -> int:
    """Compare a restored ledger with lnd's records. The first step closes the ledger, and the last one opens it.

    Before it is opened, lnd must refuse every payment that an earlier process of the hub could still send.
    """
    await hub.pool.execute("UPDATE progress SET closed = true")
    node = hub.config.node
    last = datetime.now(UTC) + timedelta(seconds=node.send_within + node.grace)
    found = await hub.recovery.look(restored=True)
    await hub.reconcile.payments()
    while not await hub.node.past(last):
        await asyncio.sleep(0.5)
    late = await hub.recovery.look(restored=True)
    await hub.reconcile.payments()
    await hub.pool.execute("UPDATE progress SET closed = false")
    for name in ("invoices", "deposits", "payments", "unexplained", "expired"):
        setattr(found, name, getattr(found, name) + getattr(late, name))
    left = await hub.pool.fetch(
        "SELECT * FROM unexplained WHERE acknowledged_at IS NULL AND state <> 'failed' ORDER BY seen_at, payment_hash"
    )
    pending = await hub.pool.fetchval("SELECT count(*) FROM payments WHERE state = 'pending'")
    for row in left:
        print(_line(row))
    print(f"{'closed' if left else 'open'}: {found}; unexplained: {len(left)}; pending payments: {pending}")
    return _LEFT_STATUS if left else 0


def _line(row: db.Record) -> str:
    user = "nobody" if row["user_id"] is None else f"user {row['user_id']}"
    state = "under way" if row["kind"] == "payment" and row["state"] == "pending" else row["reason"]
    said = f"; a person has said: {row['said']}" if row["said"] else ""
    return (
        f"unexplained {row['kind']} {row['payment_hash'].hex()} {row['amount_msat']} msat, fee {row['fee_msat']} msat,"
        f" {user}: {state}{said}"
    )


async def balances(hub: Hub) -> int:
    """Print what the hub owes each account, as JSON, from one state of the ledger and without a time: what has not
    changed is printed alike.

    Raises:
        ValueError: the books do not balance, so that the balances prove nothing.
    """
    async with hub.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        books = await ledger.books(connection)
        rows = await connection.fetch(_BALANCES_SQL)
        pending = await connection.fetchval("SELECT count(*) FROM payments WHERE state = 'pending'")
        unexplained = await connection.fetchval(
            "SELECT count(*) FROM unexplained WHERE state <> 'failed' AND assigned_to IS NULL"
        )
    accounts = [dict(row) for row in rows]
    owed = sum(row["available_msat"] + row["reserved_msat"] for row in accounts)
    if books.total_msat or books.drift_msat or books.internal_msat or owed != books.owed_msat:
        raise ValueError(f"the books do not balance: {books}; the accounts have {owed} msat")
    print(
        json.dumps(
            {
                "owed_msat": owed,
                "reserved_msat": books.reserved_msat,
                "pending_payments": pending,
                "unexplained": unexplained,
                "accounts": accounts,
            },
            indent=2,
        )
    )
    return 0


async def assign(hub: Hub, payment_hash: bytes, login: str, amount_msat: int) -> int:
    """Book something unexplained to a user: who has paid, or whose deposit it is."""
    user = await hub.accounts.by_login(login)
    if user is None:
        raise ValueError(f"there is no user {login}")
    with contextlib.suppress(asyncpg.IntegrityConstraintViolationError):
        if await ledger.assign(hub.pool, payment_hash, user.id, amount_msat):
            print(f"assigned {payment_hash.hex()} to {login}")
            return 0
    raise ValueError(
        "it was assigned before, has no end yet, names no amount, or is of this user itself; nothing was booked"
    )


async def acknowledge(hub: Hub, payment_hash: bytes) -> int:
    """Note that something unexplained may stay so; it can be assigned later."""
    done = await hub.pool.fetchval(
        "UPDATE unexplained SET acknowledged_at = coalesce(acknowledged_at, now()) WHERE payment_hash = $1 RETURNING"
        " true",
        payment_hash,
    )
    if not done:
        raise ValueError("nothing with this hash is unexplained")
    print(f"acknowledged {payment_hash.hex()}")
    return 0
