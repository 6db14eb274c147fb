# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may try to log in: whom wrong passwords close the door to, whom they slow down, and whom they do not touch."""

from __future__ import annotations

import asyncio

import pytest

from lndhub.config import Limits
from lndhub.errors import BadAuth, TooMany
from lndhub.logins import Logins, host, network, this_machine

WRONG, RIGHT = False, True
HERE, NEXT_DOOR, ELSEWHERE = "192.0.2.1", "192.0.2.77", "198.51.100.1"


class Door:
    """The door, with a clock that stands and a record of how long each login waited."""

    def __init__(self, logins_per_minute: float = 5, sessions_per_minute: float = 100) -> None:
        self.now, self.waited = 100.0, list[float]()

        async def sleep(seconds: float) -> None:
            self.waited.append(seconds)

        limits = Limits(logins_per_minute=logins_per_minute, sessions_per_minute=sessions_per_minute)
        self._logins = Logins(limits, lambda: self.now, sleep)

    def login(self, login: str, address: str, right: bool) -> str:
        """What becomes of a login."""

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
        """What becomes of a refresh token."""
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
        """A session is renewed."""
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


def test_logins_that_wait_do_not_pile_up() -> None:
    async def go() -> int:
        opened = asyncio.Event()
        logins = Logins(Limits(logins_per_minute=1), sleep=lambda _seconds: opened.wait())
        with pytest.raises(BadAuth):
            async with logins.by_password("alice", "127.0.0.1"):
                raise BadAuth

        async def login() -> None:
            async with logins.by_password("alice", "127.0.0.1"):
                pass

        tasks = [asyncio.create_task(login()) for _turn in range(150)]
        while not any(task.done() for task in tasks):
            await asyncio.sleep(0)
        opened.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        return sum(isinstance(one, TooMany) for one in done)

    assert asyncio.run(go()) >= 50


def test_right_passwords_are_counted_too() -> None:
    door = Door(sessions_per_minute=8)
    assert [door.login(f"user{number}", HERE, RIGHT) for number in range(9)] == ["in"] * 8 + ["too many"], "of one address"
    assert [door.login("alice", f"10.0.{number}.1", RIGHT) for number in range(9)] == ["in"] * 8 + ["too many"], "of one account"
    assert door.login("bob", ELSEWHERE, RIGHT) == "in"
    for _turn in range(8):
        door.renew(1)
    with pytest.raises(TooMany):
        door.renew(1)
    door.renew(2)


def test_addresses_of_ipv6_that_cost_nothing_are_one() -> None:
    door = Door()
    assert [door.login(f"user{number}", f"2001:db8::{number}", WRONG) for number in range(6)] == ["wrong"] * 5 + ["too many"]
    assert door.login("alice", "2001:db8:0:1::1", RIGHT) == "in"
    assert (host("192.0.2.77"), host("::ffff:192.0.2.77"), host("local")) == ("192.0.2.77/32", "192.0.2.77/32", "local")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
def test_this_machine_is_not_closed_out(address: str) -> None:
    door = Door(sessions_per_minute=1000)
    assert [door.login("alice", address, WRONG) for _turn in range(20)] == ["wrong"] * 20
    assert door.login("alice", address, RIGHT) == "in"
    assert [door.refresh(address, WRONG) for _turn in range(20)] == ["wrong"] * 20
    assert door.refresh(address, RIGHT) == "in", "or one visitor whose session is over would end those of all others at the pages"


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
