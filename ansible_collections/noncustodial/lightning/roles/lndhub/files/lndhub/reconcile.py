# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repeated look at everything that is pending: at start, on a timer, and by each process, because the process that
began it may be gone.

Before that, lnd's records are compared with the ledger, and the hub is closed until they agree: see recovery.
"""

from __future__ import annotations

import asyncio
import logging
import time
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError

from . import db, ledger
from .config import Config
from .db import Pool
from .errors import HistoryLost, HubError
from .incoming import Incoming
from .internal import Internal
from .node import AWAY_ERRORS
from .node_history import NodeHistory
from .outgoing import Outgoing
from .payment import PendingPayment
from .recovery import Recovery
from .tokens import remove_lapsed

_LOG = logging.getLogger("lndhub.reconcile")
_PAYMENTS_AT_ONCE = 8
_BATCH_PAYMENTS = 500
# One of so many rounds compares lnd's records with the ledger: by default one in five minutes.
_ROUNDS_PER_COMPARISON = 15
# Seconds between two rounds while the hub is closed, at most.
_CLOSED_INTERVAL_SECONDS = 2.0


class Reconcile:
    """Bring everything that is pending to its end."""

    def __init__(
        self,
        pool: Pool,
        history: NodeHistory,
        recovery: Recovery,
        incoming: Incoming,
        internal: Internal,
        outgoing: Outgoing,
        config: Config,
    ) -> None:
        self._pool, self._history, self._recovery, self._incoming = pool, history, recovery, incoming
        self._internal, self._outgoing = internal, outgoing
        self._every = config.service.reconcile_every
        # A process that was there before may have handed a payment to lnd that comes late. Until then each round
        # compares.
        self._settled = time.monotonic() + config.node.send_within + config.node.grace + self._every
        self._rounds = 0
        self._compared = False
        self._told: bool | None = None
        # Of those that have ended.
        self.rounds = 0
        self.open = False

    async def forever(self) -> t.NoReturn:
        """Run a round now, and then one every few seconds, for ever."""
        while True:
            every = self._every if self.open else min(self._every, _CLOSED_INTERVAL_SECONDS)
            for what in (self._compare, self.payments, self._incoming.sweep, self._tokens):
                try:
                    # What is pending in an older ledger may have ended otherwise since.
                    if self._compared or what == self._compare:
                        await what()
                except (CallError, *db.UNREACHABLE_ERRORS) as error:
                    _LOG.warning("%s is tried again in %g s: %s", what.__name__, every, error)
                except Exception:
                    # One bad row must not end the timer on which all others wait.
                    _LOG.exception("%s failed and is tried again in %g s", what.__name__, every)
            self.rounds += 1
            await asyncio.sleep(every)

    async def _compare(self) -> None:
        self._rounds += 1
        try:
            if not self.open or self._rounds % _ROUNDS_PER_COMPARISON == 0 or time.monotonic() < self._settled:
                await self._recovery.look()
                self._compared = True
            else:
                await self._history.confirm()
        except HistoryLost:
            # Nothing is looked at in an lnd that does not know what was before.
            self._compared = False
        finally:
            self.open = self._compared and await ledger.is_open(self._pool)
        if self.open is not self._told:
            self._told = self.open
            if self.open:
                _LOG.info("the hub is open")
            else:
                lost = await self._pool.fetchval("SELECT lost FROM progress")
                _LOG.error(
                    "the hub is closed: %s",
                    HistoryLost(lost) if lost else "its ledger does not agree with lnd; run lndhub reconcile",
                )

    async def payments(self) -> None:
        """Look at each pending payment that this process does not follow itself, and note of the others that lnd has
        them.

        Raises:
            CallError: lnd does not answer at all; the others are left for the next time.
        """
        last = 0
        while True:
            rows = await self._pool.fetch(
                """
                SELECT id, user_id, kind, payment_hash, amount_msat, send_before, taken, htlcs,
                  kind <> 'internal' AND NOT taken AND created_at < now() - $3 * interval '1 second' AS to_note
                FROM payments WHERE state = 'pending' AND id > $1 ORDER BY id LIMIT $2
                """,
                last,
                _BATCH_PAYMENTS,
                self._every,
            )
            mine = self._outgoing.followed | self._internal.followed
            # For those that are followed, note that lnd has them.
            left = [row for row in rows if row["id"] not in mine or row["to_note"]]
            for begin in range(0, len(left), _PAYMENTS_AT_ONCE):
                results = await asyncio.gather(
                    *(self._one(row) for row in left[begin : begin + _PAYMENTS_AT_ONCE]), return_exceptions=True
                )
                for row, result in zip(left[begin:], results, strict=False):
                    if isinstance(result, (*AWAY_ERRORS, *db.UNREACHABLE_ERRORS)):
                        raise result
                    if isinstance(result, BaseException):
                        # The others are not to wait for this one.
                        _LOG.error("payment %d stays pending: %s", row["id"], result, exc_info=result)
            if len(rows) < _BATCH_PAYMENTS:
                return
            last = rows[-1]["id"]

    async def _one(self, row: db.Record) -> None:
        if row["kind"] == "internal":
            try:
                await self._internal.finish(row["id"], row["payment_hash"])
            except HubError as ended:
                _LOG.info("internal payment %d: %s", row["id"], ended)
            return
        pending = PendingPayment.from_row(row)
        if pending.id in self._outgoing.followed:
            await self._outgoing.note(pending)
        else:
            await self._outgoing.look(pending)

    async def _tokens(self) -> None:
        await remove_lapsed(self._pool)
