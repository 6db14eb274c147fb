# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ASGI application in the process of a test, and clients of it."""

from __future__ import annotations

import asyncio
import threading
import typing as t

import httpx

_TIMEOUT_SECONDS = 30.0
ResultT = t.TypeVar("ResultT")


class Running:
    """An application between its start and its end, on a loop of its own."""

    def __init__(self, app: t.Any) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._clients: list[httpx.AsyncClient] = []
        self.run(self._begin())

    def run(self, what: t.Coroutine[t.Any, t.Any, ResultT]) -> ResultT:
        """Run a coroutine on the application's loop, and return its result."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_TIMEOUT_SECONDS)

    async def _begin(self) -> None:
        self._said: asyncio.Queue[t.Any] = asyncio.Queue()
        self._told: asyncio.Queue[t.Any] = asyncio.Queue()
        self._life = asyncio.create_task(self._app({"type": "lifespan", "state": {}}, self._told.get, self._said.put))
        await self._tell("startup")

    async def _tell(self, what: str) -> None:
        await self._told.put({"type": f"lifespan.{what}"})
        assert (await self._said.get())["type"] == f"lifespan.{what}.complete"

    def client(self, url: str) -> Client:
        """Return a client with a cookie jar of its own."""
        self._clients.append(
            httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=url, timeout=_TIMEOUT_SECONDS)
        )
        return Client(self, self._clients[-1])

    async def _end(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self._tell("shutdown")
        await self._life

    def stop(self) -> None:
        """End the application."""
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Client:
    """A client of the application, which follows no redirect by itself."""

    def __init__(self, running: Running, http: httpx.AsyncClient) -> None:
        self._running, self._http = running, http

    @property
    def cookies(self) -> httpx.Cookies:
        """The client's cookies."""
        return self._http.cookies

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send one request, and return the answer."""
        return self._running.run(self._http.request(method, path, headers=headers))

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Return a page."""
        return self.ask("GET", path, headers)

    def post(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a form without fields."""
        return self.ask("POST", path, headers)

    def at_once(
        self, paths: t.Sequence[str], headers: dict[str, str] | t.Sequence[dict[str, str]] | None = None
    ) -> list[httpx.Response]:
        """Request several pages at the same time.

        Args:
            headers: of all of them, or of each.
        """
        each = [headers] * len(paths) if headers is None or isinstance(headers, dict) else headers

        async def go() -> list[httpx.Response]:
            return await asyncio.gather(
                *(self._http.get(path, headers=its) for path, its in zip(paths, each, strict=True))
            )

        return self._running.run(go())
