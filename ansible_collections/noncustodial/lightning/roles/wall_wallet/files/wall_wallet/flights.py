# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing of requests: callers that ask the same question at the same time share one request and its answer."""

from __future__ import annotations

import asyncio
import typing as t

AnswerT = t.TypeVar("AnswerT")


class Flights:
    """The requests that are under way, by key."""

    def __init__(self) -> None:
        self._all: dict[object, asyncio.Task[t.Any]] = {}

    async def ask(self, key: object, question: t.Callable[[], t.Coroutine[t.Any, t.Any, AnswerT]]) -> AnswerT:
        """Return the answer, or raise the error, of the request under way; begin one if there is none. A caller that is
        cancelled does not end it.
        """
        task = self._all.get(key)
        if task is None:
            task = self._all[key] = asyncio.create_task(question())
            task.add_done_callback(lambda task: self._ended(key, task))
        return t.cast("AnswerT", await asyncio.shield(task))

    def under_way(self, key: object) -> bool:
        """Return whether a request is under way, whose answer a caller would share now."""
        return key in self._all

    def _ended(self, key: object, task: asyncio.Task[t.Any]) -> None:
        del self._all[key]
        if not task.cancelled():
            # Retrieved, or asyncio warns where all callers were cancelled.
            task.exception()
