# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layer around all routes: before them it limits size and time of a body, and reads paths and forms as clients
write them; after them it writes errors in LndHub's form and records the time taken.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import typing as t
from urllib.parse import parse_qsl

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError

from .. import db
from ..config import Config
from ..errors import BadArguments, Closed, HubError, NodeFailure, NotFound
from ..metrics import Metrics

_LOG = logging.getLogger("lndhub.api")

Scope = t.MutableMapping[str, t.Any]
Receive = t.Callable[[], t.Awaitable[t.MutableMapping[str, t.Any]]]
Send = t.Callable[[t.MutableMapping[str, t.Any]], t.Awaitable[None]]
App = t.Callable[[Scope, Receive, Send], t.Awaitable[None]]

# A body that is too large is read up to here and thrown away, because who is cut off while sending does not see the
# answer.
_DRAINED_BYTES = 1024 * 1024
_SLASHES = re.compile("/+")
_FORM_TYPE = b"application/x-www-form-urlencoded"
_JSON_TYPE = b"application/json"
_MAX_FORM_FIELDS = 50
_ALWAYS_OPEN_PATHS = ("/healthz", "/metrics", "/docs", "/docs.css", "/openapi.json")
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
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
        app: the application with the routes.
        config: the limits.
        metrics: returns the metrics in which times are recorded; they exist once the hub runs.
        is_open: returns whether the ledger agrees with lnd; until then only routes that are not for users answer.
    """

    def __init__(
        self, app: App, config: Config, metrics: t.Callable[[], Metrics | None], is_open: t.Callable[[], bool]
    ) -> None:
        self._app, self._service, self._metrics, self._is_open = app, config.service, metrics, is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = _plain(scope["path"])
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
            if scope["path"] not in _ALWAYS_OPEN_PATHS and not self._is_open():
                raise Closed
            await self._app(scope, _replay(_as_json(scope, body), receive), answer)
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
        if length.isdigit() and (len(length) > 12 or int(length) > _DRAINED_BYTES):
            raise TooLarge
        if (
            scope["method"] in ("GET", "HEAD")
            and not length.strip(b"0")
            and b"transfer-encoding" not in dict(scope["headers"])
        ):
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
                    if seen > self._service.body_bytes and (ended or seen > _DRAINED_BYTES):
                        raise TooLarge
                    if ended:
                        return bytes(body)
        except TimeoutError as error:
            raise TooSlow from error


def _plain(path: str) -> str:
    """Return a path without the slashes that clients add, so that no route needs a redirect: one would name a host and
    a scheme that the client wrote.
    """
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def _as_json(scope: Scope, body: bytes) -> bytes:
    """Return the body, as JSON if it is a form.

    Raises:
        BadArguments: a web page has sent the body, and not as JSON. Browsers let any page do that, also from the
            address of a visitor; before they send JSON, they ask.
    """
    headers = dict(scope["headers"])
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if body and b"origin" in headers and kind != _JSON_TYPE:
        raise BadArguments("of web pages only JSON is read: send it with the content type application/json")
    if kind != _FORM_TYPE:
        return body
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS))
    except ValueError as error:
        raise BadArguments("bad arguments: the form cannot be read") from error
    scope["headers"] = [(name, _JSON_TYPE if name == b"content-type" else value) for name, value in scope["headers"]]
    return json.dumps(fields).encode()


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> t.MutableMapping[str, t.Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def form(error: HubError, headers: t.Mapping[str, str] | None = None) -> JSONResponse:
    """Return an error as LndHub's clients read it."""
    asked = {"www-authenticate": "Bearer"} if error.status == 401 else {}
    return JSONResponse(error.body(), error.status, {**(headers or {}), **asked})


async def respond(error: HubError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error."""
    headers = {"connection": "close"} if isinstance(error, (TooLarge, TooSlow)) else {}
    await form(error, headers)(scope, receive, send)


def handle_errors(app: FastAPI, metrics: t.Callable[[], Metrics | None]) -> None:
    """Give all errors LndHub's form."""

    def answer(request: Request, error: HubError, headers: t.Mapping[str, str] | None = None) -> JSONResponse:
        figures = metrics()
        if figures is not None:
            figures.errors.labels(str(error.code)).inc()
        return form(error, headers)

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
        # For a wrong method: the right ones.
        return answer(request, kind, error.headers)

    async def away(request: Request, error: Exception) -> JSONResponse:
        _LOG.warning(
            "%s %s: the database: %s", request.method, request.scope.get("path"), error or type(error).__name__
        )
        kind = HubError(
            "the database does not answer; if this was a payment, look at the list of payments before you repeat it"
        )
        kind.status = 503
        return answer(request, kind)

    @app.exception_handler(CallError)
    async def node(request: Request, error: CallError) -> JSONResponse:
        _LOG.warning("%s %s: %s", request.method, request.scope.get("path"), error)
        return answer(request, NodeFailure())

    for one in db.UNREACHABLE_ERRORS:
        app.add_exception_handler(one, away)

    @app.exception_handler(asyncpg.PostgresError)
    async def refused(request: Request, error: asyncpg.PostgresError) -> JSONResponse:
        _LOG.error("%s %s: the database refuses: %s", request.method, request.scope.get("path"), error)
        return answer(request, HubError())

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return answer(request, HubError())
