# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order and duration of waiting under a common rate limit."""

from __future__ import annotations

import asyncio
import time

import pytest

from wall_wallet.turns import Turns


class Full(Exception):
    """There is no place to wait."""


def test_each_has_a_turn_after_each_other() -> None:
    async def go() -> list[str]:
        turns, order = Turns(1000.0, 1.0, 10, 3, Full), []

        async def wait(key: str) -> None:
            await turns.wait(key)
            order.append(key)

        crowd = [asyncio.create_task(wait("crowd")) for _number in range(10)]
        await asyncio.sleep(0)
        await asyncio.gather(*crowd, wait("one"), wait("other"), wait("one"))
        return order

    order = asyncio.run(go())
    assert order[:6] in (
        ["crowd", "one", "other", "crowd", "one", "crowd"],
        ["crowd", "crowd", "one", "other", "crowd", "one"],
    )
    assert order.count("crowd") == 10


def test_places_are_bounded() -> None:
    async def go() -> None:
        turns = Turns(0.0001, 1.0, 2, 3, Full)
        await turns.wait("first")
        waiting = [asyncio.create_task(turns.wait(key)) for key in ("a", "a", "b", "c")]
        await asyncio.sleep(0)
        for key in ("a", "d"):
            with pytest.raises(Full):
                await turns.wait(key)
        more = asyncio.create_task(turns.wait("b"))
        await asyncio.sleep(0)
        assert not any(one.done() for one in (*waiting, more))
        for one in (*waiting, more):
            one.cancel()
        await asyncio.gather(*waiting, more, return_exceptions=True)

    asyncio.run(go())


def test_who_goes_away_takes_no_turn() -> None:
    async def go() -> None:
        turns = Turns(1000.0, 1.0, 2, 3, Full)
        gone, stays = asyncio.create_task(turns.wait("a")), asyncio.create_task(turns.wait("a"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(stays, 10)

    asyncio.run(go())


def test_the_pace() -> None:
    async def go() -> float:
        turns = Turns(50.0, 5.0, 100, 3, Full)
        began = time.monotonic()
        await asyncio.gather(*(turns.wait("a") for _number in range(5)))
        assert time.monotonic() - began < 0.5, "a burst has no pace"
        await asyncio.gather(*(turns.wait("a") for _number in range(10)))
        return time.monotonic() - began

    # 15 turns, of which 5 at once.
    assert asyncio.run(go()) >= 0.19
