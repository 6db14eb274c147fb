# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only module that moves money. All amounts are msat.

Each function is one SQL statement that commits by itself: all of it happens or nothing. The database refuses every
state that must never be (see migrations): a balance below zero, a transfer whose entries do not sum to zero, a second
posting under one key, a state without its transfer. Keys make every function repeatable: reserve:ID and end:ID of a
payment, incoming:HASH of an invoice, each at most once, in any process.
"""

from __future__ import annotations

import contextlib
import json
import typing as t
from dataclasses import dataclass

import asyncpg

from . import db
from .config import MAX_MSAT, Limits
from .db import Pool
from .errors import Closed, HubError, NotEnoughBalance
from .payment import PendingPayment, WantedPayment


class AlreadyPaid(HubError):
    """The invoice is paid, or somebody is paying it at this moment."""

    code, status, default = 10, 400, "this invoice has been paid, or is being paid"


class NoRoom(HubError):
    """The account's payments under way, or those of all accounts, already hold as many HTLCs as they may."""

    code, status, default = (
        10,
        429,
        "too many payments of this account are under way; nothing was booked, try again when one has ended",
    )


class PayeeFull(HubError):
    """The amount would exceed a limit of the payee, its own or the hub's."""

    code, status, default = 10, 400, "the account that is to be paid may not receive this much; nothing was booked"


@dataclass(frozen=True)
class Room:
    """The HTLCs that a payment over the node may have.

    Attributes:
        wanted: HTLCs for this payment, 1 or more; it gets fewer where fewer are left.
        of_account: the limit for all payments of the account that are under way.
        of_hub: the limit for the payments of all accounts.
    """

    wanted: int
    of_account: int
    of_hub: int


_RESERVED_SQL = """
transfer AS (
  INSERT INTO transfers (kind, key) SELECT 'reserve', 'reserve:' || id FROM payment RETURNING id
), posted AS (
  INSERT INTO entries (transfer_id, account_id, msat)
  SELECT transfer.id, account.id, CASE account.kind WHEN 'available' THEN -payment.msat ELSE payment.msat END
  FROM payment, transfer, ledger_accounts account WHERE account.user_id = payment.user_id ORDER BY account.id
)
"""

_RESERVE_SQL = f"""
WITH payment AS (
  INSERT INTO payments (user_id, kind, payment_hash, payment_request, destination, amount_msat, fee_limit_msat, memo,
    description_hash,
    custom_records, send_before, recovered, htlcs)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $13::integer IS NULL THEN 1
    ELSE payments_room($1, $13, $14, $15) END
  RETURNING id, user_id, payment_hash, amount_msat, send_before, taken, htlcs, amount_msat + fee_limit_msat AS msat
), {_RESERVED_SQL}
SELECT id, user_id, payment_hash, amount_msat, send_before, taken, htlcs FROM payment
"""  # noqa: S608

# The invoice is read in the same statement: one round trip to the database less for each payment.
_RESERVE_INTERNAL_SQL = f"""
WITH invoice AS (
  SELECT user_id, state FROM invoices WHERE payment_hash = $2
    AND CASE WHEN user_id = $1 OR state = 'settled' THEN true ELSE payee_room(user_id, $5, $8, $9, $10) END
), payment AS (
  INSERT INTO payments (user_id, kind, payment_hash, payment_request, destination, amount_msat, fee_limit_msat, memo,
    description_hash)
  SELECT $1, 'internal', $2, $3, $4, $5, 0, $6, $7 FROM invoice WHERE invoice.user_id <> $1
    AND invoice.state <> 'settled'
  RETURNING id, user_id, amount_msat + fee_limit_msat AS msat
), {_RESERVED_SQL}
SELECT invoice.user_id AS payee, invoice.state, (SELECT id FROM payment) AS id FROM invoice
"""  # noqa: S608

