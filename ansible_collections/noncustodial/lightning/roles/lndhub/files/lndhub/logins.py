# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits on how often somebody may try to log in. They are counted per process, as those of limits.

Wrong passwords close a login to the network that they come from, and to no other; otherwise anybody could lock out a
user whose login he knows. Where they come from many networks, each attempt with that login takes longer, with the right
password too, up to some seconds. An address from which a login has succeeded is counted by itself, and does not wait:
attempts from other addresses do not affect it. Successful logins are counted as well, because each takes processor
time. This machine itself is not counted: wall & wallet log in from here for all their users, and name the address of
the user.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
import typing as t
from collections import Counter, OrderedDict

from serving.networks import host, network

from .config import Limits
from .errors import BadAuth, TooMany
from .limits import Buckets

_MAX_DELAY_SECONDS = 3.0
"""Seconds that a login waits, at most."""

# Logins that wait at once, each of which holds a request: those of one network, and all. To fill all of them takes a
# hundred networks.
_MAX_WAITING_LOGINS_OF_NETWORK = 5
_MAX_WAITING_LOGINS = 500

# Wrong logins that a network may have for each one of an address: the owner of a network of IPv6 has 65,536 addresses
# that cost nothing.
_ADDRESSES_PER_NETWORK = 10

# Addresses from which a login has succeeded; those not used for longest are forgotten first.
_MAX_KNOWN_ADDRESSES = 10_000


def near(address: str) -> str:
    """Return the network of an address, all of whose addresses one attacker may have: a /24 of IPv4, a /48 of IPv6."""
    return network(address, ipv6=48)


def this_machine(address: str) -> bool:
    """Return whether a request comes from a program on this machine, which acts for others or for itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Logins:
    """Count logins, and refuse or delay them.

    Args:
        limits: the hub's limits; logins_per_minute holds for wrong logins, and sessions_per_minute for all.
        clock: returns monotonic seconds.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        limits: Limits,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], t.Awaitable[t.Any]] = asyncio.sleep,
    ) -> None:
        wrong, sessions = limits.logins_per_minute, limits.sessions_per_minute
        self._wrong, self._names = Buckets(wrong / 60, wrong, clock), Buckets(wrong / 60, wrong, clock)
        self._networks = Buckets(_ADDRESSES_PER_NETWORK * wrong / 60, _ADDRESSES_PER_NETWORK * wrong, clock)
        self._sessions = Buckets(sessions / 60, sessions, clock)
        self._sleep = sleep
        self._slowed = Counter[str]()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    @contextlib.asynccontextmanager
    async def by_password(self, login: str, address: str) -> t.AsyncIterator[None]:
        """Guard a login by password, the body of the `with`. It counts as right if it raises no BadAuth.

        Raises:
            TooMany: there were too many from there; the body was not run.
        """
        home, around = (login, host(address)), near(address)
        here, known = this_machine(address), home in self._known
        wrong: list[object] = [] if here else [("host", host(address)), ("home", *home) if known else (login, around)]
        networks = [] if here or known else [around]
        for key in wrong:
            self._wrong.check(key)
        for key in networks:
            self._networks.check(key)
        self._sessions.check(("login", login))
        if not here:
            self._sessions.take(("host", host(address)))
        if not known:
            await self._slow(login, around, _MAX_WAITING_LOGINS if here else _MAX_WAITING_LOGINS_OF_NETWORK)
        try:
            yield
        except BadAuth:
            _spend(self._wrong, *wrong)
            _spend(self._networks, *networks)
            _spend(self._names, login)
            raise
        _spend(self._sessions, ("login", login))
        self._remember(home)

    async def _slow(self, login: str, around: str, most: int) -> None:
        seconds = _MAX_DELAY_SECONDS * self._names.used(login) ** 2
        if seconds < 0.01:
            return
        if self._slowed[around] >= most or self._slowed.total() >= _MAX_WAITING_LOGINS:
            raise TooMany
        self._slowed[around] += 1
        try:
            await self._sleep(seconds)
        finally:
            self._slowed[around] -= 1
            if not self._slowed[around]:
                del self._slowed[around]

    def _remember(self, home: tuple[str, str]) -> None:
        self._known[home] = None
        self._known.move_to_end(home)
        if len(self._known) > _MAX_KNOWN_ADDRESSES:
            self._known.popitem(last=False)

    @contextlib.contextmanager
    def by_token(self, address: str) -> t.Iterator[None]:
        """Guard a use of a refresh token, the body of the `with`. Nobody can guess a token; wrong ones are counted to
        spare the database.
        """
        key = ("host", host(address))
        if this_machine(address):
            yield
            return
        self._wrong.check(key)
        try:
            yield
        except BadAuth:
            _spend(self._wrong, key)
            raise

    def renew(self, user_id: int) -> None:
        """Count the renewal of a session.

        Raises:
            TooMany: the account renews sessions too often.
        """
        self._sessions.take(("user", user_id))


def _spend(buckets: Buckets, *keys: object) -> None:
    """Take a token from each bucket that has one."""
    for key in keys:
        with contextlib.suppress(TooMany):
            buckets.take(key)
