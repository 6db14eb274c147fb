# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of logins: those that wrong passwords block, those that they slow down, and those that they do not affect."""

from __future__ import annotations

import asyncio

import pytest

from lndhub.config import Limits
from lndhub.errors import BadAuth, TooMany
from lndhub.logins import Logins, this_machine
from serving.networks import host, network

WRONG, RIGHT = False, True
HERE, NEXT_DOOR, ELSEWHERE = "192.0.2.1", "192.0.2.77", "198.51.100.1"


class Door:
    """The limits, with a clock that stands still and a record of how long each login waited."""

    def __init__(self, logins_per_minute: float = 5, sessions_per_minute: float = 100) -> None:
        self.now, self.waited = 100.0, list[float]()

        async def sleep(seconds: float) -> None:
            self.waited.append(seconds)

        limits = Limits(logins_per_minute=logins_per_minute, sessions_per_minute=sessions_per_minute)
        self._logins = Logins(limits, lambda: self.now, sleep)

    def login(self, login: str, address: str, right: bool) -> str:
        """Return the result of a login."""

        async def go() -> str:
            try:
                async with self._logins.by_password(login, address):
                    if not right:
                        raise BadAuth
            except TooMany:
                return "too many"
            except BadAuth:
                return "wrong"
            return "in"

        return asyncio.run(go())

    def refresh(self, address: str, right: bool) -> str:
        """Return the result of a refresh token."""
        try:
            with self._logins.by_token(address):
                if not right:
                    raise BadAuth
        except TooMany:
            return "too many"
        except BadAuth:
            return "wrong"
        return "in"

    def renew(self, user_id: int) -> None:
        """Renew a session."""
        self._logins.renew(user_id)


def test_wrong_passwords_close_a_login_to_their_own_network_alone() -> None:
    door = Door()
    assert [door.login("alice", HERE, WRONG) for _turn in range(6)] == ["wrong"] * 5 + ["too many"]
    assert door.login("alice", HERE, RIGHT) == "too many"
    assert door.login("alice", NEXT_DOOR, RIGHT) == "too many", "who has one address of a network has all"
    assert door.login("bob", NEXT_DOOR, RIGHT) == "in", "whose neighbours log in to their own accounts"
    assert door.login("alice", ELSEWHERE, RIGHT) == "in", "and alice is not locked out"
    door.now += 60
    assert door.login("alice", HERE, RIGHT) == "in"


def test_wrong_passwords_from_many_networks_slow_a_login_down() -> None:
    door = Door()
    waits = []
    for number in range(8):
        door.waited.clear()
        assert door.login("alice", f"10.0.{number}.1", WRONG) == "wrong"
        waits.append(sum(door.waited))
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0, 3.0), "up to some seconds"
    door.waited.clear()
    assert (door.login("alice", ELSEWHERE, RIGHT), door.waited) == ("in", [3.0])
    door.waited.clear()
    assert (door.login("bob", ELSEWHERE, RIGHT), door.waited) == ("in", []), "and no other login"
    door.now += 60
    assert (door.login("alice", ELSEWHERE, RIGHT), door.waited) == ("in", [])


def of_ipv6(site: int, subnet: int) -> str:
    """Return an address with a /64 of its own in a /48."""
    return f"2001:db8:{site:x}:{subnet:x}::1"


