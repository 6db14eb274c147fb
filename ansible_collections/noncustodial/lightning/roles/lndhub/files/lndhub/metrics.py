# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures for Prometheus. Amounts are msat. Sums over the whole ledger are read on a timer, not for each scrape."""

from __future__ import annotations

import asyncio
import logging
import typing as t

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError

from . import db, ledger
from .db import Pool
from .health import Health
from .incoming import Incoming
from .node import Node
from .reconcile import Reconcile

_LOG = logging.getLogger("lndhub.metrics")
_BUCKET_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The figures of one process."""

    def __init__(self, pool: Pool, node: Node, health: Health, incoming: Incoming, reconcile: Reconcile) -> None:
        self._pool, self._node, self._health = pool, node, health
        self._incoming, self._reconcile = incoming, reconcile
        # A registry of its own, so that it holds only these figures.
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "lndhub_request_seconds",
            "Time to answer",
            ("route", "status"),
            registry=self.registry,
            buckets=_BUCKET_SECONDS,
        )
        self.errors = Counter(
            "lndhub_errors_total", "Answers that were errors, by LndHub's code", ("code",), registry=self.registry
        )
        self._books = self._gauge("books_sum_msat", "Sum of all entries of the ledger; anything but 0 is a defect")
        self._drift = self._gauge(
            "balance_drift_msat", "Balances less the sum of their entries; anything but 0 is a defect"
        )
        self._internal = self._gauge(
            "internal_msat", "Rest on the account of internal payments; anything but 0 is a defect"
        )
        self._owed = self._gauge("liabilities_msat", "What all users have, reserved included")
        self._reserved = self._gauge("reserved_msat", "Of that, reserved for payments under way")
        self._fees = self._gauge("routing_fees_msat", "Routing fees that users have paid")
        self._local = self._gauge(
            "channel_local_msat", "What the node has in its open channels; liabilities above it cannot all be paid out"
        )
        self._pending = self._gauge("pending_payments", "Payments whose end is not known")
        self._htlcs = self._gauge("pending_htlcs", "HTLCs that they may hold; users share those of the channels")
        self._oldest = self._gauge("oldest_pending_seconds", "Age of the oldest of them")
        self._awaited = self._gauge(
            "awaited_receipts", "Settled invoices that are not booked, because their channels still have the HTLCs"
        )
        self._rounds = self._gauge(
            "reconcile_rounds", "Looks of this process at all that is pending; one that stands still hangs"
        )
        self._unexplained = self._gauge(
            "unexplained", "What lnd has and the ledger cannot name, and nobody has acknowledged; the hub is closed"
        )
        self._lost = self._gauge(
            "history_lost", "Whether lnd is not the one whose records the ledger follows; the hub is closed"
        )
        self._settle_index = self._gauge("settle_index", "How far the settled invoices of the node are booked")
        self._up = Gauge("lndhub_up", "Whether a dependency answers", ("dependency",), registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"lndhub_{name}", text, registry=self.registry)

    async def forever(self, every: float) -> t.NoReturn:
        """Read the sums over the whole ledger, which is slow, at intervals for ever."""
        while True:
            try:
                books = await ledger.books(self._pool)
                self._books.set(books.total_msat)
                self._drift.set(books.drift_msat)
                self._internal.set(books.internal_msat)
                self._owed.set(books.owed_msat)
                self._reserved.set(books.reserved_msat)
                self._fees.set(books.fees_msat)
                if books.total_msat or books.drift_msat or books.internal_msat:
                    _LOG.error("the books do not balance: %s", books)
            except (*db.UNREACHABLE_ERRORS, db.REFUSED_ERROR) as error:
                _LOG.warning("the books were not added up: %s", error)
            await asyncio.sleep(every)

    async def text(self) -> bytes:
        """Return the figures in Prometheus' own format."""
        state = await self._health.state()
        for name in ("database", "node", "signer"):
            self._up.labels(name).set(getattr(state, name) == "ok")
        if state.database == "ok":
            row = await db.row(
                self._pool,
                """
                SELECT count(*) AS pending, coalesce(sum(htlcs) FILTER (WHERE kind <> 'internal'), 0) AS htlcs,
                  coalesce(extract(epoch FROM now() - min(created_at)), 0) AS oldest,
                  (SELECT settle_index FROM progress) AS settle_index, (SELECT lost IS NOT NULL FROM progress) AS lost,
                  (SELECT count(*) FROM unexplained WHERE acknowledged_at IS NULL AND state <> 'failed') AS unexplained
                    FROM payments WHERE state = 'pending'
                """,
            )
            self._pending.set(row["pending"])
            self._htlcs.set(row["htlcs"])
            self._oldest.set(float(row["oldest"]))
            self._unexplained.set(row["unexplained"])
            self._lost.set(row["lost"])
            self._settle_index.set(row["settle_index"])
        self._rounds.set(self._reconcile.rounds)
        self._awaited.set(self._incoming.awaited)
        if state.node == "ok":
            try:
                self._local.set(await self._node.local_balance())
            except CallError as error:
                _LOG.warning("the node's balance was not read: %s", error)
        return generate_latest(self.registry)
