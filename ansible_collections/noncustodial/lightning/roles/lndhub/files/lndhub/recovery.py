# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recovery of lnd's records that the ledger lacks because it is an older one: restored from a backup, or of a
server that lost its last commits.

A payment is in the ledger before it is in lnd, and nobody sees an invoice before it is in the ledger. So a payment of
this hub in lnd that the ledger does not have, or a settled invoice, proves that the ledger has lost something: nobody
has to report that it was restored. Marks show which records are of this hub, and of which user. lnd's lists are read
from where they were last compared; that place is in the ledger, so that a restored one has an older place.

A record with a user is booked by the usual postings. One without a user, or one that the user's balance does not cover,
is booked as unexplained, so that the books agree with lnd at once, and the ledger stays closed until a person has
acknowledged each, or assigned it to a user.

Payments between users leave one trace in lnd, a canceled invoice, and only until it expires. They are found here, but
not who has paid.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import ledger, node
from .config import Config
from .db import Pool
from .errors import NotEnoughBalance
from .incoming import Incoming
from .limits import fee_limit
from .marks import Marks
from .node import Node
from .node_history import NodeHistory
from .payment import WantedPayment
from .receipts import Receipts

_LOG = logging.getLogger("lndhub.recovery")
# Any number: held by the process that compares.
_LOCK_ID = 6_845_203
# Seconds to wait for that lock: another process may have much to compare.
_LOCK_TIMEOUT_SECONDS = 600.0
_PAGE_RECORDS = 500
# Seconds. Of two records made at once lnd may show the second first, and a process may just be noting an invoice that
# it has made: what is younger is read again by the next look.
_YOUNG_SECONDS = 60


# Counted up while the records are compared.
@dataclass(slots=True, kw_only=True)
class RecoveryCounts:
    """Numbers of the records that one comparison has found and that the ledger had lost.

    Attributes:
        expired: invoices that have expired and that lnd has canceled; if one user paid such an invoice to another, that
            cannot be seen.
    """

    invoices: int = 0
    deposits: int = 0
    payments: int = 0
    unexplained: int = 0
    expired: int = 0

    def __str__(self) -> str:
        return (
            f"recovered {self.invoices} invoices, {self.deposits} deposits, {self.payments} payments; new unexplained:"
            f" {self.unexplained}; expired unpaid: {self.expired}"
        )


