# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the things that the hub needs are there: its database, its node, and the signer that the node may have behind it.

A watch-only node looks healthy while its signer is away; only a signature tells. One is asked for at most every few seconds, whoever asks.
"""

from __future__ import annotations

import asyncio
import logging
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import CallError

from . import db
from .db import Pool
from .node import Node

_LOG = logging.getLogger("lndhub.health")
_KEPT = 5.0
_TIMEOUT = 4.0


@dataclass(frozen=True)
class State:
    """Each is "ok" or "down"; the signer is "unknown" while the node is down. Why is in the log, not here: anybody may read this."""

    database: str
    node: str
    signer: str

    @property
    def ok(self) -> bool:
        """Whether all are there."""
        return (self.database, self.node, self.signer) == ("ok", "ok", "ok")


class Health:
    """Looks, and remembers for some seconds."""

    def __init__(self, pool: Pool, node: Node) -> None:
        self._pool, self._node = pool, node
        self._lock = asyncio.Lock()
        self._last: tuple[float, State] | None = None

    async def state(self) -> State:
        """The present state, at most some seconds old."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _KEPT:
                database, node, signer = await asyncio.gather(
                    _answers("database", self._pool.fetchval("SELECT 1 FROM progress")),
                    _answers("node", self._node.info()),
                    _answers("signer", self._node.sign()),
                )
                # A node that is away says nothing of its signer.
                state = State(_word(database), _word(node), _word(signer) if node else "unknown")
                self._last = (time.monotonic(), state)
            return self._last[1]


def _word(there: bool) -> str:
    return "ok" if there else "down"


async def _answers(what: str, asked: t.Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(asked, _TIMEOUT)
    except (CallError, *db.UNREACHABLE, db.REFUSED) as error:
        _LOG.warning("%s: %s", what, error or type(error).__name__)
        return False
    return True
