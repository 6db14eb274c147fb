# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes that are not for users: health, metrics, and the description of the API."""

from __future__ import annotations

import typing as t

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from . import page
from .access import USER, Running, address, bearer

router = APIRouter(tags=["Service"])


@router.get("/healthz")
async def healthz(hub: Running) -> JSONResponse:
    """Report whether database, node and signer answer: status 200 if all do, else 503. If the ledger does not agree
    with the node, the answer reports that.
    """
    state = await hub.health.state()
    good = state.ok and hub.reconcile.open
    body = {"status": "ok" if good else "down", "database": state.database, "node": state.node, "signer": state.signer}
    return JSONResponse(body if hub.reconcile.open else {**body, "ledger": "closed"}, 200 if good else 503)


@router.get("/metrics", dependencies=USER[:1])
async def metrics(hub: Running, request: Request) -> Response:
    """Return figures for Prometheus; needs the metrics token, or the admin token if there is no metrics token."""
    hub.scraper(bearer(request), address(request))
    return Response(await hub.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Return the description of the API as a page."""
    kept: t.Any = request.app.state
    if not hasattr(kept, "page"):
        kept.page = page.render(request.app.openapi())
    return HTMLResponse(kept.page)


@router.get("/docs.css", include_in_schema=False)
async def style() -> Response:
    """Return the style of that page."""
    return Response(page.STYLE, media_type="text/css")
