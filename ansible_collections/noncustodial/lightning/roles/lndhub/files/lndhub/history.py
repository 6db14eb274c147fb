# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's invoices and payments, to be shown. Nothing is changed here."""

from __future__ import annotations

import asyncio
import json
import typing as t
from dataclasses import dataclass
from datetime import datetime

from .db import Pool, Record

MAX_ROWS = 1000
"""Rows of one page, at most."""
_SLICE_ROWS = 50

MadeT = t.TypeVar("MadeT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice of a user; amounts in msat.

    Attributes:
        state: open, settled, canceled; an open one may have expired.
    """

    payment_hash: bytes
    payment_request: str
    amount_msat: int
    received_msat: int
    memo: str
    description_hash: str
    state: str
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment of a user; amounts in msat.

    Attributes:
        state: pending, settled, failed.
    """

    payment_hash: bytes
    payment_request: str
    kind: str
    destination: str
    amount_msat: int
    fee_limit_msat: int
    fee_msat: int
    preimage: bytes
    memo: str
    description_hash: str
    custom_records: t.Mapping[str, str]
    state: str
    failure: str
    created_at: datetime
    ended_at: datetime | None


_INVOICE_SQL = """SELECT payment_hash, payment_request, amount_msat, coalesce(received_msat, 0) AS received_msat, memo,
  description_hash, state, created_at, expires_at, settled_at FROM invoices"""
_PAYMENT_SQL = """SELECT payment_hash, payment_request, kind, destination, amount_msat, fee_limit_msat,
  coalesce(fee_msat, 0) AS fee_msat, coalesce(preimage, ''::bytea) AS preimage, memo, description_hash, custom_records,
  state, coalesce(failure, '') AS failure, created_at, ended_at FROM payments"""


async def invoices(pool: Pool, user_id: int, limit: int, offset: int) -> list[Invoice]:
    """Return the newest invoices of a user, newest first, without those that lnd has not made."""
    rows = await pool.fetch(
        f"{_INVOICE_SQL} WHERE user_id = $1 AND (payment_request <> '' OR state = 'settled')"
        " ORDER BY number DESC LIMIT $2 OFFSET $3",
        user_id,
        min(limit, MAX_ROWS),
        offset,
    )
    return await _made(rows, _invoice)


async def with_paid_lately(pool: Pool, user_id: int, newest: t.Sequence[Invoice]) -> list[Invoice]:
    """Return the newest invoices of a user together with older ones that were paid in the last 24 hours, newest
    first.
    """
    rows = await pool.fetch(
        f"{_INVOICE_SQL} WHERE user_id = $1 AND state = 'settled' AND settled_at > now() - interval '1 day'"
        " ORDER BY settled_at DESC LIMIT $2",
        user_id,
        MAX_ROWS,
    )
    paid = await _made(rows, _invoice)
    known = {one.payment_hash for one in newest}
    older = [one for one in paid if one.payment_hash not in known]
    return [*newest, *sorted(older, key=lambda one: one.created_at, reverse=True)]


async def invoice(pool: Pool, user_id: int, payment_hash: bytes) -> Invoice | None:
    """Return one invoice; None if there is none, or it is another user's."""
    row = await pool.fetchrow(f"{_INVOICE_SQL} WHERE user_id = $1 AND payment_hash = $2", user_id, payment_hash)
    return _invoice(row) if row else None


async def payments(pool: Pool, user_id: int, states: t.Sequence[str], limit: int, offset: int) -> list[Payment]:
    """Return the newest payments of a user, newest first."""
    rows = await pool.fetch(
        f"{_PAYMENT_SQL} WHERE user_id = $1 AND state = ANY($2) ORDER BY id DESC LIMIT $3 OFFSET $4",
        user_id,
        list(states),
        min(limit, MAX_ROWS),
        offset,
    )
    return await _made(rows, _payment)


async def payment(pool: Pool, user_id: int, payment_hash: bytes) -> Payment | None:
    """Return the user's last payment of a hash; None if the user has none."""
    row = await pool.fetchrow(
        f"{_PAYMENT_SQL} WHERE user_id = $1 AND payment_hash = $2 ORDER BY id DESC LIMIT 1", user_id, payment_hash
    )
    return _payment(row) if row else None


async def pays(pool: Pool, user_id: int, payment_request: str) -> bool:
    """Return whether a payment of the user of this payment request is under way, by the text only."""
    found = await pool.fetchval(
        "SELECT 1 FROM payments WHERE user_id = $1 AND payment_request = $2 AND state = 'pending'",
        user_id,
        payment_request,
    )
    return found is not None


async def _made(rows: t.Sequence[Record], make: t.Callable[[Record], MadeT]) -> list[MadeT]:
    """Make all rows into records, a slice at a time, so that other requests are served in between."""
    made: list[MadeT] = []
    for begin in range(0, len(rows), _SLICE_ROWS):
        made += map(make, rows[begin : begin + _SLICE_ROWS])
        await asyncio.sleep(0)
    return made


def _invoice(row: Record) -> Invoice:
    return Invoice(**row)


def _payment(row: Record) -> Payment:
    values = dict(row)
    return Payment(**{**values, "custom_records": json.loads(values["custom_records"])})
