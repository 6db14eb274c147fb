# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""200 readers look at an article while 20 others buy it, on a hub with its own limits and real lnds. Lines of figures
begin with load.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Setting, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair
from ansible_collections.noncustodial.lightning.tests.support.walls import Wall

pytestmark = [pytest.mark.chain, pytest.mark.database, pytest.mark.load]

READERS, BUYERS = 200, 20
# Each reader looks so often, seconds apart, and each waiting page asks as often as its script does at first.
LOOKS_PER_READER, LOOK_INTERVAL_SECONDS, ASK_INTERVAL_SECONDS = 6, 5.0, 0.5
ARTICLE = "/articles/signer"


class Visitor:
    """A person with an address and cookies; the address is sent here as the proxy would send it."""

    def __init__(self, http: httpx.AsyncClient, origin: str, address: str) -> None:
        self._http, self._cookies = http, ""
        self._headers = {"Accept": "text/html", "Origin": origin, "X-Forwarded-For": address}

    async def ask(self, method: str, path: str) -> httpx.Response:
        """Send one request, and return the answer."""
        answer = await self._http.request(
            method, path, headers=self._headers | ({"Cookie": self._cookies} if self._cookies else {})
        )
        if "set-cookie" in answer.headers:
            self._cookies = answer.headers["set-cookie"].partition(";")[0]
        return answer


class Load:
    """The actions, and the duration of each."""

    def __init__(self, http: httpx.AsyncClient, origin: str, pair: Pair) -> None:
        self._http, self._origin, self._pair = http, origin, pair
        self.pages: list[float] = []
        self.failed: list[tuple[int, str]] = []
        self.opened: list[float] = []

    async def read(self, address: str, after: float, bought: asyncio.Event) -> None:
        """Look at the article again and again, at least until nobody buys any more.

        Args:
            after: which part of the time between two looks passes before the first.
        """
        reader, number = Visitor(self._http, self._origin, address), 0
        await asyncio.sleep(LOOK_INTERVAL_SECONDS * after)
        while number < LOOKS_PER_READER or not bought.is_set():
            begin = time.monotonic()
            answer = await reader.ask("GET", ARTICLE)
            self.pages.append(time.monotonic() - begin)
            if answer.status_code != 402 or "Read on for" not in answer.text:
                self.failed.append((answer.status_code, answer.text[-300:]))
            number += 1
            await asyncio.sleep(max(0.0, LOOK_INTERVAL_SECONDS - (time.monotonic() - begin)))

    async def buy(self, address: str, pool: ThreadPoolExecutor) -> None:
        """Ask for an invoice, pay it, and wait until the article opens."""
        buyer = Visitor(self._http, self._origin, address)
        pressed = await buyer.ask("POST", f"{ARTICLE}/offer")
        shown = await buyer.ask("GET", ARTICLE)
        found = re.search(r"<textarea[^>]*>([^<]+)<", shown.text)
        assert found, (pressed.status_code, shown.text)
        paying = asyncio.get_running_loop().run_in_executor(pool, self._pay, found[1])
        while True:
            answer = await buyer.ask("GET", f"{ARTICLE}/status")
            if answer.status_code != 200:
                self.failed.append((answer.status_code, answer.text))
            elif answer.json()["state"] == "paid":
                break
            assert not paying.done() or time.monotonic() - paying.result() < 60, "it was paid a minute ago"
            await asyncio.sleep(ASK_INTERVAL_SECONDS)
        assert "the tenant keeps the key" in (await buyer.ask("GET", ARTICLE)).text
        self.opened.append(max(0.0, time.monotonic() - await paying))

    def _pay(self, invoice: str) -> float:
        """Pay; return the time at which it was done for the payer, which may be after it was for the payee."""
        assert self._pair.pay(invoice) == ""
        return time.monotonic()

    def say(self, when: str) -> None:
        """Print figures, in ms."""
        print(f"load: {when}, pages: {_figures(self.pages)}, {len(self.failed)} failed")
        if self.opened:
            print(f"load: {when}, opened after its payment: {_figures(self.opened)}")


def _figures(seconds: list[float]) -> str:
    ms = sorted(one * 1000 for one in seconds)
    return (
        f"{len(ms)} made, p50 {statistics.median(ms):.0f} ms, p95 {ms[int(len(ms) * 0.95)]:.0f} ms, max {ms[-1]:.0f} ms"
    )


def calls(hub: Process) -> dict[str, int]:
    """Return the number of the hub's requests by route, without those of this test."""
    text = hub.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
    counts: dict[str, int] = {}
    for route, number in re.findall(
        r'^lndhub_request_seconds_count\{route="([^"]+)",[^}]*\} (\d+)', text, re.MULTILINE
    ):
        if route not in ("/metrics", "/v2/balance"):
            counts[route] = counts.get(route, 0) + int(number)
    return counts


def since(before: t.Mapping[str, int], after: t.Mapping[str, int]) -> dict[str, int]:
    """Return the number of requests in between."""
    return {route: number - before.get(route, 0) for route, number in after.items() if number != before.get(route, 0)}


async def run(wall: Wall, pair: Pair, buyers: int) -> Load:
    """Run all readers, and so many buyers."""
    limits = httpx.Limits(max_connections=READERS + BUYERS)
    with ThreadPoolExecutor(BUYERS) as pool:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{wall.port}", timeout=60, limits=limits) as http:
            load, bought = Load(http, f"http://127.0.0.1:{wall.port}", pair), asyncio.Event()
            reading = [
                asyncio.create_task(load.read(f"10.1.{number}.1", number / READERS, bought))
                for number in range(READERS)
            ]
            try:
                await asyncio.gather(*(load.buy(f"10.2.{number}.1", pool) for number in range(buyers)))
            finally:
                bought.set()
            await asyncio.gather(*reading)
    return load


def test_200_readers_and_20_buyers(tmp_path: Path, postgres: Postgres) -> None:
    pair = Pair(tmp_path)
    hub: Process | None = None
    wall: Wall | None = None
    try:
        pair.connect()
        certificate, _admin = pair.inner.credentials()
        limits = {"requests_per_second": 20.0, "burst": 60}
        setting = Setting(
            tmp_path / "hub", postgres, pair.inner.rpcserver, certificate, baked(pair.inner), limits=limits
        ).migrate()
        hub = setting.start()
        seller = hub.user()
        wall = Wall(tmp_path / "wall", hub.url, seller).start()
        with wall.visitor() as visitor:
            until("a wall that has logged in", lambda: visitor.get("/healthz").status_code == 200)

        before = calls(hub)
        alone = asyncio.run(run(wall, pair, 0))
        cost = since(before, calls(hub))
        alone.say("alone")
        print(f"load: the hub was asked while {len(alone.pages)} pages were read: {cost}")

        before = calls(hub)
        while_they_buy = asyncio.run(run(wall, pair, BUYERS))
        said = since(before, calls(hub))
        while_they_buy.say(f"while {BUYERS} buy")
        print(f"load: the hub was asked for {BUYERS} purchases and {len(while_they_buy.pages)} pages: {said}")
        print(f"load: the wall has {wall.rss_mb():.0f} MB")

        assert cost == {}, "reading costs the hub nothing"
        assert not alone.failed
        assert not while_they_buy.failed
        assert len(while_they_buy.opened) == BUYERS
        assert said["/addinvoice"] == BUYERS
        assert statistics.median(while_they_buy.pages) < 0.5
        until("the money", lambda: seller.msat == BUYERS * 100_000)
    finally:
        if wall is not None:
            wall.close()
        if hub is not None:
            hub.stop()
        pair.stop()
