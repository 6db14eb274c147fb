# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that lnd is still the one whose records the ledger follows, and not one whose database was lost and made
anew, or set back.

Such an lnd does not know earlier payments, which may still be claimed from the channels that it has lost as well. That
it does not know a payment proves nothing, so that nothing is released because of it. Its indices begin anew, so that a
comparison from where the last one ended would find nothing.

The ledger recognises lnd's history by: the id of the node; the first and the newest deposit that the ledger has booked
of it, because lnd deletes no settled invoice; the newest payment that was made; the newest payment under way that lnd
has had. If the last index of lnd's payments is below the one compared last, and no earlier payment proves that lnd has
only numbered them anew, that shows another history as well.

Another history closes the ledger, for all processes. It opens when lnd is the old one again, or when a person has ended
all payments under way and accepts the new history (by_hand.py).
"""

from __future__ import annotations

import logging

from . import db
from .db import Pool
from .errors import HistoryLost
from .node import Node

_LOG = logging.getLogger("lndhub.node_history")

# Evidence of the present history. What a person has ended is not in lnd.
_EVIDENCE_SQL = """
WITH present AS (SELECT * FROM histories ORDER BY number DESC LIMIT 1), deposits AS NOT MATERIALIZED (
  SELECT number, payment_hash FROM invoices WHERE state = 'settled' AND NOT internal
    AND number > coalesce((SELECT after_invoice FROM present), 0)
), paid AS NOT MATERIALIZED (
  SELECT id, payment_hash, state FROM payments
  WHERE kind <> 'internal' AND said IS NULL AND id > coalesce((SELECT after_payment FROM present), 0)
)
SELECT (SELECT node_id FROM present) AS node_id,
  (SELECT payment_hash FROM deposits ORDER BY number LIMIT 1) AS first_deposit,
  (SELECT payment_hash FROM deposits ORDER BY number DESC LIMIT 1) AS last_deposit,
  (SELECT payment_hash FROM paid WHERE state = 'settled' ORDER BY id DESC LIMIT 1) AS made,
  (SELECT payments.payment_hash FROM payments JOIN paid USING (id) WHERE payments.state = 'pending' AND taken
    ORDER BY id DESC LIMIT 1) AS under_way,
  payment_index, add_index FROM progress
"""


class NodeHistory:
    """Compare lnd's history with the ledger's, and note the result."""

    def __init__(self, pool: Pool, node: Node) -> None:
        self._pool, self._node = pool, node

    async def confirm(self) -> None:
        """Compare the histories now, and note the result in the ledger.

        Raises:
            HistoryLost: lnd has another history; the ledger is closed.
            CallError: lnd does not answer; nothing is noted.
        """
        lost = await self.difference()
        changed = await self._pool.fetchval(
            "UPDATE progress SET lost = $1 WHERE lost IS DISTINCT FROM $1 RETURNING true", lost or None
        )
        if lost:
            if changed:
                _LOG.error(
                    "lnd is not the one whose records this ledger follows: %s; the ledger is closed, and nothing is"
                    " released",
                    lost,
                )
            raise HistoryLost(lost)
        if changed:
            _LOG.warning("lnd is the one whose records this ledger follows again")

    async def difference(self) -> str:
        """Return the evidence that lnd has another history; empty if there is none."""
        known = await db.row(self._pool, _EVIDENCE_SQL)
        node_id = (await self._node.info()).node_id
        if known["node_id"] is None:
            await self._begin(node_id)
        elif known["node_id"] != node_id:
            return f"the node is {node_id}, and was {known['node_id']}"
        for what in ("first_deposit", "last_deposit"):
            if known[what] is not None:
                invoice = await self._node.invoice(known[what])
                if invoice is None or invoice.state != "SETTLED":
                    return f"it has not the deposit {known[what].hex()}"
        if known["made"] is not None:
            made = await self._node.payment(known["made"])
            if made is None or made.status != "SUCCEEDED":
                return f"it has not made the payment {known['made'].hex()}"
        if known["under_way"] is not None and await self._node.payment(known["under_way"]) is None:
            return f"it has no payment {known['under_way'].hex()} any more, which it had under way"
        return await self._indices(known)

    async def _begin(self, node_id: str) -> None:
        await self._pool.execute(
            "INSERT INTO histories (node_id, reason) SELECT $1, 'the first that this ledger has seen' WHERE NOT EXISTS"
            " (SELECT FROM histories)",
            node_id,
        )

    async def _indices(self, evidence: db.Record) -> str:
        """Compare from the first record on where lnd's last index is below the one compared last: lnd has numbered
        anew, or deleted failed payments.

        Return the evidence of another history, as difference does.
        """
        last = await self._node.last_payment_index()
        if last < evidence["payment_index"]:
            if evidence["made"] is None:
                return f"its last payment has the index {last}, and there was one of index {evidence['payment_index']}"
            _LOG.warning(
                "lnd's payments are compared from the first on: the last index is %d, and was %d",
                last,
                evidence["payment_index"],
            )
            await self._pool.execute(
                "UPDATE progress SET payment_index = 0 WHERE payment_index = $1", evidence["payment_index"]
            )
        last = await self._node.last_invoice_index()
        if last < evidence["add_index"]:
            _LOG.warning(
                "lnd's invoices are compared from the first on: the last index is %d, and was %d",
                last,
                evidence["add_index"],
            )
            await self._pool.execute("UPDATE progress SET add_index = 0 WHERE add_index = $1", evidence["add_index"])
        return ""