_SETTLE_SQL = """
WITH payment AS (
  UPDATE payments SET state = 'settled', fee_msat = $2, preimage = $3, said = $4, ended_at = now() WHERE id = $1
    AND state = 'pending' RETURNING *
), transfer AS (
  INSERT INTO transfers (kind, key) SELECT 'payment', 'end:' || id FROM payment RETURNING id
), part AS (
  SELECT account.id, CASE account.kind
    WHEN 'reserved' THEN -(amount_msat + fee_limit_msat) WHEN 'available' THEN fee_limit_msat - fee_msat
    WHEN 'lightning' THEN amount_msat ELSE fee_msat END AS msat
  FROM payment, ledger_accounts account
  WHERE account.user_id = payment.user_id OR (account.user_id IS NULL AND account.kind IN ('lightning', 'fees'))
), posted AS (
  INSERT INTO entries (transfer_id, account_id, msat) SELECT transfer.id, part.id, part.msat FROM transfer, part
  WHERE part.msat <> 0 ORDER BY part.id
)
SELECT id FROM payment
"""

_RELEASE_SQL = """
WITH payment AS (
  UPDATE payments SET state = 'failed', failure = $2, said = $3, ended_at = now() WHERE id = $1 AND state = 'pending'
    RETURNING *
), transfer AS (
  INSERT INTO transfers (kind, key) SELECT 'release', 'end:' || id FROM payment RETURNING id
), posted AS (
  INSERT INTO entries (transfer_id, account_id, msat)
  SELECT transfer.id, account.id, CASE account.kind WHEN 'available' THEN 1
    ELSE -1 END * (payment.amount_msat + payment.fee_limit_msat)
  FROM payment, transfer, ledger_accounts account WHERE account.user_id = payment.user_id ORDER BY account.id
)
SELECT id FROM payment
"""

_DEPOSIT_SQL = """
WITH seen AS (
  UPDATE progress SET settle_index = $4 WHERE settle_index < $4
), invoice AS (
  UPDATE invoices SET state = 'settled', received_msat = $2, settled_at = to_timestamp($3)
  WHERE payment_hash = $1 AND state <> 'settled' RETURNING payment_hash, user_id, received_msat
), transfer AS (
  INSERT INTO transfers (kind, key) SELECT 'deposit', 'incoming:' || encode(payment_hash, 'hex') FROM invoice
    RETURNING id
), posted AS (
  INSERT INTO entries (transfer_id, account_id, msat)
  SELECT transfer.id, account.id, CASE account.kind WHEN 'available' THEN 1 ELSE -1 END * invoice.received_msat
  FROM invoice, transfer, ledger_accounts account
  WHERE (account.user_id = invoice.user_id AND account.kind = 'available') OR (account.user_id IS NULL
    AND account.kind = 'lightning')
  ORDER BY account.id
)
SELECT user_id FROM invoice
"""

# Two transfers, because two things happen once: the end of this payment, and the payment of that invoice.
_INTERNAL_SQL = """
WITH payment AS (
  UPDATE payments SET state = 'settled', fee_msat = 0, ended_at = now(),
    preimage = (SELECT preimage FROM invoices WHERE payment_hash = payments.payment_hash)
  WHERE id = $1 AND state = 'pending' AND kind = 'internal' RETURNING *
), invoice AS (
  UPDATE invoices SET state = 'settled', internal = true, received_msat = payment.amount_msat, settled_at = now()
  FROM payment WHERE invoices.payment_hash = payment.payment_hash AND invoices.state <> 'settled'
  RETURNING invoices.payment_hash, invoices.user_id
), transfer AS (
  INSERT INTO transfers (kind, key)
  SELECT 'internal_out', 'end:' || payment.id FROM payment, invoice
  UNION ALL SELECT 'internal_in', 'incoming:' || encode(invoice.payment_hash, 'hex') FROM invoice
  RETURNING id, kind
), part AS (
  SELECT transfer.id AS transfer_id, account.id AS account_id, CASE
    WHEN transfer.kind = 'internal_out' AND account.kind = 'reserved' THEN -(payment.amount_msat +
      payment.fee_limit_msat)
    WHEN transfer.kind = 'internal_out' AND account.kind = 'available' THEN payment.fee_limit_msat
    WHEN transfer.kind = 'internal_out' THEN payment.amount_msat
    WHEN account.kind = 'available' THEN payment.amount_msat
    ELSE -payment.amount_msat END AS msat
  FROM payment, invoice, transfer, ledger_accounts account
  WHERE (account.user_id IS NULL AND account.kind = 'internal')
    OR (transfer.kind = 'internal_out' AND account.user_id = payment.user_id)
    OR (transfer.kind = 'internal_in' AND account.user_id = invoice.user_id AND account.kind = 'available')
), posted AS (
  INSERT INTO entries (transfer_id, account_id, msat) SELECT transfer_id, account_id, msat FROM part WHERE msat <> 0
    ORDER BY account_id
)
SELECT preimage FROM payment
"""


