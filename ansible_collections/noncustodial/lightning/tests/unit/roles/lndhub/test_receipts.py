# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule by which the money of a settled invoice has come for good."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

from lndhub.node import MARGIN_BLOCKS, HtlcEnd, Info, Invoice, SettledHtlc
from lndhub.receipts import Receipts

EXPIRES = 900


class Ends:
    """A node that knows how HTLCs have ended, each by its index."""

    def __init__(self, ends: dict[int, bool | None], height: int) -> None:
        self.ends, self.height = ends, height

    async def htlc_end(self, htlc: SettledHtlc) -> HtlcEnd | None:
        settled = self.ends[htlc.index]
        return None if settled is None else HtlcEnd(settled, off_chain=True)

    async def info(self) -> Info:
        return Info("02aa", self.height, {})


def received(*ends: bool | None, height: int = EXPIRES) -> int | None:
    """Return the receipt of an invoice of as many HTLCs, of 1, 10, 100 … msat."""
    htlcs = tuple(
        SettledHtlc(chan_id=1, index=index, amount_msat=10**index, expires=EXPIRES - index)
        for index in range(len(ends))
    )
    invoice = Invoice(
        payment_hash=b"",
        state="SETTLED",
        received_msat=sum(one.amount_msat for one in htlcs),
        settle_date=0,
        settle_index=0,
        preimage=b"",
        payment_request="",
        amount_msat=0,
        memo="",
        description_hash=b"",
        created=0,
        expires=0,
        add_index=0,
        htlcs=htlcs,
    )
    return asyncio.run(Receipts(t.cast("t.Any", Ends(dict(enumerate(ends)), height))).received(invoice))


@pytest.mark.parametrize(
    ("ends", "msat"),
    [
        ((True,), 1),
        ((True, True, True), 111),
        # What went back does not count.
        ((False,), 0),
        ((True, False, True), 101),
        # As long as one is under way, nothing counts.
        ((None,), None),
        ((True, None), None),
        ((False, None), None),
        # lnd calls no invoice settled that nothing has paid.
        ((), None),
    ],
)
def test_what_has_come(ends: tuple[bool | None, ...], msat: int | None) -> None:
    assert received(*ends) == msat


@pytest.mark.parametrize(("blocks", "msat"), [(0, None), (MARGIN_BLOCKS, None), (MARGIN_BLOCKS + 1, 11), (10_000, 11)])
def test_an_end_that_lnd_did_not_keep(blocks: int, msat: int | None) -> None:
    """Long after the last HTLC could still be claimed, all have ended; the invoice is what lnd knows of them."""
    assert received(True, None, height=EXPIRES + blocks) == msat


def test_a_known_return_counts_at_any_time() -> None:
    assert received(None, False, height=EXPIRES + 10_000) == 1
