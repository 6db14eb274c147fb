# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASGI application."""

from __future__ import annotations

import contextlib
import typing as t

from fastapi import FastAPI

from .api import classic, service, v2
from .api.edge import Edge, handle_errors
from .config import Config
from .hub import running
from .metrics import Metrics

_DESCRIPTION = (
    "Accounts on one Lightning node, by the LndHub API. Amounts are whole satoshi unless a field's name ends in msat."
    " An error has a fitting status, and the body {error: true, code, message}. In a field that may be left out, null"
    " means that it is not given."
)


def make(config: Config) -> Edge:
    """Return the application for one configuration."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> t.AsyncIterator[None]:
        async with running(config) as hub:
            app.state.hub = hub
            yield

    app = FastAPI(
        title="LndHub",
        description=_DESCRIPTION,
        version="2",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A redirect would go to the host that the client wrote, without TLS.
        redirect_slashes=False,
    )

    def metrics() -> Metrics | None:
        hub = getattr(app.state, "hub", None)
        return hub.metrics if hub else None

    for part in (classic, v2, service):
        app.include_router(part.router)
    handle_errors(app, metrics)

    def is_open() -> bool:
        hub = getattr(app.state, "hub", None)
        return hub is not None and hub.reconcile.open

    return Edge(app, config, metrics, is_open)
