# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a payment can never be claimed: with each part of it missing, there is none."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from lndhub.node import (
    MARGIN_BLOCKS,
    Attempt,
    HtlcEnd,
    Info,
    Invoice,
    OpenChannel,
    Payment,
    SettledHtlc,
)
from lndhub.unclaimable import Unclaimable

HASH = b"h" * 32
CHANNEL, OTHER = 7, 8
EXPIRES = 900
# lnd's clock, in seconds: an attempt, lnd's start after it, an invoice that was settled since, and now.
MADE, STARTED, SETTLED, NOW = 1_000, 1_020, 1_050, 1_100
ATTEMPT = Attempt(status="IN_FLIGHT", chan_id=CHANNEL, expires=EXPIRES, made=MADE)
RECEIVED = SettledHtlc(chan_id=CHANNEL, index=3, amount_msat=1, expires=0, settled=SETTLED)


def payment(*attempts: Attempt, status: str = "IN_FLIGHT") -> Payment:
    return Payment(
        payment_hash=HASH,
        status=status,
        amount_msat=5,
        fee_msat=0,
        preimage=b"",
        failure="",
        mark=b"",
        payment_request="",
        created=MADE,
        index=1,
        attempts=attempts,
    )


def invoice(*htlcs: SettledHtlc) -> Invoice:
    return Invoice(
        payment_hash=b"",
        state="SETTLED",
        received_msat=1,
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


@dataclass
class StuckLnd:
    """A node of which each part of the proof is so; tests change one of them.

    Attributes:
        starts: lnd's start according to each read of the channels; the last one holds for all further reads.
        lists: the channels at each read, likewise, with the hashes of their outgoing HTLCs.
        later: lnd's record when it is asked again.
    """

    height: int = EXPIRES + MARGIN_BLOCKS + 1
    now: float = NOW
    starts: list[float] = field(default_factory=lambda: [STARTED])
    lists: list[dict[int, set[bytes]]] = field(default_factory=lambda: [{CHANNEL: set(), OTHER: {b"o" * 32}}])
    invoices: list[Invoice] = field(default_factory=lambda: [invoice(), invoice(RECEIVED)])
    ends: dict[int, HtlcEnd] = field(default_factory=lambda: {3: HtlcEnd(settled=True, off_chain=True)})
    later: Payment | None = field(default_factory=lambda: payment(ATTEMPT))
    reads: list[str] = field(default_factory=list)

    async def info(self) -> Info:
        self.reads.append("height")
        return Info("02aa", self.height, {})

    async def channels(self) -> dict[int, OpenChannel]:
        self.reads.append("channels")
        number = self.reads.count("channels") - 1
        start, found = (one[min(number, len(one) - 1)] for one in (self.starts, self.lists))
        return {
            name: OpenChannel(int(self.now - t.cast("float", start)), frozenset(hashes))
            for name, hashes in t.cast("dict[int, set[bytes]]", found).items()
        }

    async def past(self, moment: datetime) -> bool:
        return self.now >= moment.replace(tzinfo=UTC).timestamp()

    async def newest_invoices(self, at_most: int) -> list[Invoice]:
        self.reads.append("invoices")
        return self.invoices[:at_most]

    async def htlc_end(self, htlc: SettledHtlc) -> HtlcEnd | None:
        self.reads.append("end")
        return self.ends.get(htlc.index)

    async def payment(self, payment_hash: bytes) -> Payment | None:
        self.reads.append("payment")
        assert payment_hash == HASH
        return self.later


def proven(lnd: StuckLnd, record: Payment | None = None) -> bool:
    return asyncio.run(Unclaimable(t.cast("t.Any", lnd)).proven(record or payment(ATTEMPT)))


def test_all_parts_prove_it_in_this_order() -> None:
    lnd = StuckLnd()
    assert proven(lnd)
    assert lnd.reads == ["height", "channels", "channels", "invoices", "end", "channels", "payment"]


@pytest.mark.parametrize(
    "lnd",
    [
        pytest.param(StuckLnd(height=EXPIRES + MARGIN_BLOCKS), id="it could still be claimed"),
        pytest.param(StuckLnd(starts=[MADE - 5]), id="lnd was started before the attempt"),
        pytest.param(StuckLnd(starts=[MADE + 2]), id="lnd was started so soon after it that rounding could hide it"),
        pytest.param(StuckLnd(starts=[NOW]), id="lnd cannot say since when it runs"),
        pytest.param(StuckLnd(starts=[STARTED, STARTED - 2]), id="the second read came late"),
        pytest.param(StuckLnd(starts=[STARTED, NOW - 3]), id="lnd was started between the first reads"),
        pytest.param(StuckLnd(starts=[STARTED, STARTED, NOW - 3]), id="lnd was started before the last read"),
        pytest.param(StuckLnd(lists=[{OTHER: set()}]), id="its channel is not open"),
        pytest.param(StuckLnd(lists=[{CHANNEL: set()}, {}]), id="its channel is closed at the second read"),
        pytest.param(StuckLnd(lists=[{CHANNEL: set()}, {CHANNEL: set()}, {}]), id="its channel is closed at the last"),
        pytest.param(StuckLnd(lists=[{CHANNEL: {HASH}}]), id="its channel has the HTLC"),
        pytest.param(StuckLnd(lists=[{CHANNEL: set(), OTHER: {HASH}}]), id="another channel has it"),
        # The peer may have a commitment with the HTLC, which it has not answered.
        pytest.param(StuckLnd(invoices=[]), id="nothing came over the channel"),
        pytest.param(StuckLnd(invoices=[invoice(replace(RECEIVED, chan_id=OTHER))]), id="it came over another one"),
        pytest.param(StuckLnd(invoices=[invoice(replace(RECEIVED, settled=STARTED))]), id="it came before lnd's start"),
        pytest.param(StuckLnd(invoices=[invoice(replace(RECEIVED, settled=0))]), id="nobody knows when it came"),
        pytest.param(StuckLnd(ends={}), id="the peer has not answered since"),
        pytest.param(StuckLnd(ends={3: HtlcEnd(settled=False, off_chain=True)}), id="it went back"),
        pytest.param(StuckLnd(ends={3: HtlcEnd(settled=True, off_chain=False)}), id="it was claimed on the chain"),
        pytest.param(StuckLnd(later=None), id="lnd does not have it any more"),
        pytest.param(StuckLnd(later=payment(ATTEMPT, status="SUCCEEDED")), id="it was made meanwhile"),
        pytest.param(StuckLnd(later=payment(ATTEMPT, ATTEMPT)), id="lnd has made another attempt meanwhile"),
    ],
)
def test_without_one_part_there_is_no_proof(lnd: StuckLnd) -> None:
    assert not proven(lnd)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(payment(status="IN_FLIGHT"), id="lnd still looks for a way"),
        pytest.param(payment(replace(ATTEMPT, status="FAILED")), id="its attempts have ended"),
        pytest.param(payment(ATTEMPT, replace(ATTEMPT, status="SUCCEEDED")), id="a part was made"),
        pytest.param(payment(ATTEMPT, replace(ATTEMPT, chan_id=9)), id="a part went over another channel"),
        pytest.param(payment(ATTEMPT, replace(ATTEMPT, expires=EXPIRES + 1)), id="a part could still be claimed"),
        pytest.param(payment(ATTEMPT, replace(ATTEMPT, made=STARTED + 5)), id="a part was made since lnd's start"),
        pytest.param(payment(replace(ATTEMPT, chan_id=0)), id="its way is not known"),
        pytest.param(payment(ATTEMPT, status="INITIATED"), id="lnd has only taken it"),
        pytest.param(payment(ATTEMPT, status="SUCCEEDED"), id="it was made"),
    ],
)
def test_such_a_payment_is_left_alone(record: Payment) -> None:
    assert not proven(StuckLnd(later=record), record)


def test_several_parts_are_proven_each() -> None:
    record = payment(ATTEMPT, replace(ATTEMPT, made=MADE + 1), replace(ATTEMPT, status="FAILED", made=NOW))
    assert proven(StuckLnd(later=record), record)


def test_the_proof_may_be_of_an_older_invoice() -> None:
    """The newest ones came over another channel, or have not ended."""
    newer = [replace(RECEIVED, chan_id=OTHER), replace(RECEIVED, index=4, settled=SETTLED + 10)]
    assert proven(StuckLnd(invoices=[invoice(*newer), invoice(RECEIVED)]))
