# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions that a person takes in place of lnd: the end of a payment under way, and the acceptance of another node
than the one before.

Each is refused where lnd's own record contradicts it or may still do so. It is recorded with a reason, and is done only
after the person has typed words that state its meaning. An end is booked by the same postings as one that lnd reports.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import timedelta

from . import db, ledger
from .hub import Hub
from .limits import fee_limit
from .node import MARGIN_BLOCKS

_WORDS = {
    "paid": "this payment was made",
    "failed": "this payment was not made and can never be claimed",
    "accept": "the old database of lnd is gone for good",
}

_PENDING_SQL = """
SELECT p.id, p.payment_hash, p.kind, p.user_id, u.login, p.amount_msat, p.fee_limit_msat, p.send_before, p.created_at,
  p.taken
FROM payments p JOIN users u ON u.id = p.user_id WHERE p.state = 'pending' AND p.kind <> 'internal'
"""
_UNNAMED_SQL = (
    "SELECT payment_hash, user_id, amount_msat, reason, seen_at FROM unexplained WHERE kind = 'payment' AND state ="
    " 'pending'"
)

# All of it or nothing, and nothing while a payment has no end.
_ACCEPT_SQL = """
WITH begun AS (
  INSERT INTO histories (node_id, after_invoice, after_payment, reason, found)
  SELECT $1, (SELECT coalesce(max(number), 0) FROM invoices), (SELECT coalesce(max(id), 0) FROM payments), $2, $3
  WHERE NOT EXISTS (SELECT FROM payments WHERE state = 'pending' AND kind <> 'internal')
    AND NOT EXISTS (SELECT FROM unexplained WHERE state = 'pending' AND kind = 'payment') RETURNING true
)
UPDATE progress SET lost = NULL, settle_index = 0, add_index = 0, payment_index = 0 FROM begun RETURNING closed
"""


async def pending(hub: Hub) -> int:
    """Print the payments under way over the node, and what lnd reports of each."""
    for row in await hub.pool.fetch(f"{_PENDING_SQL} ORDER BY p.id"):
        print(
            f"pending {row['payment_hash'].hex()} {row['amount_msat']} msat, fee at most {row['fee_limit_msat']} msat,"
            f" user {row['login']}, since {row['created_at']:%Y-%m-%d %H:%M:%S}:"
            f" {await _said_by_lnd(hub, row['payment_hash'])}"
        )
    for row in await hub.pool.fetch(f"{_UNNAMED_SQL} ORDER BY seen_at"):
        print(
            f"pending {row['payment_hash'].hex()} {row['amount_msat']} msat, unexplained, since"
            f" {row['seen_at']:%Y-%m-%d %H:%M:%S}: {await _said_by_lnd(hub, row['payment_hash'])}"
        )
    return 0


async def _said_by_lnd(hub: Hub, payment_hash: bytes) -> str:
    record = await hub.node.payment(payment_hash)
    if record is None:
        return "lnd does not have it"
    until = f", can be claimed up to block {record.claimable_until}" if record.claimable_until else ""
    return f"lnd says {record.status}, {record.amount_msat} msat{until}"


async def end(hub: Hub, payment_hash: bytes, outcome: str, fee_msat: int, reason: str) -> int:
    """End a payment under way in the way that a person states.

    Args:
        outcome: paid, with a preimage on standard input before the words, or failed.
        fee_msat: the routing fee that was paid, if it was paid.
        reason: the person's evidence; it is kept with the payment.

    Raises:
        ValueError: it is refused, for the reason in the message; nothing was booked.
    """
    row = await hub.pool.fetchrow(f"{_PENDING_SQL} AND p.payment_hash = $1", payment_hash)
    unnamed = row is None and await hub.pool.fetchrow(f"{_UNNAMED_SQL} AND payment_hash = $1", payment_hash)
    found = row or unnamed
    if not found:
        raise ValueError("no payment over the node with this hash is under way; nothing was booked")
    await _refuse(hub, row, payment_hash, outcome)
    print(
        f"payment {payment_hash.hex()} of {found['amount_msat']} msat: {await _said_by_lnd(hub, payment_hash)}",
        file=sys.stderr,
    )
    limit = row["fee_limit_msat"] if row else fee_limit(hub.config.limits, found["amount_msat"])
    if outcome == "paid" and fee_msat > limit:
        raise ValueError(
            f"the fee is above {limit} msat, the most that the hub puts aside for this payment; nothing was booked"
        )
    preimage = _preimage(payment_hash) if outcome == "paid" else b""
    _typed(outcome)
    # Asked again, because the typing took its time.
    other = await _refuse(hub, row, payment_hash, outcome)
    if row is None:
        done = await _end_unnamed(hub, found, outcome, fee_msat, reason)
    elif outcome == "paid":
        done = await ledger.settle(hub.pool, row["id"], fee_msat, preimage, reason)
    elif other:
        done = await _replace(hub, row["id"], reason)
    else:
        done = await ledger.release(hub.pool, row["id"], "the operator has ended it", reason)
    if not done:
        raise ValueError("it has ended meanwhile; nothing was booked")
    print(f"{outcome} {payment_hash.hex()}")
    return 0