# A payment or deposit of this hub over the node that could be booked to no user. A deposit has the same key as any
# other: it is booked once.
_UNEXPLAINED_SQL = """
WITH item AS (
  INSERT INTO unexplained (payment_hash, kind, user_id, amount_msat, fee_msat, reason, state, said)
    SELECT $1, $2, $3, $4, $5, $6, 'booked', $7
  WHERE NOT EXISTS (SELECT FROM payments WHERE payment_hash = $1 AND state <> 'failed')
  ON CONFLICT (payment_hash) DO UPDATE SET state = 'booked', amount_msat = $4, fee_msat = $5, said = coalesce($7,
    unexplained.said),
    acknowledged_at = CASE unexplained.state WHEN 'failed' THEN NULL ELSE unexplained.acknowledged_at END
    WHERE unexplained.state <> 'booked' RETURNING *
), transfer AS (
  INSERT INTO transfers (kind, key)
  SELECT 'unexplained', CASE kind WHEN 'deposit' THEN 'incoming:' ELSE 'unexplained:' END || encode(payment_hash, 'hex')
    FROM item
  RETURNING id
), part AS (
  SELECT account.id, CASE item.kind WHEN 'deposit' THEN -1 ELSE 1 END * CASE account.kind
    WHEN 'lightning' THEN amount_msat WHEN 'fees' THEN fee_msat ELSE -(amount_msat + fee_msat) END AS msat
  FROM item, ledger_accounts account WHERE account.user_id IS NULL
    AND account.kind IN ('lightning', 'fees', 'unexplained')
), posted AS (
  INSERT INTO entries (transfer_id, account_id, msat) SELECT transfer.id, part.id, part.msat FROM transfer, part
  WHERE part.msat <> 0 ORDER BY part.id
)
SELECT true FROM item
"""

# A payment is taken from the named user, a deposit given to him; an internal one goes from the named user to the payee.
_ASSIGN_SQL = """
WITH item AS (
  UPDATE unexplained SET state = 'booked', assigned_to = $2, acknowledged_at = coalesce(acknowledged_at, now()),
    amount_msat = CASE WHEN kind = 'internal' AND amount_msat = 0 THEN $3 ELSE amount_msat END
  WHERE payment_hash = $1 AND assigned_to IS NULL AND (state = 'booked' OR kind = 'internal') RETURNING *
), transfer AS (
  INSERT INTO transfers (kind, key) SELECT 'assigned', 'assigned:' || encode(payment_hash, 'hex') FROM item RETURNING id
), part AS (
  SELECT account.id, CASE WHEN item.kind = 'deposit' THEN -1 ELSE 1 END * CASE WHEN account.user_id = $2 THEN -1
    ELSE 1 END
    * (amount_msat + fee_msat) AS msat
  FROM item, ledger_accounts account
  WHERE (account.user_id = $2 AND account.kind = 'available')
    OR (item.kind <> 'internal' AND account.user_id IS NULL AND account.kind = 'unexplained')
    OR (item.kind = 'internal' AND account.user_id = item.user_id AND account.kind = 'available')
), posted AS (
  INSERT INTO entries (transfer_id, account_id, msat) SELECT transfer.id, part.id, part.msat FROM transfer, part
    ORDER BY part.id
)
SELECT true FROM item
"""


