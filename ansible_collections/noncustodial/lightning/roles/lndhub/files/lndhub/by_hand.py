# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person says in place of lnd: what became of a payment under way, and that a node that is not the one of before is accepted.

Each is refused where lnd's own record says otherwise or may still do so, is written down with a reason, and is done only after words that say what
it means were typed. An end is booked by the same postings as one that lnd reports.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import timedelta

from . import db, ledger
from .hub import Hub

# Blocks after the last one in which an HTLC can be claimed: within these, a claim that came late, or the money's return, is confirmed on chain.
_MARGIN = 144
_WORDS = {
    "paid": "this payment was made",
    "failed": "this payment was not made and can never be claimed",
    "accept": "the old database of lnd is gone for good",
}

_PENDING = """
SELECT p.id, p.payment_hash, p.kind, p.user_id, u.login, p.amount_msat, p.fee_limit_msat, p.send_before, p.created_at, p.taken
FROM payments p JOIN users u ON u.id = p.user_id WHERE p.state = 'pending' AND p.kind <> 'internal'
"""
_UNNAMED = "SELECT payment_hash, user_id, amount_msat, seen_at FROM unexplained WHERE kind = 'payment' AND state = 'pending'"

# All of it or nothing, and nothing while a payment has no end.
_ACCEPT = """
WITH begun AS (
  INSERT INTO histories (node_id, after_invoice, after_payment, reason, found)
  SELECT $1, (SELECT coalesce(max(number), 0) FROM invoices), (SELECT coalesce(max(id), 0) FROM payments), $2, $3
  WHERE NOT EXISTS (SELECT FROM payments WHERE state = 'pending' AND kind <> 'internal')
    AND NOT EXISTS (SELECT FROM unexplained WHERE state = 'pending' AND kind = 'payment') RETURNING true
)
UPDATE progress SET lost = NULL, settle_index = 0, add_index = 0, payment_index = 0 FROM begun RETURNING closed
"""


async def pending(hub: Hub) -> int:
    """Print what is under way over the node, and what lnd says of it."""
    for row in await hub.pool.fetch(f"{_PENDING} ORDER BY p.id"):
        print(
            f"pending {row['payment_hash'].hex()} {row['amount_msat']} msat, fee at most {row['fee_limit_msat']} msat, "
            f"user {row['login']}, since {row['created_at']:%Y-%m-%d %H:%M:%S}: {await _said_by_lnd(hub, row['payment_hash'])}"
        )
    for row in await hub.pool.fetch(f"{_UNNAMED} ORDER BY seen_at"):
        print(
            f"pending {row['payment_hash'].hex()} {row['amount_msat']} msat, unexplained, since {row['seen_at']:%Y-%m-%d %H:%M:%S}: "
            f"{await _said_by_lnd(hub, row['payment_hash'])}"
        )
    return 0


async def _said_by_lnd(hub: Hub, payment_hash: bytes) -> str:
    record = await hub.node.payment(payment_hash)
    if record is None:
        return "lnd does not have it"
    until = f", can be claimed up to block {record.claimable_until}" if record.claimable_until else ""
    return f"lnd says {record.status}{until}"


async def end(hub: Hub, payment_hash: bytes, how: str, fee_msat: int, reason: str) -> int:
    """End a payment under way by what a person knows of it.

    Args:
        how: paid, with a preimage on standard input before the words, or failed.
        fee_msat: that was paid for routing; of paid ones.
        reason: how the person knows; it is kept with the payment.

    Raises:
        ValueError: it is refused, with the reason; nothing was booked.
    """
    row = await hub.pool.fetchrow(f"{_PENDING} AND p.payment_hash = $1", payment_hash)
    unnamed = row is None and await hub.pool.fetchrow(f"{_UNNAMED} AND payment_hash = $1", payment_hash)
    found = row or unnamed
    if not found:
        raise ValueError("no payment over the node with this hash is under way; nothing was booked")
    await _refuse(hub, row, payment_hash, how)
    print(f"payment {payment_hash.hex()} of {found['amount_msat']} msat: {await _said_by_lnd(hub, payment_hash)}", file=sys.stderr)
    preimage = _preimage(payment_hash) if how == "paid" else b""
    _typed(how)
    # Asked again, because the typing took its time.
    await _refuse(hub, row, payment_hash, how)
    if row is None:
        done = await _end_unnamed(hub, payment_hash, how, found["amount_msat"], fee_msat, reason)
    elif how == "paid":
        if fee_msat > row["fee_limit_msat"]:
            raise ValueError(f"the fee is above {row['fee_limit_msat']} msat, what was put aside for it; nothing was booked")
        done = await ledger.settle(hub.pool, row["id"], fee_msat, preimage, reason)
    else:
        done = await ledger.release(hub.pool, row["id"], "the operator has ended it", reason)
    if not done:
        raise ValueError("it has ended meanwhile; nothing was booked")
    print(f"{how} {payment_hash.hex()}")
    return 0


