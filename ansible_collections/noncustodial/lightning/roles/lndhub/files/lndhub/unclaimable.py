# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a payment can never be claimed, although lnd calls it under way for ever.

An lnd that ends in the middle of a payment, because it is killed or its signer does not sign, may have recorded an
attempt whose HTLC was in no commitment. After its start it waits for an end of that attempt, which nothing brings, and
makes no further one (lnd: routing/router.go, resumePayments). The proof, for the HTLC of each such attempt:

1. Its time lock is over, and so are the blocks within which a late claim is confirmed.
2. lnd was started again after it was recorded. What was only in its memory is gone: if no commitment that lnd had
   signed has the HTLC, none ever will.
3. Since that start lnd has settled an HTLC of the peer's over the same channel, and knows its end off the chain. The
   update that settles it is the node's own, and comes after the HTLC's, if there was one. Its end is written when the
   peer has signed a commitment of the node's without it; and the peer may sign that only with all of the node's updates
   up to this one, because it has revoked its commitments before them (BOLT 2).
4. The node's own commitment of the channel, read after that, does not have the HTLC. So no commitment has it.
5. lnd was not started meanwhile, and its record is still the same.

A payment that was made over the channel is no proof in place of 3: a peer may send a preimage before it has revoked
anything, and lnd takes it. Nor is a channel in use: a peer that has lnd's signature and never answers could still
publish what was signed. A channel that is closed or being closed proves nothing, because lnd names no hashes of it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from .node import MARGIN_BLOCKS, Attempt, Node, OpenChannel, Payment, SettledHtlc

# Invoices among which one that was paid over the same channel is looked for.
_NEWEST_INVOICES = 200
# Seconds that may pass between two reads of the channels, and those by which lnd's start must be later than an attempt,
# so that these and the rounding of all times make no difference.
_READ_SECONDS, _APART_SECONDS = 1, 4


class Unclaimable:
    """Find out whether a payment can never be claimed."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def proven(self, record: Payment) -> bool:
        """Return whether no attempt of a payment can ever be claimed.

        Args:
            record: lnd's record of it, with its attempts.

        Raises:
            CallError: lnd does not answer.
        """
        waiting = [one for one in record.attempts if one.status == "IN_FLIGHT"]
        if record.status != "IN_FLIGHT" or not waiting or any(one.status == "SUCCEEDED" for one in record.attempts):
            return False
        if (await self._node.info()).height <= record.claimable_until + MARGIN_BLOCKS:
            return False
        for attempt in waiting:
            if not await self._never_sent(record.payment_hash, attempt):
                return False
        return await self._node.payment(record.payment_hash) == record

    async def _never_sent(self, payment_hash: bytes, attempt: Attempt) -> bool:
        """Return whether no commitment has the HTLC of an attempt."""
        first = (await self._node.channels()).get(attempt.chan_id)
        if first is None or first.seconds < 1:
            return False
        # By lnd's own clock, and before the channel is read again: so lnd's start was no earlier than that implies.
        if not await self._node.past(_moment(attempt.made + first.seconds + _APART_SECONDS)):
            return False
        second = (await self._node.channels()).get(attempt.chan_id)
        if second is None or not _follows(first, second):
            return False
        if not await self._acknowledged(attempt.chan_id, second):
            return False
        last = await self._node.channels()
        if attempt.chan_id not in last or last[attempt.chan_id].seconds < second.seconds:
            return False
        return not any(payment_hash in channel.outgoing for channel in last.values())

    async def _acknowledged(self, chan_id: int, channel: OpenChannel) -> bool:
        """Return whether the peer has acknowledged an update that lnd has made since its start."""
        for invoice in await self._node.newest_invoices(_NEWEST_INVOICES):
            for htlc in invoice.htlcs:
                if htlc.chan_id == chan_id and await self._since_start(htlc, channel):
                    end = await self._node.htlc_end(htlc)
                    if end is not None and end.settled and end.off_chain:
                        return True
        return False

    async def _since_start(self, htlc: SettledHtlc, channel: OpenChannel) -> bool:
        return htlc.settled > 0 and not await self._node.past(_moment(htlc.settled + channel.seconds))


def _follows(first: OpenChannel, second: OpenChannel) -> bool:
    """Return whether two reads of a channel are of one run of lnd, and one right after the other."""
    return 0 <= second.seconds - first.seconds <= _READ_SECONDS


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
