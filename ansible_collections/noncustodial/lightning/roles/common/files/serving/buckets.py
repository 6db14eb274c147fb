# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits on how often something may be requested. They are counted per process: two processes allow twice as much."""

from __future__ import annotations

import time
import typing as t
from collections import OrderedDict

_MAX_BUCKETS = 10_000


class Buckets:
    """One token bucket for each key; those not used for longest are forgotten first.

    Args:
        rate: tokens that a bucket gets back each second.
        burst: tokens that a fresh bucket has.
        refused: the error that is raised if there is no token.
        clock: returns monotonic seconds.
    """

    def __init__(
        self, rate: float, burst: float, refused: type[Exception], clock: t.Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._refused, self._clock = rate, burst, refused, clock
        self._buckets: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def check(self, key: object) -> None:
        """Refuse if there is no token; this takes none."""
        if self._tokens(key) < 1:
            raise self._refused

    def take(self, key: object) -> None:
        """Take a token, or refuse if there is none."""
        tokens = self._tokens(key)
        if tokens < 1:
            raise self._refused
        self._buckets[key] = (tokens - 1, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)

    def used(self, key: object) -> float:
        """Return the part of a bucket that is used up: 0 of a fresh one, 1 of an empty one."""
        return 1 - self._tokens(key) / self._burst

    def _tokens(self, key: object) -> float:
        tokens, since = self._buckets.get(key, (self._burst, 0.0))
        return min(self._burst, tokens + (self._clock() - since) * self._rate)