async def _refuse(hub: Hub, row: db.Record | None, payment_hash: bytes, how: str) -> None:
    """Raise ValueError where lnd's record says otherwise, or may still change."""
    if row is not None:
        last = row["send_before"] + timedelta(seconds=hub.config.node.grace)
        if not await hub.node.past(last):
            raise ValueError(f"lnd could still take it until {last:%H:%M:%S} UTC by its own clock; nothing was booked, try again then")
    record = await hub.node.payment(payment_hash)
    if record is not None and row is not None and await hub.marks.payer(payment_hash, record.mark) != row["user_id"]:
        # Of another program, or another user: it says nothing of this one.
        record = None
    if record is None:
        if how == "paid" and row is not None and not row["taken"] and not await hub.history.difference():
            raise ValueError("lnd says that it never had it, so that it was not paid; nothing was booked")
    elif record.status == "SUCCEEDED":
        raise ValueError("lnd says that it was made, and the hub books that by itself; nothing was booked")
    elif record.status == "FAILED":
        if how == "paid":
            raise ValueError("lnd says that it failed; nothing was booked")
    elif not record.claimable_until:
        raise ValueError("lnd is still looking for a way; nothing was booked, try again later, or restart lnd if it stays so")
    else:
        height = (await hub.node.info()).height
        if height <= record.claimable_until + _MARGIN:
            raise ValueError(
                f"lnd says that it is under way, and that it can be claimed up to block {record.claimable_until}; now it is block {height}. "
                f"Nothing was booked, try again after block {record.claimable_until + _MARGIN}"
            )


async def _end_unnamed(hub: Hub, payment_hash: bytes, how: str, amount_msat: int, fee_msat: int, reason: str) -> bool:
    if how == "paid":
        return await ledger.unexplained(hub.pool, payment_hash, "payment", None, amount_msat, fee_msat, reason)
    return bool(
        await hub.pool.fetchval(
            "UPDATE unexplained SET state = 'failed', reason = $2 WHERE payment_hash = $1 AND state = 'pending' RETURNING true",
            payment_hash,
            reason,
        )
    )


async def accept(hub: Hub, reason: str) -> int:
    """Follow the history that lnd has now, from its beginning.

    Args:
        reason: what became of the old one; it is kept with the new one.

    Raises:
        ValueError: it is refused, with the reason; nothing was changed.
    """
    found = await hub.history.difference()
    if not found:
        raise ValueError("lnd is the one whose records this ledger follows; there is nothing to accept")
    left = len(await hub.pool.fetch(_PENDING)) + len(await hub.pool.fetch(_UNNAMED))
    if left:
        await pending(hub)
        raise ValueError(f"{left} payments are under way: say of each what became of it, with lndhub end; nothing was changed")
    print(f"{found}. What users own stays as the ledger has it; whether the channels hold that much is for you to see.", file=sys.stderr)
    _typed("accept")
    row = await hub.pool.fetchrow(_ACCEPT, await hub.node.node_id(), reason, found)
    if row is None:
        raise ValueError("a payment is under way; nothing was changed")
    print("accepted" + ("; run lndhub reconcile, which opens the ledger" if row["closed"] else ""))
    return 0


def _typed(what: str) -> None:
    """Have the words typed."""
    print(f"Type, if it is so: {_WORDS[what]}", file=sys.stderr)
    if sys.stdin.readline().strip() != _WORDS[what]:
        raise ValueError("the words were not typed; nothing was changed")


def _preimage(payment_hash: bytes) -> bytes:
    """Of standard input, for it is no argument: whoever is on the way of the payment could claim it by that."""
    print("Preimage, 64 hexadecimal digits:", file=sys.stderr)
    try:
        preimage = bytes.fromhex(sys.stdin.readline().strip())
    except ValueError:
        preimage = b""
    if len(preimage) != 32 or hashlib.sha256(preimage).digest() != payment_hash:
        raise ValueError("that is not the preimage of this payment, so that it does not prove that it was made; nothing was booked")
    return preimage
