# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a settled invoice has brought its money.

lnd settles an invoice, and sends the preimage to its peer, before the commitments without the HTLC are exchanged. An
lnd that is killed in between takes the HTLC for a replayed one at its next start, and fails it: the invoice stays
settled, and the payer has the money again. Only the end of the HTLC itself shows the difference. lnd writes it down in
the transaction by which its own commitment no longer has the HTLC, or when it was claimed on the chain (channeldb:
UpdateCommitment, PutOnchainFinalHtlcOutcome), if it is told to keep it.
"""

from __future__ import annotations

import asyncio

from .node import MARGIN_BLOCKS, Invoice, Node


class Receipts:
    """Find out what settled invoices have brought."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def received(self, invoice: Invoice) -> int | None:
        """Return the msat that a settled invoice has brought for good; None as long as that can change.

        Raises:
            CallError: lnd does not answer, or does not keep the ends of HTLCs.
        """
        ends = await asyncio.gather(*(self._node.htlc_end(htlc) for htlc in invoice.htlcs))
        if not ends or (None in ends and not await self._over(invoice)):
            return None
        came = (end is None or end.settled for end in ends)
        return sum(htlc.amount_msat for htlc, one in zip(invoice.htlcs, came, strict=True) if one)

    async def _over(self, invoice: Invoice) -> bool:
        """Return whether all HTLCs have ended. One without an end in lnd's records has ended then before lnd was told
        to keep it, and what is known of it is the invoice.
        """
        return (await self._node.info()).height > max(htlc.expires for htlc in invoice.htlcs) + MARGIN_BLOCKS