async def reserve(pool: Pool, wanted: WantedPayment, room: Room | None = None) -> PendingPayment:
    """Reserve amount and fee limit, and note the payment as pending. From then on it is durable.

    Args:
        room: for a payment that is to be handed to lnd.

    Raises:
        NotEnoughBalance: nothing was booked.
        AlreadyPaid: nothing was booked; a payment of this hash is pending or settled.
        Closed: nothing was booked; the ledger is not yet compared with lnd.
        NoRoom: nothing was booked.
    """
    with _refused():
        row = await db.row(
            pool,
            _RESERVE_SQL,
            wanted.user_id,
            wanted.kind,
            wanted.payment_hash,
            wanted.payment_request,
            wanted.destination,
            wanted.amount_msat,
            wanted.fee_limit_msat,
            wanted.memo,
            wanted.description_hash,
            json.dumps({str(number): value.decode() for number, value in wanted.custom_records.items()}),
            wanted.send_before,
            wanted.recovered,
            *((room.wanted, room.of_account, room.of_hub) if room else (None, None, None)),
        )
    return PendingPayment.from_row(row)


@dataclass(frozen=True)
class Reserved:
    """The result of reserve_internal.

    Attributes:
        payee: number of the user whose invoice it is.
        state: state of the invoice.
        payment_id: None if nothing was booked, because the invoice is the payer's own or is settled.
    """

    payee: int
    state: str
    payment_id: int | None


async def reserve_internal(pool: Pool, wanted: WantedPayment, limits: Limits) -> Reserved | None:
    """Reserve for a payment to another user; return None if no invoice here has the hash.

    Args:
        limits: the hub's limits, which hold for a payee that has none of its own.

    Raises:
        PayeeFull: nothing was booked; besides, the errors of reserve.
    """
    with _refused():
        row = await pool.fetchrow(
            _RESERVE_INTERNAL_SQL,
            wanted.user_id,
            wanted.payment_hash,
            wanted.payment_request,
            wanted.destination,
            wanted.amount_msat,
            wanted.memo,
            wanted.description_hash,
            limits.max_receive_msat,
            limits.max_balance_msat,
            MAX_MSAT,
        )
    return Reserved(row["payee"], row["state"], row["id"]) if row else None


@contextlib.contextmanager
def _refused() -> t.Iterator[None]:
    """Turn the database's refusal of a reservation into the hub's own error."""
    try:
        yield
    except asyncpg.CheckViolationError as error:
        if error.constraint_name == "balances_not_negative":
            raise NotEnoughBalance from error
        if error.constraint_name == "payments_open":
            raise Closed from error
        if error.constraint_name == "payee_room":
            raise PayeeFull from error
        if error.constraint_name == "payments_room_of_account":
            raise NoRoom from error
        if error.constraint_name == "payments_room_of_hub":
            raise NoRoom("too many payments of this hub are under way; nothing was booked, try again later") from error
        raise
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "payments_one_live":
            raise AlreadyPaid from error
        raise


async def settle(
    pool: Pool, payment_id: int, fee_msat: int, preimage: bytes, operator_reason: str | None = None
) -> bool:
    """End a payment that lnd has made: amount and fee leave, the rest of the reserve comes back. Return False if it had
    ended before.

    Args:
        operator_reason: the reason of the person who says so in place of lnd.
    """
    return await pool.fetchval(_SETTLE_SQL, payment_id, fee_msat, preimage, operator_reason) is not None


async def release(pool: Pool, payment_id: int, failure: str, operator_reason: str | None = None) -> bool:
    """End a payment that lnd has not made and will not make: all of the reserve comes back. Return False if it had
    ended before.

    Args:
        failure: the reason, for the user.
        operator_reason: the reason of the person who says so in place of lnd.
    """
    return await pool.fetchval(_RELEASE_SQL, payment_id, failure, operator_reason) is not None


async def deposit(
    pool: Pool, payment_hash: bytes, received_msat: int, settle_date: int, settle_index: int
) -> int | None:
    """Book an invoice that lnd reports as settled, and note that lnd's settled invoices have been read up to this one.

    Args:
        received_msat: the amount that came in; it may be more than the invoice asked for.
        settle_date: seconds since 1970.
        settle_index: lnd's index; 0 to leave the progress as it is.

    Returns:
        the number of the user; None if it is no invoice of this hub, or was booked before.
    """
    user: int | None = await pool.fetchval(_DEPOSIT_SQL, payment_hash, received_msat, float(settle_date), settle_index)
    return user


