# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every request passes before a route: size and time of its body, and after it: errors in LndHub's form, and the time it took."""

from __future__ import annotations

import asyncio
import logging
import time
import typing as t

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import CallError

from .. import db
from ..config import Config
from ..errors import BadArguments, Closed, HubError, NodeFailure, NotFound
from ..metrics import Metrics

_LOG = logging.getLogger("lndhub.api")

Scope = t.MutableMapping[str, t.Any]
Receive = t.Callable[[], t.Awaitable[t.MutableMapping[str, t.Any]]]
Send = t.Callable[[t.MutableMapping[str, t.Any]], t.Awaitable[None]]
App = t.Callable[[Scope, Receive, Send], t.Awaitable[None]]

# A body that is too large is read up to here and thrown away, because who is cut off while sending does not see the answer.
_DRAINED = 1024 * 1024
_ALWAYS = ("/healthz", "/metrics", "/docs", "/docs.css", "/openapi.json")
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


class TooLarge(BadArguments):
    """The body is larger than the limit."""

    status, default = 413, "the request is too large"


class TooSlow(BadArguments):
    """The body did not come in time."""

    status, default = 408, "the request came too slowly"


class _Gone(Exception):
    """The client left before its request was complete."""


class Edge:
    """The outermost layer.

    Args:
        app: what answers.
        config: the limits.
        metrics: gives where the times are kept; they exist once the hub runs.
        is_open: whether the ledger agrees with lnd; until then only what is not for users answers.
    """

    def __init__(self, app: App, config: Config, metrics: t.Callable[[], Metrics | None], is_open: t.Callable[[], bool]) -> None:
        self._app, self._service, self._metrics, self._is_open = app, config.service, metrics, is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 500

        async def answer(message: t.MutableMapping[str, t.Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            body = await self._body(scope, receive)
            if scope["path"] not in _ALWAYS and not self._is_open():
                raise Closed
            await self._app(scope, _replay(body, receive), answer)
        except _Gone:
            return
        except HubError as error:
            await respond(error, scope, receive, answer)
        finally:
            metrics = self._metrics()
            if metrics is not None:
                # The template of the route, never a path as it came: that would be a new series for each hash.
                route = getattr(scope.get("route"), "path", "none")
                metrics.requests.labels(route, str(status)).observe(time.perf_counter() - begin)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and (len(length) > 12 or int(length) > _DRAINED):
            raise TooLarge
        if scope["method"] in ("GET", "HEAD") and not length.strip(b"0") and b"transfer-encoding" not in dict(scope["headers"]):
            return b""
        body, seen = bytearray(), 0
        try:
            async with asyncio.timeout(self._service.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    seen += len(part)
                    if seen <= self._service.body_bytes:
                        body += part
                    ended = not message.get("more_body")
                    if seen > self._service.body_bytes and (ended or seen > _DRAINED):
                        raise TooLarge
                    if ended:
                        return bytes(body)
        except TimeoutError as error:
            raise TooSlow from error


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> t.MutableMapping[str, t.Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def form(error: HubError, path: str) -> JSONResponse:
    """An error as LndHub's clients read it. The classic routes answer 200 with an error in the body; limits of HTTP itself keep their status."""
    classic = not path.startswith("/v2/") and error.status not in (404, 405, 408, 413, 429) and not isinstance(error, Closed)
    body = {"error": True, "code": error.code, "message": error.message}
    return JSONResponse(body, 200 if classic else error.status)


async def respond(error: HubError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error."""
    headers = {"connection": "close"} if isinstance(error, (TooLarge, TooSlow)) else {}
    response = form(error, scope["path"])
    response.headers.update(headers)
    await response(scope, receive, send)


def handle_errors(app: FastAPI, metrics: t.Callable[[], Metrics | None]) -> None:
    """Give all errors LndHub's form."""

    def answer(request: Request, error: HubError) -> JSONResponse:
        figures = metrics()
        if figures is not None:
            figures.errors.labels(str(error.code)).inc()
        return form(error, request.url.path)

    @app.exception_handler(HubError)
    async def ours(request: Request, error: HubError) -> JSONResponse:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Where it is wrong and how, never what was sent: that may be a password.
        first = error.errors()[0] if error.errors() else {}
        place = ".".join(str(part) for part in first.get("loc", ())[1:]) or "the body"
        return answer(request, BadArguments(f"bad arguments: {place[:60]}: {str(first.get('msg', 'is wrong'))[:120]}"))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        kind: HubError = NotFound() if error.status_code == 404 else BadArguments(str(error.detail)[:120])
        kind.status = error.status_code
        return answer(request, kind)

    async def away(request: Request, error: Exception) -> JSONResponse:
        _LOG.warning("%s %s: the database: %s", request.method, request.scope.get("path"), error or type(error).__name__)
        kind = HubError("the database does not answer; if this was a payment, look at the list of payments before you repeat it")
        kind.status = 503
        return answer(request, kind)

    @app.exception_handler(CallError)
    async def node(request: Request, error: CallError) -> JSONResponse:
        _LOG.warning("%s %s: %s", request.method, request.scope.get("path"), error)
        return answer(request, NodeFailure())

    for one in db.UNREACHABLE:
        app.add_exception_handler(one, away)

    @app.exception_handler(asyncpg.PostgresError)
    async def refused(request: Request, error: asyncpg.PostgresError) -> JSONResponse:
        _LOG.error("%s %s: the database refuses: %s", request.method, request.scope.get("path"), error)
        return answer(request, HubError())

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return answer(request, HubError())
