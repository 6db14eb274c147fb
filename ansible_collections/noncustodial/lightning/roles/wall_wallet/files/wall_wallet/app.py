# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASGI application. It uses only Starlette, on which FastAPI is built: pages need no description of an API."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import typing as t

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from . import wall, wallet
from .config import Config
from .hub import Account, AccountRefused, Away, BadAuth, HubClient, Refused
from .offers import Offers
from .pages import HERE, Headers, LoggedOut, Problem, SharedState, go, page, state_of
from .receipts import Receipts

_LOG = logging.getLogger("wall_wallet")
_HEALTH_CACHE_SECONDS = 5.0


class Health:
    """The health of the service: whether the hub answers, and accepts the wall's account. It is checked every few
    seconds at most.
    """

    def __init__(self, hub: HubClient, account: Account | None) -> None:
        self._hub, self._account = hub, account
        self._lock = asyncio.Lock()
        self._last: tuple[float, dict[str, str]] | None = None

    async def state(self) -> dict[str, str]:
        """Return the state of each: "ok" or "down"; account is "refused" if the hub refuses it, "unknown" without a
        hub, "none" without articles.
        """
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _HEALTH_CACHE_SECONDS:
                self._last = (time.monotonic(), await self._look())
            return self._last[1]

    async def _look(self) -> dict[str, str]:
        try:
            if self._account is None:
                # To a request without a token every hub answers that one is missing.
                with contextlib.suppress(Refused):
                    await self._hub.ask("GET", "/balance")
                return {"status": "ok", "hub": "ok", "account": "none"}
            await self._account.balance()
        except AccountRefused:
            return {"status": "down", "hub": "ok", "account": "refused"}
        except (Away, Refused) as error:
            _LOG.warning("the hub: %s", error)
            return {"status": "down", "hub": "down", "account": "unknown"}
        return {"status": "ok", "hub": "ok", "account": "ok"}


async def _healthz(request: Request) -> Response:
    """Report the state; the HTTP status is 200 if all is well, else 503."""
    state = await request.app.state.health.state()
    return JSONResponse(state, 200 if state["status"] == "ok" else 503)


def _handlers() -> dict[t.Any, t.Any]:
    def problem(request: Request, title: str, text: str, status: int) -> Response:
        if request.url.path.endswith("/status"):
            return JSONResponse({"state": "error"}, status)
        return page(request, "problem.html", status, title=title, text=text)

    async def own(request: Request, error: Problem) -> Response:
        return problem(request, error.title, error.text, error.status)

    async def logged_out(request: Request, error: Exception) -> Response:
        if isinstance(error, BadAuth):
            # The hub has ended the session: what is left of it here is of no use.
            state = state_of(request)
            state.sessions.end(request.cookies.get(state.cookie, ""))
        return go("/login")

    async def refused(request: Request, error: Refused) -> Response:
        return problem(request, "The hub says no", error.message, error.http_status)

    async def away(request: Request, error: Away) -> Response:
        _LOG.warning("%s %s: the hub: %s", request.method, request.url.path, error)
        return problem(request, "The hub does not answer", "Your money is where it was. Try again in a while.", 503)

    async def http(request: Request, error: HTTPException) -> Response:
        titles = {404: "There is no page here", 405: "Not like that"}
        response = problem(
            request,
            titles.get(error.status_code, "That did not work"),
            "Go back, or begin at the start.",
            error.status_code,
        )
        # For a method that a page does not have: the ones that it has (RFC 9110, section 15.5.6).
        response.headers.update(error.headers or {})
        return response

    async def unknown(request: Request, error: Exception) -> Response:
        return problem(
            request, "Something went wrong", "It is in our log. Look at your history before you pay again.", 500
        )

    return {
        Problem: own,
        LoggedOut: logged_out,
        BadAuth: logged_out,
        Refused: refused,
        Away: away,
        HTTPException: http,
        Exception: unknown,
    }


def make(config: Config) -> Headers:
    """Return the application for one configuration."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> t.AsyncIterator[None]:
        shared = app.state.shared = SharedState(config)
        account = Account(shared.hub, (config.wall.login, config.hub_password)) if config.wall.articles else None
        app.state.offers = Offers(account, Receipts(account), config.wall) if account else None
        app.state.health = Health(shared.hub, account)
        yield
        await shared.hub.close()

    static = Mount("/static", StaticFiles(directory=HERE / "static"))
    app = Starlette(
        routes=[*wall.ROUTES, *wallet.ROUTES, Route("/healthz", _healthz), static],
        exception_handlers=_handlers(),
        lifespan=lifespan,
    )
    # It would redirect to the address that the client names as the host.
    app.router.redirect_slashes = False
    return Headers(app)
