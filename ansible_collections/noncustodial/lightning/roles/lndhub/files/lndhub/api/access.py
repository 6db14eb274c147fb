# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dependencies of the routes: the user, administrator or address behind a request."""

from __future__ import annotations

import typing as t

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from serving.networks import host

from ..accounts import User
from ..errors import BadAuth, Forbidden
from ..hub import Hub

# Only for the API's description; the header is read here, so that errors have LndHub's form.
_described = Depends(
    HTTPBearer(
        auto_error=False,
        bearerFormat="JWT",
        description="access_token of /auth; for the admin's routes the admin token",
    )
)


def hub_of(request: Request) -> Hub:
    """Return the running hub."""
    return t.cast("Hub", request.app.state.hub)


def bearer(request: Request) -> str:
    """Return the request's bearer token; empty if it has none."""
    given = request.headers.getlist("authorization")
    if len(given) != 1:
        return ""
    kind, _space, token = given[0].partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def address(request: Request) -> str:
    """Return the address of the client according to the proxy in front, if that is trusted; without a proxy, that of
    the connection.
    """
    hub = hub_of(request)
    forwarded = request.headers.getlist("x-forwarded-for")
    if hub.config.listen.trust_proxy and forwarded:
        # The last entry is the proxy's own; those before it are whatever the client wrote.
        return forwarded[-1].rpartition(",")[2].strip()[:64]
    return request.client.host if request.client else "local"


async def _user(request: Request) -> User:
    token = bearer(request)
    if not token:
        raise BadAuth
    return await hub_of(request).user(token)


async def _admin(request: Request) -> None:
    hub_of(request).admin(bearer(request), address(request))


async def _creator(request: Request) -> None:
    """Refuse a request whose sender may not make an account."""
    hub = hub_of(request)
    if hub.config.service.create == "closed":
        raise Forbidden("this hub makes no accounts")
    if hub.config.service.create == "admin":
        hub.admin(bearer(request), address(request))
    else:
        hub.creates.take(host(address(request)))


async def _hub(request: Request) -> Hub:
    """Return the running hub. This is a coroutine, because FastAPI would run a plain function in a thread."""
    return hub_of(request)


async def _address(request: Request) -> str:
    return address(request)


Running = t.Annotated[Hub, Depends(_hub)]
CurrentUser = t.Annotated[User, Depends(_user)]
Address = t.Annotated[str, Depends(_address)]
USER = [_described]
ADMIN = [_described, Depends(_admin)]
CREATOR = [_described, Depends(_creator)]
