# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator does with a ledger that was restored: reconcile it, and say what becomes of each thing that could not be explained."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import typing as t
from datetime import UTC, datetime, timedelta

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import LndError

from . import db, ledger
from .config import Config
from .errors import HubError
from .hub import Hub

_LEFT = 3
"""Exit status of reconcile: it is done, and something is unexplained."""


def run(command: t.Callable[[Hub], t.Awaitable[int]], config: Config) -> int:
    """Run a command with a hub that serves nobody; gives the exit status."""

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
    except (LndError, HubError, ValueError, *db.UNREACHABLE, db.REFUSED) as error:
        print(f"lndhub: {error or type(error).__name__}", file=sys.stderr)
        return 1


async def reconcile(hub: Hub) -> int:
    """Compare a restored ledger with lnd's records. The ledger is closed from the first step on, and opened by the last one.

    Before that, lnd must refuse whatever a process of the hub that was there before could still send it.
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
    return _LEFT if left else 0


def _line(row: db.Record) -> str:
    user = "nobody" if row["user_id"] is None else f"user {row['user_id']}"
    state = "under way" if row["kind"] == "payment" and row["state"] == "pending" else row["reason"]
    return f"unexplained {row['kind']} {row['payment_hash'].hex()} {row['amount_msat']} msat, fee {row['fee_msat']} msat, {user}: {state}"


async def assign(hub: Hub, payment_hash: bytes, login: str, amount_msat: int) -> int:
    """Book something unexplained to a user: who has paid, or whose deposit it is."""
    user = await hub.accounts.by_login(login)
    if user is None:
        raise ValueError(f"there is no user {login}")
    with contextlib.suppress(asyncpg.IntegrityConstraintViolationError):
        if await ledger.assign(hub.pool, payment_hash, user.id, amount_msat):
            print(f"assigned {payment_hash.hex()} to {login}")
            return 0
    raise ValueError("it was assigned before, has no end yet, names no amount, or is of this user itself; nothing was booked")


async def acknowledge(hub: Hub, payment_hash: bytes) -> int:
    """Say that something unexplained may stay so; it can be assigned later."""
    done = await hub.pool.fetchval(
        "UPDATE unexplained SET acknowledged_at = coalesce(acknowledged_at, now()) WHERE payment_hash = $1 RETURNING true", payment_hash
    )
    if not done:
        raise ValueError("nothing with this hash is unexplained")
    print(f"acknowledged {payment_hash.hex()}")
    return 0
