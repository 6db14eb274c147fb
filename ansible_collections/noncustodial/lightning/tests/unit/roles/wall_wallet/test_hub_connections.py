# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of wall & wallet to its hub."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from wall_wallet import config
from wall_wallet.app import Health
from wall_wallet.hub import Account, Away, HubClient, Refused

_PAYMENTS = 120


def test_payments_that_hang_do_not_keep_the_pages_waiting() -> None:
    """The hub answers everything but payments."""

    async def go() -> int:
        paying = 0
        all_there = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal paying
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/payinvoice" in head:
                    paying += 1
                    if paying == 100:
                        all_there.set()
                    await reader.read()
                    return
                body = b'{"BTC": {"AvailableBalance": 21}}'
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        hub = HubClient(config.HubSettings(url=f"http://127.0.0.1:{port}", timeout=5.0))
        account = Account(hub)
        payments = [asyncio.create_task(account.pay("lnbc1", 1)) for _number in range(_PAYMENTS)]
        try:
            await asyncio.wait_for(all_there.wait(), 20)
            return await account.balance()
        finally:
            for payment in payments:
                payment.cancel()
            await asyncio.gather(*payments, return_exceptions=True)
            await hub.close()
            server.close()
            await server.wait_closed()

    assert asyncio.run(go()) == 21


@pytest.mark.parametrize(
    ("status", "code", "expected", "health"),
    [
        (502, 6, Away, "down"),
        (504, 6, Away, "down"),
        (502, 7, Refused, "ok"),
        (500, 6, Refused, "ok"),
        (401, 1, Refused, "ok"),
    ],
)
def test_a_proxy_whose_hub_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, status: int, code: int, expected: type[Exception], health: str
) -> None:
    """Its answer has the form of the hub's errors; those of the hub itself are told to the user."""

    async def answer(*_arguments: object, **_more: object) -> httpx.Response:
        return httpx.Response(status, json={"message": "no", "code": code, "error": True})

    async def go() -> str:
        hub = HubClient(config.HubSettings(url="http://127.0.0.1:1", timeout=5.0))
        monkeypatch.setattr(httpx.AsyncClient, "request", answer)
        with pytest.raises(expected):
            await hub.ask("POST", "/payinvoice")
        state = await Health(hub, None).state()
        await hub.close()
        return state["hub"]

    assert asyncio.run(go()) == health
