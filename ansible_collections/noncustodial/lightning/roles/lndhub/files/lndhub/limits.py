# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often something may be asked for. Counted in this process alone: two processes allow twice as much."""

from __future__ import annotations

import time
import typing as t
from collections import OrderedDict

from .config import MAX_MSAT, Limits
from .errors import TooMany

_KEPT = 10_000
# lnd splits no payment into parts of less than 10,000 sat (routing/payment_session.go, DefaultShardMinAmt).
_LEAST_PART_MSAT = 10_000_000


class Buckets:
    """One token bucket for each key; those not used for longest are forgotten first.

    Args:
        rate: tokens that come back each second.
        burst: tokens that a fresh bucket has.
        clock: monotonic seconds.
    """

    def __init__(self, rate: float, burst: float, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def check(self, key: object) -> None:
        """Raises TooMany if no token is left; takes none."""
        if self._tokens(key) < 1:
            raise TooMany

    def take(self, key: object) -> None:
        """Take a token.

        Raises:
            TooMany: there is none.
        """
        tokens = self._tokens(key)
        if tokens < 1:
            raise TooMany
        self._buckets[key] = (tokens - 1, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)

    def used(self, key: object) -> float:
        """How much of a bucket is gone: 0 of a fresh one, 1 of an empty one."""
        return 1 - self._tokens(key) / self._burst

    def _tokens(self, key: object) -> float:
        tokens, since = self._buckets.get(key, (self._burst, 0.0))
        return min(self._burst, tokens + (self._clock() - since) * self._rate)


def fee_limit(limits: Limits, amount_msat: int) -> int:
    """What is put aside for routing fees of one payment, rounded up; the user gets back what was not needed."""
    return min(limits.fee_base_msat + -(-amount_msat * limits.fee_ppm // 1_000_000), MAX_MSAT)


def parts(most: int, amount_msat: int) -> int:
    """Into how many parts lnd may split a payment, each of which takes an HTLC of a channel: no more than it would make of that amount.

    Args:
        most: of any payment.
    """
    return max(1, min(most, amount_msat // _LEAST_PART_MSAT))
