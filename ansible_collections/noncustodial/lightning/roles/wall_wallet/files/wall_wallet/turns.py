# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A common rate limit under which waiting keys take turns, however often one of them asks."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque


class Turns:
    """Let waiting callers go on in turn.

    Args:
        rate: turns in a second.
        burst: turns at once, after a while in which nobody came.
        each: callers that wait under one key, at most.
        keys: keys under which callers wait, at most.
        refused: the error that is raised if there is no place to wait.
    """

    def __init__(self, rate: float, burst: float, each: int, keys: int, refused: type[Exception]) -> None:
        self._rate, self._burst, self._each, self._keys, self._refused = rate, burst, each, keys, refused
        self._waiting: OrderedDict[object, deque[asyncio.Future[None]]] = OrderedDict()
        self._next = -math.inf
        self._serving: asyncio.Task[None] | None = None

    async def wait(self, key: object) -> None:
        """Wait for a turn.

        Raises:
            Exception: `refused`.
        """
        its = self._waiting.get(key)
        if len(self._waiting) >= self._keys if its is None else len(its) >= self._each:
            raise self._refused
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await turn

    async def _serve(self) -> None:
        while self._waiting:
            now = time.monotonic()
            self._next = max(self._next, now - (self._burst - 1) / self._rate)
            if self._next > now:
                await asyncio.sleep(self._next - now)
            self._next += 1 / self._rate
            # Chosen only now, so that a caller who has come meanwhile gets a turn.
            key, its = self._waiting.popitem(last=False)
            turn = its.popleft()
            if its:
                self._waiting[key] = its
            if not turn.done():
                turn.set_result(None)
