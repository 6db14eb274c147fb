# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All parts of one running hub, made and closed together."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import signal
import typing as t

from serving.networks import host

from . import db
from .accounts import Accounts, Passwords, User
from .config import Config
from .errors import BadAuth, Forbidden
from .health import Health
from .incoming import Incoming
from .internal import Internal
from .limits import Buckets
from .logins import Logins
from .marks import Marks
from .metrics import Metrics
from .node import Node
from .node_history import NodeHistory
from .outgoing import Outgoing
from .paying import Paying
from .receipts import Receipts
from .reconcile import Reconcile
from .recovery import Recovery
from .signer import Signer
from .tokens import Tokens

_LOG = logging.getLogger("lndhub")
_BOOKS_INTERVAL_SECONDS = 60.0
# Seconds that payments under way are waited for at the end. systemd waits 90.
_STOP_TIMEOUT_SECONDS = 20.0


class Hub:
    """One process of the service.

    Args:
        pool: connections to the database.
        paying: connections for payments, so that a payment does not keep other requests waiting; by default the same as
            pool.
    """

    def __init__(self, config: Config, pool: db.Pool, paying: db.Pool | None = None) -> None:
        self.config, self.pool = config, pool
        paying = paying or pool
        limits = config.limits
        self.node = Node(config)
        self.tokens = Tokens(config.binary("jwt_key").strip(), config.service)
        self.accounts = Accounts(pool, limits, Passwords())
        self.marks = marks = Marks(pool)
        self.history = NodeHistory(pool, self.node)
        signer = Signer(config.node.signer_state)
        receipts = Receipts(self.node)
        self.incoming = Incoming(pool, self.node, receipts, signer, marks, config)
        self.outgoing = Outgoing(paying, self.node, self.history, marks, config)
        self.internal = Internal(paying, self.node, limits)
        self.paying = Paying(pool, self.node, self.internal, self.outgoing, signer, config)
        self.recovery = Recovery(pool, self.node, self.history, self.incoming, receipts, marks, config)
        self.reconcile = Reconcile(
            pool, self.history, self.recovery, self.incoming, self.internal, self.outgoing, config
        )
        self.health = Health(pool, self.node, signer)
        self.metrics = Metrics(pool, self.node, self.health, self.incoming, self.reconcile)
        self.requests = Buckets(limits.requests_per_second, limits.burst)
        # Of requests without a token: strangers do not displace the buckets of users.
        self.public = Buckets(limits.requests_per_second, limits.burst)
        self.logins = Logins(limits)
        self.admins = Buckets(limits.logins_per_minute / 60, limits.logins_per_minute)
        self.creates = Buckets(limits.creates_per_minute / 60, limits.creates_per_minute)
        self._admin, self._scraper = config.secret("admin_token"), config.secret("metrics_token")
        self._tasks: list[asyncio.Task[t.NoReturn]] = []

    def start(self) -> None:
        """Start the background tasks."""
        self._tasks = [
            asyncio.create_task(self.incoming.follow(), name="incoming"),
            asyncio.create_task(self.reconcile.forever(), name="reconcile"),
            asyncio.create_task(self.metrics.forever(_BOOKS_INTERVAL_SECONDS), name="metrics"),
        ]
        for task in self._tasks:
            task.add_done_callback(_ended)

    async def stop(self) -> None:
        """Stop the hub. It waits a while for payments under way; if that is too short, nothing is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.incoming.close()
        await self.outgoing.close(_STOP_TIMEOUT_SECONDS)
        await self.node.close()

    async def user(self, token: str) -> User:
        """Return the user of an access token, and count one request of that user.

        Raises:
            BadAuth: the token is of no user, or no longer valid.
            TooMany: the user makes too many requests.
        """
        access = self.tokens.read(token)
        self.requests.take(access.user_id)
        user = await self.accounts.speaking(access)
        if user is None:
            raise BadAuth
        return user

    def admin(self, token: str, address: str) -> None:
        """Refuse a request that is not the administrator's.

        Raises:
            Forbidden: it is not the admin token, or there is none.
            TooMany: there were too many wrong ones from this address.
        """
        self._check(self._admin, token, address)

    def scraper(self, token: str, address: str) -> None:
        """Refuse a request without the metrics token, or without the admin token if there is no metrics token; raises
        the same errors as admin.
        """
        self._check(self._scraper or self._admin, token, address)

    def _check(self, secret: bytes | None, token: str, address: str) -> None:
        self.admins.check(host(address))
        if not secret or not hmac.compare_digest(secret, token.encode()):
            self.admins.take(host(address))
            raise Forbidden


def _ended(task: asyncio.Task[t.NoReturn]) -> None:
    """Stop the process, because a background task has ended. None ends by itself, and the hub must not go on without
    one.
    """
    if not task.cancelled():
        _LOG.critical("the task %s ended", task.get_name(), exc_info=task.exception())
        os.kill(os.getpid(), signal.SIGTERM)


@contextlib.asynccontextmanager
async def running(config: Config) -> t.AsyncIterator[Hub]:
    """Start a hub, and stop it afterwards."""
    size = config.database.pool
    third = max(size // 3, 1)
    paying = await db.open_pool(config, third)
    pool = await db.open_pool(config, size - third) if size > third else paying
    try:
        hub = Hub(config, pool, paying)
        hub.start()
        try:
            yield hub
        finally:
            await hub.stop()
    finally:
        await asyncio.wait_for(asyncio.gather(pool.close(), paying.close()), 10)