class Recovery:
    """Compare lnd's records with the ledger, and book those that the ledger has lost. Only one process does so at a
    time.

    If two did, one could find a balance too small for a payment just before the other has booked the deposit that the
    payment was made from.
    """

    def __init__(
        self,
        pool: Pool,
        lnd: Node,
        history: NodeHistory,
        incoming: Incoming,
        receipts: Receipts,
        marks: Marks,
        config: Config,
    ) -> None:
        self._pool, self._node, self._history, self._incoming = pool, lnd, history, incoming
        self._receipts, self._marks, self._config = receipts, marks, config

    async def look(self, restored: bool = False) -> RecoveryCounts:
        """Compare all that is new in lnd since the last comparison.

        Args:
            restored: whether the ledger is known to be an older one, even if nothing in lnd shows it.

        Raises:
            HistoryLost: lnd is not the one whose records the ledger follows; nothing was compared.
            CallError: lnd does not answer; what was found before is booked.
        """
        async with self._pool.acquire() as connection:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_ID, timeout=_LOCK_TIMEOUT_SECONDS)
            try:
                return await self._look(restored)
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_ID)

    async def _look(self, restored: bool) -> RecoveryCounts:
        counts = RecoveryCounts()
        await self._history.confirm()
        await self._invoices(restored, counts)
        lost, place = await self._lost_payments()
        lost += await self._made_after_all()
        if restored or lost or counts != RecoveryCounts():
            if not restored:
                # That it is an older one is known now, so that the young ones are lost as well.
                await self._invoices(True, counts)
            # What came in comes first, whether the ledger knew of it or not: what left was paid from it.
            await self._canceled(counts)
            await self._incoming.sweep(everything=True)
        for record in lost:
            await self._recover(record, counts)
        # Only now, so that a look that ends before this is done again.
        await self._pool.execute("UPDATE progress SET payment_index = $1 WHERE payment_index < $1", place)
        await self._unended()
        if counts != RecoveryCounts():
            _LOG.warning("the ledger was older than lnd's records: %s", counts)
        return counts

    # --- what came in

    async def _invoices(self, all_of_them: bool, counts: RecoveryCounts) -> None:
        """Compare invoices: those that are settled, and others unless they are young; or all."""
        place = await self._pool.fetchval("SELECT add_index FROM progress")
        keep = place
        settled, young = True, time.time() - _YOUNG_SECONDS
        while True:
            page = await self._node.invoices_after(place, _PAGE_RECORDS)
            known = await self._known(page)
            for invoice in page:
                place = invoice.add_index
                is_young = invoice.created > young
                settled = settled and not is_young
                if (
                    invoice.payment_hash not in known
                    and (all_of_them or not is_young or invoice.state == "SETTLED")
                    and not await self._lost_invoice(invoice, counts)
                ):
                    settled = False
                keep = place if settled else keep
            if len(page) < _PAGE_RECORDS:
                break
        await self._pool.execute("UPDATE progress SET add_index = $1 WHERE add_index < $1", keep)

    async def _known(self, invoices: list[node.Invoice]) -> set[bytes]:
        """Return the hashes that the ledger has, as invoices or unexplained."""
        rows = await self._pool.fetch(
            """
            SELECT payment_hash FROM invoices WHERE payment_hash = ANY($1)
            UNION SELECT payment_hash FROM unexplained WHERE payment_hash = ANY($1)
            """,
            [invoice.payment_hash for invoice in invoices],
        )
        return {row["payment_hash"] for row in rows}

    async def _lost_invoice(self, invoice: node.Invoice, counts: RecoveryCounts) -> bool:
        """Note an invoice that the ledger has lost; return False if it is to be looked at again."""
        payee = await self._marks.payee(invoice.preimage)
        if payee is None:
            # Not of this hub.
            return True
        if await self._is_user(payee):
            await self._pool.execute(
                """
                INSERT INTO invoices (payment_hash, user_id, preimage, payment_request, amount_msat, memo,
                  description_hash, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8)) ON CONFLICT DO NOTHING
                """,
                invoice.payment_hash,
                payee,
                invoice.preimage,
                invoice.payment_request,
                invoice.amount_msat,
                invoice.memo,
                invoice.description_hash.hex(),
                float(invoice.expires),
            )
            counts.invoices += 1
            # The sweep that follows books what it has brought.
            counts.deposits += invoice.state == "SETTLED"
            return True
        # Nobody here could be given what it brings, so that from now on it brings nothing.
        if await self._node.cancel(invoice.payment_hash):
            return True
        paid = await self._node.invoice(invoice.payment_hash)
        if paid is None or paid.state != "SETTLED":
            return True
        received_msat = await self._receipts.received(paid)
        if received_msat:
            await ledger.unexplained(
                self._pool,
                paid.payment_hash,
                "deposit",
                payee,
                received_msat,
                0,
                f"user {payee} is not in this ledger",
            )
            counts.unexplained += 1
        return received_msat is not None

    async def _canceled(self, counts: RecoveryCounts) -> None:
        """Note invoices that lnd has canceled before their expiry: only a payment between users does that, and the
        ledger has none of them.
        """
        rows = await self._pool.fetch("""
            SELECT payment_hash, expires_at > now() AS valid FROM invoices i WHERE state = 'open'
              AND NOT EXISTS (SELECT FROM payments p WHERE p.payment_hash = i.payment_hash AND p.state = 'pending')
                ORDER BY number
            """)
        for row in rows:
            invoice = await self._node.invoice(row["payment_hash"])
            if invoice is None or invoice.state != "CANCELED":
                continue
            if not row["valid"]:
                counts.expired += 1
                continue
            # A payment between users may have begun or ended since the list was read. It is in the ledger before lnd
            # cancels the invoice.
            counts.unexplained += await self._pool.fetchval(
                """
                WITH noted AS (
                  INSERT INTO unexplained (payment_hash, kind, user_id, amount_msat, reason)
                  SELECT payment_hash, 'internal', user_id, amount_msat,
                    'another user has paid it, and lnd does not know who' FROM invoices i
                  WHERE payment_hash = $1 AND state = 'open'
                    AND NOT EXISTS (SELECT FROM payments p WHERE p.payment_hash = i.payment_hash
                      AND p.state = 'pending')
                  ON CONFLICT DO NOTHING RETURNING 1
                ) SELECT count(*) FROM noted
                """,
                row["payment_hash"],
            )

    # --- what left

    async def _lost_payments(self) -> tuple[list[node.Payment], int]:
        """Return payments of this hub that the ledger does not have, and the index up to which lnd's list need not be
        read again.
        """
        place = await self._pool.fetchval("SELECT payment_index FROM progress")
        lost: list[node.Payment] = []
        keep = place
        settled, young = True, time.time() - _YOUNG_SECONDS
        while True:
            page = await self._node.payments_after(place, _PAGE_RECORDS)
            # Read after lnd's list: whatever is there was in the ledger before.
            rows = await self._pool.fetch(
                """
                SELECT payment_hash, id, user_id, state FROM payments WHERE state <> 'failed' AND payment_hash = ANY($1)
                UNION ALL SELECT payment_hash, NULL, NULL, 'unexplained' FROM unexplained WHERE state <> 'failed'
                  AND payment_hash = ANY($1)
                """,
                [record.payment_hash for record in page],
            )
            live = {row["payment_hash"]: row for row in rows}
            ended = await self._pool.fetch(
                """
                SELECT payment_hash, user_id FROM payments WHERE state = 'failed' AND said IS NOT NULL
                  AND payment_hash = ANY($1)
                UNION SELECT payment_hash, user_id FROM unexplained WHERE state = 'failed' AND said IS NOT NULL
                  AND payment_hash = ANY($1)
                """,
                [record.payment_hash for record in page],
            )
            by_hand = {(row["payment_hash"], row["user_id"]) for row in ended}
            for record in page:
                place = record.index
                settled = settled and record.created <= young
                keep = place if settled else keep
                payer = await self._marks.payer(record.payment_hash, record.mark)
                if payer is None or record.status == "FAILED":
                    # It is somebody else's on this node, such as another hub's; or nothing has moved.
                    continue
                row = live.get(record.payment_hash)
                if row is None and (record.payment_hash, payer) in by_hand:
                    # A person has ended it, though lnd waits for it for ever. If lnd makes it after all,
                    # _made_after_all finds it.
                    continue
                if row is None:
                    lost.append(record)
                elif row["state"] == "pending" and payer != row["user_id"]:
                    # The one in the ledger had failed, and another user has paid the invoice since.
                    await ledger.release(self._pool, row["id"], "another user has paid it")
                    lost.append(record)
            if len(page) < _PAGE_RECORDS:
                return lost, keep

    async def _made_after_all(self) -> list[node.Payment]:
        """Return payments that lnd has made, though a person has said that they failed."""
        rows = await self._pool.fetch("""
            SELECT payment_hash FROM (
              SELECT payment_hash FROM payments WHERE said IS NOT NULL AND state = 'failed'
              UNION SELECT payment_hash FROM unexplained WHERE said IS NOT NULL AND state = 'failed'
            ) p WHERE NOT EXISTS (SELECT FROM payments o WHERE o.payment_hash = p.payment_hash AND o.state <> 'failed')
              AND NOT EXISTS (SELECT FROM unexplained u WHERE u.payment_hash = p.payment_hash AND u.state <> 'failed')
            """)
        records = [await self._node.payment(row["payment_hash"]) for row in rows]
        made = [record for record in records if record is not None and record.status == "SUCCEEDED"]
        # Somebody else may have paid the same invoice with this node since.
        return [record for record in made if await self._marks.payer(record.payment_hash, record.mark) is not None]

    async def _recover(self, record: node.Payment, counts: RecoveryCounts) -> None:
        # It may have ended since it was listed, and the list leaves out the hops, and with them the fee: only lnd's own
        # record of this payment may be booked.
        now = await self._node.payment(record.payment_hash)
        if now is None or now.status == "FAILED":
            return
        record = now
        payer = await self._marks.payer(record.payment_hash, record.mark)
        if payer is None:
            return
        if not await self._is_user(payer):
            await self._unexplained(record, payer, f"user {payer} is not in this ledger", counts)
        else:
            try:
                pending = await ledger.reserve(self._pool, await self._wanted(record, payer))
            except ledger.AlreadyPaid:
                # Another process has found it as well.
                return
            except NotEnoughBalance:
                await self._unexplained(record, payer, f"the balance of user {payer} does not cover it", counts)
                return
            if record.ended:
                await ledger.settle(self._pool, pending.id, record.fee_msat, record.preimage)
            counts.payments += 1

    async def _wanted(self, record: node.Payment, payer: int) -> WantedPayment:
        request = await self._node.decode(record.payment_request) if record.payment_request else None
        settings = self._config.node
        return WantedPayment(
            user_id=payer,
            kind="bolt11" if record.payment_request else "keysend",
            payment_hash=record.payment_hash,
            payment_request=record.payment_request,
            destination=request.destination if request else "",
            amount_msat=record.amount_msat,
            fee_limit_msat=record.fee_msat if record.ended else fee_limit(self._config.limits, record.amount_msat),
            memo=request.memo if request else "",
            description_hash=request.description_hash if request else "",
            send_before=datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=settings.send_within),
            recovered=True,
        )

    async def _unexplained(self, record: node.Payment, payer: int, reason: str, counts: RecoveryCounts) -> None:
        counts.unexplained += 1
        if record.ended:
            await ledger.unexplained(
                self._pool, record.payment_hash, "payment", payer, record.amount_msat, record.fee_msat, reason
            )
            return
        await self._pool.execute(
            """
            INSERT INTO unexplained (payment_hash, kind, user_id, amount_msat, reason)
              VALUES ($1, 'payment', $2, $3, $4)
            ON CONFLICT (payment_hash) DO UPDATE SET state = 'pending', acknowledged_at = NULL
              WHERE unexplained.state = 'failed' AND unexplained.said IS NULL
            """,
            record.payment_hash,
            payer,
            record.amount_msat,
            reason,
        )

    async def _unended(self) -> None:
        """Book the ends of unexplained payments that were under way."""
        for row in await self._pool.fetch(
            "SELECT payment_hash, reason FROM unexplained WHERE kind = 'payment' AND state = 'pending'"
        ):
            record = await self._node.payment(row["payment_hash"])
            if record is None or record.status == "FAILED":
                # Another lnd's answer proves nothing.
                await self._history.confirm()
                await self._pool.execute(
                    "UPDATE unexplained SET state = 'failed' WHERE payment_hash = $1 AND state = 'pending'",
                    row["payment_hash"],
                )
            elif record.ended:
                await ledger.unexplained(
                    self._pool, record.payment_hash, "payment", None, record.amount_msat, record.fee_msat, row["reason"]
                )

    async def _is_user(self, number: int) -> bool:
        return bool(await self._pool.fetchval("SELECT true FROM users WHERE id = $1", number))
