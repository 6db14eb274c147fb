# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often somebody may try to log in. Counted in this process alone, as in limits.

Wrong passwords close a login to the network that they come from, and to no other, or anybody could lock out whose login he knows. Where they come
from many networks, each login of that name takes longer, right ones too, up to some seconds. Right ones are counted as well, because each
takes the processor a moment. This machine itself is not counted: wall & wallet ask from here for all their users, and name the address of who logs in.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
import typing as t

from .config import Limits
from .errors import BadAuth, TooMany
from .limits import Buckets

_SLOWEST = 3.0
"""Seconds that a login waits at most."""

# Logins that wait at once; each holds a request.
_SLOWED = 100
_IPV4, _IPV6 = 24, 64


def host(address: str) -> str:
    """What one subscriber has: an IPv4 address, or a network of IPv6, whose addresses cost nothing. What is no address is left as it is."""
    return network(address, 32)


def network(address: str, ipv4: int = _IPV4) -> str:
    """The network that an address is taken for: what one attacker may have many addresses of. What is no address is left as it is.

    Args:
        ipv4: length of its prefix there.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, ipv4 if parsed.version == 4 else _IPV6), strict=False))


def this_machine(address: str) -> bool:
    """Whether a request comes from a program here that speaks for others, or for itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Logins:
    """Lets logins pass, and counts them.

    Args:
        limits: of which logins_per_minute is for wrong ones, sessions_per_minute for all.
        clock: monotonic seconds.
        sleep: waits so many seconds.
    """

    def __init__(
        self, limits: Limits, clock: t.Callable[[], float] = time.monotonic, sleep: t.Callable[[float], t.Awaitable[t.Any]] = asyncio.sleep
    ) -> None:
        wrong, sessions = limits.logins_per_minute, limits.sessions_per_minute
        self._wrong, self._names = Buckets(wrong / 60, wrong, clock), Buckets(wrong / 60, wrong, clock)
        self._sessions = Buckets(sessions / 60, sessions, clock)
        self._sleep = sleep
        self._slowed = 0

    @contextlib.asynccontextmanager
    async def by_password(self, login: str, address: str) -> t.AsyncIterator[None]:
        """What is in it is a login by password, which is right if no BadAuth leaves it.

        Raises:
            TooMany: there were too many from there; nothing was looked at.
        """
        wrong: list[object] = [] if this_machine(address) else [("host", host(address)), (login, network(address))]
        for key in wrong:
            self._wrong.check(key)
        self._sessions.check(("login", login))
        if wrong:
            self._sessions.take(("host", host(address)))
        await self._slow(login)
        try:
            yield
        except BadAuth:
            _spend(self._wrong, *wrong)
            _spend(self._names, login)
            raise
        _spend(self._sessions, ("login", login))

    async def _slow(self, login: str) -> None:
        seconds = _SLOWEST * self._names.used(login) ** 2
        if seconds < 0.01:
            return
        if self._slowed >= _SLOWED:
            raise TooMany
        self._slowed += 1
        try:
            await self._sleep(seconds)
        finally:
            self._slowed -= 1

    @contextlib.contextmanager
    def by_token(self, address: str) -> t.Iterator[None]:
        """What is in it is a use of a refresh token, which nobody can guess; those that are not right are counted for their database's sake."""
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
        """Count a session that is renewed.

        Raises:
            TooMany: the account does so too often.
        """
        self._sessions.take(("user", user_id))


def _spend(buckets: Buckets, *keys: object) -> None:
    """Take a token of each, where there is one."""
    for key in keys:
        with contextlib.suppress(TooMany):
            buckets.take(key)
