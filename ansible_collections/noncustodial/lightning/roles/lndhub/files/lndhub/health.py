# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of the hub's dependencies: its database, its node, and the signer that the node may have.

A watch-only node looks healthy while its signer is away. The watch of its signer knows it, also while the node is
down, as it is after it was asked for a signature that did not come. Where nobody watches only a signature shows it. One
is requested at most every few seconds, however many requests for the state there are.
"""

from __future__ import annotations

import asyncio
import logging
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError

from . import db
from .db import Pool
from .node import Node
from .signer import Signer

_LOG = logging.getLogger("lndhub.health")
_HEALTH_CACHE_SECONDS = 5.0
_TIMEOUT_SECONDS = 4.0


@dataclass(frozen=True)
class HealthState:
    """The state of each dependency: "ok" or "down"; a signer that nobody watches is "unknown" while the node is down.
    Reasons are only in the log: anybody may read this.
    """

    database: str
    node: str
    signer: str

    @property
    def ok(self) -> bool:
        """True if all are "ok"."""
        return (self.database, self.node, self.signer) == ("ok", "ok", "ok")


class Health:
    """Look at the dependencies, and keep the result for some seconds."""

    def __init__(self, pool: Pool, node: Node, signer: Signer) -> None:
        self._pool, self._node, self._signer = pool, node, signer
        self._lock = asyncio.Lock()
        self._last: tuple[float, HealthState] | None = None

    async def state(self) -> HealthState:
        """Return the present state, at most some seconds old; of a signer that is watched the newest."""
        state = await self._asked()
        watched = self._signer.state()
        return replace(state, signer=_word(watched == "ok")) if watched else state

    async def _asked(self) -> HealthState:
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _HEALTH_CACHE_SECONDS:
                database, node, signer = await asyncio.gather(
                    _answers("database", self._pool.fetchval("SELECT 1 FROM progress")),
                    _answers("node", self._node.info()),
                    _answers("signer", self._signs()),
                )
                # A node that is away shows nothing of its signer.
                state = HealthState(_word(database), _word(node), _word(signer) if node else "unknown")
                self._last = (time.monotonic(), state)
            return self._last[1]

    async def _signs(self) -> None:
        """Have the node sign, unless its signer is watched."""
        if not self._signer.state():
            await self._node.sign()


def _word(answers: bool) -> str:
    return "ok" if answers else "down"


async def _answers(part: str, call: t.Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(call, _TIMEOUT_SECONDS)
    except (CallError, *db.UNREACHABLE_ERRORS, db.REFUSED_ERROR) as error:
        _LOG.warning("%s: %s", part, error or type(error).__name__)
        return False
    return True
