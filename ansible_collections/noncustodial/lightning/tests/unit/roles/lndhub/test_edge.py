# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layer around the routes: the bodies of web pages, and what apps make of a closed ledger."""

from __future__ import annotations

import asyncio
import typing as t
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ansible_collections.noncustodial.lightning.tests.support.wallet_apps import alby, bluewallet
from lndhub.api.edge import Edge, handle_errors
from lndhub.config import Config, DatabaseSettings, NodeSettings

CONFIG = Config(
    credentials=Path(),
    database=DatabaseSettings(host="", name="", user=""),
    node=NodeSettings(rpcserver="", certificate=""),
)
PAGE = {"Origin": "https://evil.example"}


def post(path: str, content: bytes, headers: dict[str, str] | None = None, opened: bool = True) -> httpx.Response:
    """Send a body to routes that return it."""
    app = FastAPI()

    @app.post("/{path}")
    async def echo(path: str, body: dict[str, t.Any] | None = None) -> t.Any:
        return body

    handle_errors(app, lambda: None)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(Edge(app, CONFIG, lambda: None, lambda: opened))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.post(path, content=content, headers=headers)

    return asyncio.run(send())


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; charset="]
)
def test_a_web_page_is_read_only_if_its_browser_has_asked(kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = post("/auth", b'{"login": "a"}', {**headers, **PAGE})
    assert (answer.status_code, answer.json()["code"]) == (400, 8), answer.text
    assert "application/json" in answer.json()["message"]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_of_a_web_page_is_read(kind: str) -> None:
    assert post("/auth", b'{"login": "a"}', {"Content-Type": kind, **PAGE}).json() == {"login": "a"}


def test_a_web_page_may_send_no_body() -> None:
    assert post("/create", b"", PAGE).status_code == 200


def test_a_closed_ledger_in_apps() -> None:
    """BlueWallet takes it for a payment under way, of which it does not read that nothing was booked."""
    answer = post("/payinvoice", b"{}", opened=False)
    assert (answer.status_code, answer.json()["code"]) == (503, 7)
    assert bluewallet(answer) == "Payment is in transit"
    assert "nothing was booked" in alby(answer)
    assert "nothing was booked" in bluewallet(post("/addinvoice", b"{}", opened=False))