async def _refuse(hub: Hub, row: db.Record | None, payment_hash: bytes, outcome: str) -> bool:
    """Raise ValueError where lnd's record contradicts it, or may still change; return whether lnd has made the payment
    with another amount.
    """
    if row is not None:
        last = row["send_before"] + timedelta(seconds=hub.config.node.grace)
        if not await hub.node.past(last):
            raise ValueError(
                f"lnd could still take it until {last:%H:%M:%S} UTC by its own clock; nothing was booked, try again"
                " then"
            )
    record = await hub.node.payment(payment_hash)
    if record is not None and row is not None and await hub.marks.payer(payment_hash, record.mark) != row["user_id"]:
        # It is another program's or another user's, and proves nothing about this one.
        record = None
    if record is None:
        if outcome == "paid" and row is not None and not row["taken"] and not await hub.history.difference():
            raise ValueError("lnd says that it never had it, so that it was not paid; nothing was booked")
    elif record.status == "SUCCEEDED":
        if row is None or record.amount_msat == row["amount_msat"]:
            raise ValueError("lnd says that it was made, and the hub books that by itself; nothing was booked")
        # The ledger is an older one: the user has paid it anew with another amount. This one was not made, and cannot
        # be any more.
        if outcome == "paid":
            raise ValueError(
                f"lnd says that it was made with {record.amount_msat} msat, and it is {row['amount_msat']} msat here;"
                " nothing was booked. End it as failed: what lnd has made is booked then"
            )
        return True
    elif record.status == "FAILED":
        if outcome == "paid":
            raise ValueError("lnd says that it failed; nothing was booked")
    elif not record.claimable_until:
        raise ValueError(
            "lnd is still looking for a way; nothing was booked, try again later, or restart lnd if it stays so"
        )
    else:
        height = (await hub.node.info()).height
        if height <= record.claimable_until + MARGIN_BLOCKS:
            raise ValueError(
                f"lnd says that it is under way, and that it can be claimed up to block {record.claimable_until}; now"
                f" it is block {height}. Nothing was booked, try again after block"
                f" {record.claimable_until + MARGIN_BLOCKS}"
            )
    return False


async def _replace(hub: Hub, payment_id: int, reason: str) -> bool:
    """Release a payment that lnd has made with another amount, and book lnd's payment before the user can spend the
    released amount.
    """
    print(
        "the ledger is closed until lnd's payment is booked; if that is cut short, run lndhub reconcile, which"
        " opens it",
        file=sys.stderr,
    )
    closed = await hub.pool.fetchval("UPDATE progress SET closed = true WHERE NOT closed RETURNING true")
    done = await ledger.release(hub.pool, payment_id, "the node has made it with another amount", reason)
    print(await hub.recovery.look(), file=sys.stderr)
    if closed:
        await hub.pool.execute("UPDATE progress SET closed = false")
    return done


async def _end_unnamed(hub: Hub, row: db.Record, outcome: str, fee_msat: int, operator_reason: str) -> bool:
    payment_hash = row["payment_hash"]
    if outcome == "paid":
        return await ledger.unexplained(
            hub.pool,
            payment_hash,
            "payment",
            row["user_id"],
            row["amount_msat"],
            fee_msat,
            row["reason"],
            operator_reason,
        )
    return bool(
        await hub.pool.fetchval(
            "UPDATE unexplained SET state = 'failed', said = $2 WHERE payment_hash = $1 AND state = 'pending' RETURNING"
            " true",
            payment_hash,
            operator_reason,
        )
    )


async def accept(hub: Hub, reason: str) -> int:
    """Follow the history that lnd has now, from its beginning.

    Args:
        reason: the end of the old history; it is kept with the new one.

    Raises:
        ValueError: it is refused, for the reason in the message; nothing was changed.
    """
    found = await hub.history.difference()
    if not found:
        raise ValueError("lnd is the one whose records this ledger follows; there is nothing to accept")
    left = len(await hub.pool.fetch(_PENDING_SQL)) + len(await hub.pool.fetch(_UNNAMED_SQL))
    if left:
        await pending(hub)
        raise ValueError(
            f"{left} payments are under way: say of each what became of it, with lndhub end; nothing was changed"
        )
    print(
        f"{found}. What users own stays as the ledger has it; whether the channels hold that much is for you to see.",
        file=sys.stderr,
    )
    _typed("accept")
    row = await hub.pool.fetchrow(_ACCEPT_SQL, await hub.node.node_id(), reason, found)
    if row is None:
        raise ValueError("a payment is under way; nothing was changed")
    print("accepted" + ("; run lndhub reconcile, which opens the ledger" if row["closed"] else ""))
    return 0


def _typed(command: str) -> None:
    """Ask on standard error for the words, and refuse if others are typed."""
    print(f"Type, if it is so: {_WORDS[command]}", file=sys.stderr)
    if sys.stdin.readline().strip() != _WORDS[command]:
        raise ValueError("the words were not typed; nothing was changed")


def _preimage(payment_hash: bytes) -> bytes:
    """Read the preimage from standard input. It is not an argument, because a node on the payment's way could claim the
    payment with it.
    """
    print("Preimage, 64 hexadecimal digits:", file=sys.stderr)
    try:
        preimage = bytes.fromhex(sys.stdin.readline().strip())
    except ValueError:
        preimage = b""
    if len(preimage) != 32 or hashlib.sha256(preimage).digest() != payment_hash:
        raise ValueError(
            "that is not the preimage of this payment, so that it does not prove that it was made; nothing was booked"
        )
    return preimage