async def internal(pool: Pool, payment_id: int) -> bytes | None:
    """Book a payment between two users whose invoice can no longer be paid from outside; return the preimage, None if
    it had ended before.

    Raises:
        asyncpg.IntegrityConstraintViolationError: the invoice was paid otherwise; nothing was booked.
    """
    preimage: bytes | None = await pool.fetchval(_INTERNAL_SQL, payment_id)
    return preimage


async def unexplained(
    pool: Pool,
    payment_hash: bytes,
    kind: str,
    user_id: int | None,
    amount_msat: int,
    fee_msat: int,
    reason: str,
    operator_reason: str | None = None,
) -> bool:
    """Book a payment or deposit over the node that could be booked to no user. Return False if it was booked before.

    Args:
        kind: payment or deposit.
        user_id: the user that the mark names, though it could not be booked there.
        reason: the reason for that.
        operator_reason: the reason of the person who says so in place of lnd.
    """
    return (
        await pool.fetchval(
            _UNEXPLAINED_SQL, payment_hash, kind, user_id, amount_msat, fee_msat, reason, operator_reason
        )
        is not None
    )


async def assign(pool: Pool, payment_hash: bytes, user_id: int, amount_msat: int = 0) -> bool:
    """Book something unexplained to a user. Return False if nothing with this hash can be assigned now.

    Args:
        user_id: the user who has paid, or whose deposit it is.
        amount_msat: the amount of an internal payment whose invoice names none.

    Raises:
        NotEnoughBalance: nothing was booked.
    """
    with _refused():
        return await pool.fetchval(_ASSIGN_SQL, payment_hash, user_id, amount_msat) is not None


async def is_open(pool: Pool) -> bool:
    """Return whether users may spend: the ledger is not closed, and everything unexplained is acknowledged."""
    return bool(await pool.fetchval("SELECT ledger_open()"))


async def balance(pool: Pool, user_id: int) -> tuple[int, int]:
    """Return the amount that a user can spend, and the amount reserved for payments under way."""
    rows = await pool.fetch(
        "SELECT a.kind, b.msat FROM ledger_accounts a JOIN balances b ON b.account_id = a.id WHERE a.user_id = $1",
        user_id,
    )
    found = {row["kind"]: int(row["msat"]) for row in rows}
    return found.get("available", 0), found.get("reserved", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The sums of the whole ledger.

    Attributes:
        total_msat: the sum of all entries, which must be 0.
        drift_msat: the differences between stored balances and the sums of their entries, which must be 0.
        internal_msat: the account through which internal payments pass, which must be 0.
        owed_msat: the balances of all users, reserved amounts included.
    """

    total_msat: int
    drift_msat: int
    internal_msat: int
    owed_msat: int
    reserved_msat: int
    fees_msat: int


async def books(pool: Pool | db.Connection) -> Books:
    """Add the whole ledger up. It reads all entries: for a slow timer, not for requests."""
    row = await db.row(
        pool,
        """
        WITH sums AS (
          SELECT a.id, a.kind, a.user_id, coalesce((SELECT sum(msat) FROM entries e
            WHERE e.account_id = a.id), 0) AS msat FROM ledger_accounts a
        )
        SELECT coalesce(sum(s.msat), 0) AS total_msat, coalesce(sum(abs(s.msat - b.msat)), 0) AS drift_msat,
          coalesce(sum(s.msat) FILTER (WHERE s.kind = 'internal'), 0) AS internal_msat,
          coalesce(sum(s.msat) FILTER (WHERE s.user_id IS NOT NULL), 0) AS owed_msat,
          coalesce(sum(s.msat) FILTER (WHERE s.kind = 'reserved'), 0) AS reserved_msat,
          coalesce(sum(s.msat) FILTER (WHERE s.kind = 'fees'), 0) AS fees_msat
        FROM sums s LEFT JOIN balances b ON b.account_id = s.id
        """,
    )
    return Books(**{name: int(msat) for name, msat in row.items()})
