# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits on how often something may be requested. They are counted per process: two processes allow twice as much."""

from __future__ import annotations

import time
import typing as t

from serving import buckets

from .config import MAX_MSAT, Limits
from .errors import TooMany

# lnd splits no payment into parts of less than 10,000 sat (routing/payment_session.go, DefaultShardMinAmt).
_LEAST_PART_MSAT = 10_000_000


class Buckets(buckets.Buckets):
    """Buckets that raise TooMany when one is empty."""

    def __init__(self, rate: float, burst: float, clock: t.Callable[[], float] = time.monotonic) -> None:
        super().__init__(rate, burst, TooMany, clock)


def fee_limit(limits: Limits, amount_msat: int) -> int:
    """Return the amount reserved for the routing fees of one payment, rounded up; the user gets back what was not
    needed.
    """
    return min(limits.fee_base_msat + -(-amount_msat * limits.fee_ppm // 1_000_000), MAX_MSAT)


def parts(most: int, amount_msat: int) -> int:
    """Return the number of parts into which lnd may split a payment: no more than it would make of that amount. Each
    takes an HTLC of a channel.

    Args:
        most: the limit for any payment.
    """
    return max(1, min(most, amount_msat // _LEAST_PART_MSAT))