class Rush:
    """Logins that all come at once to a login that is slowed down, and wait until the test has looked at them."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self._logins = Logins(Limits(logins_per_minute=10, sessions_per_minute=1000), lambda: 100.0, self._sleep)
        self._tasks: list[asyncio.Task[None]] = []

    async def _sleep(self, seconds: float) -> None:
        if seconds >= 3:
            await self._opened.wait()

    async def wrong(self, login: str, address: str) -> None:
        """Log in with a wrong password."""
        with pytest.raises(BadAuth):
            async with self._logins.by_password(login, address):
                raise BadAuth

    async def come(self, login: str, *addresses: str) -> list[asyncio.Task[None]]:
        """Log in rightly from each address at once; return once none can go on."""

        async def right(address: str) -> None:
            async with self._logins.by_password(login, address):
                pass

        tasks = [asyncio.create_task(right(address)) for address in addresses]
        self._tasks += tasks
        await asyncio.sleep(0)
        return tasks

    async def refused(self) -> int:
        """Let all go on, and return how many were refused."""
        self._opened.set()
        return sum(isinstance(one, TooMany) for one in await asyncio.gather(*self._tasks, return_exceptions=True))


def test_one_network_of_ipv6_locks_no_login_out() -> None:
    """The owner of a /48 has 65,536 networks that are a /64; they are one attacker."""

    async def go() -> tuple[bool, int]:
        rush = Rush()
        for subnet in range(10):
            await rush.wrong("alice", of_ipv6(1, subnet))
        # From another /48, because the first one is closed to alice by now.
        await rush.come("alice", *(of_ipv6(2, subnet) for subnet in range(150)))
        (alice,) = await rush.come("alice", ELSEWHERE)
        waits = not alice.done()
        return waits, await rush.refused() - (0 if alice.exception() is None else 1000)

    waits, refused = asyncio.run(go())
    assert waits, "she is not refused"
    assert refused == 145, "of one network few wait"


def test_logins_that_wait_do_not_pile_up() -> None:
    async def go(*addresses: str) -> int:
        rush = Rush()
        for number in range(10):
            await rush.wrong("alice", f"10.1.{number}.1")
        await rush.come("alice", *addresses)
        return await rush.refused()

    assert asyncio.run(go(*(of_ipv6(number, 0) for number in range(600)))) == 100, "of many networks"
    assert asyncio.run(go(*["127.0.0.1"] * 600)) == 100, "of this machine"
    assert asyncio.run(go(*["192.0.2.1"] * 20)) == 15, "of one network"


def test_wrong_passwords_of_a_network_of_ipv6_are_counted_together() -> None:
    door = Door()
    assert [door.login("alice", of_ipv6(1, subnet), WRONG) for subnet in range(6)] == ["wrong"] * 5 + ["too many"]
    assert door.login("alice", of_ipv6(2, 0), RIGHT) == "in"


def test_one_network_keeps_nobody_from_comparing_passwords() -> None:
    """Ten addresses' worth of wrong ones of a whole network, whatever logins they name."""
    door = Door()
    answers = [door.login(f"user{number}", of_ipv6(1, number), WRONG) for number in range(60)]
    assert answers == ["wrong"] * 50 + ["too many"] * 10
    assert [door.login(f"other{number}", f"192.0.2.{number}", WRONG) for number in range(60)] == answers, (
        "of IPv4 a /24"
    )
    assert door.login("alice", ELSEWHERE, RIGHT) == "in"


@pytest.mark.parametrize("near", ["192.0.2.{}", "2001:db8:1:{}::1"])
def test_an_address_from_which_a_login_came_in_rightly_is_counted_by_itself(near: str) -> None:
    home, next_door = near.format(1), near.format(2)
    door = Door()
    assert door.login("alice", home, RIGHT) == "in"
    for number in range(8):
        door.login("alice", f"10.0.{number}.1", WRONG)
    assert [door.login("alice", next_door, WRONG) for _turn in range(6)] == ["wrong"] * 5 + ["too many"]
    assert door.login("bob", next_door, RIGHT) == "too many", "the positive control: this address is closed"
    for number in range(60):
        door.login(f"user{number}", near.format(number + 10), WRONG)
    door.waited.clear()
    assert (door.login("alice", home, RIGHT), door.waited) == ("in", []), "neither neighbours nor the world touch it"
    assert [door.login("alice", home, WRONG) for _turn in range(6)] == ["wrong"] * 5 + ["too many"], (
        "but it guesses no faster"
    )
    assert door.login("bob", home, RIGHT) == "too many"


def test_right_passwords_are_counted_too() -> None:
    door = Door(sessions_per_minute=8)
    assert [door.login(f"user{number}", HERE, RIGHT) for number in range(9)] == ["in"] * 8 + ["too many"], (
        "of one address"
    )
    assert [door.login("alice", f"10.0.{number}.1", RIGHT) for number in range(9)] == ["in"] * 8 + ["too many"], (
        "of one account"
    )
    assert door.login("bob", ELSEWHERE, RIGHT) == "in"
    for _turn in range(8):
        door.renew(1)
    with pytest.raises(TooMany):
        door.renew(1)
    door.renew(2)


def test_addresses_of_ipv6_that_cost_nothing_are_one() -> None:
    door = Door()
    assert [door.login(f"user{number}", f"2001:db8::{number}", WRONG) for number in range(6)] == ["wrong"] * 5 + [
        "too many"
    ]
    assert door.login("alice", "2001:db8:0:1::1", RIGHT) == "in"
    assert (host("192.0.2.77"), host("::ffff:192.0.2.77"), host("local")) == ("192.0.2.77/32", "192.0.2.77/32", "local")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
def test_this_machine_is_not_closed_out(address: str) -> None:
    door = Door(sessions_per_minute=1000)
    assert [door.login("alice", address, WRONG) for _turn in range(20)] == ["wrong"] * 20
    assert door.login("alice", address, RIGHT) == "in"
    assert [door.refresh(address, WRONG) for _turn in range(20)] == ["wrong"] * 20
    assert door.refresh(address, RIGHT) == "in", (
        "or one visitor whose session is over would end those of all others at the pages"
    )


def test_wrong_refresh_tokens_are_counted_by_address() -> None:
    door = Door()
    assert [door.refresh(HERE, WRONG) for _turn in range(6)] == ["wrong"] * 5 + ["too many"]
    assert door.refresh(HERE, RIGHT) == "too many"
    assert door.refresh(NEXT_DOOR, RIGHT) == "in"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("local", "local"),
        ("", ""),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_networks(address: str, expected: str) -> None:
    assert network(address) == expected
    assert not this_machine(address)
