# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""While the longest pages are made, the loop serves others. The time of one slice is measured as this thread's own
processor time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import time
import typing as t
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from lndhub import history
from lndhub.accounts import User
from lndhub.api import access, classic, v2

ROWS = history.MAX_ROWS
STALL = 0.006
"""Seconds that nobody notices."""

_NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
_TIMES = {"created_at": _NOW, "expires_at": _NOW, "settled_at": _NOW, "ended_at": _NOW}
_SAID = {
    "payment_request": "lnbc1" * 60,
    "amount_msat": 1000,
    "memo": "memo \u00e9",
    "description_hash": "",
    "state": "settled",
}


def _row(number: int, of: type[t.Any]) -> dict[str, t.Any]:
    """Return a row of the database."""
    values = {
        "payment_hash": hashlib.sha256(b"%d" % number).digest(),
        "received_msat": 1000,
        "kind": "bolt11",
        "destination": "02" * 33,
        "fee_limit_msat": 10,
        "fee_msat": 1,
        "preimage": b"p" * 32,
        "custom_records": '{"696969": "x"}',
        "failure": "",
        **_TIMES,
        **_SAID,
    }
    return {field.name: values[field.name] for field in dataclasses.fields(of)}


class _Pool:
    """A pool that has the rows in advance: PostgreSQL's driver reads them as they come."""

    def __init__(self) -> None:
        self._rows = {of: [_row(number, of) for number in range(ROWS)] for of in (history.Invoice, history.Payment)}

    async def fetch(self, statement: str, *_arguments: t.Any) -> list[dict[str, t.Any]]:
        return self._rows[history.Invoice if "FROM invoices" in statement else history.Payment]


class _Node:
    async def node_id(self) -> str:
        return "02" * 33


class _Hub:
    pool = _Pool()
    node = _Node()


async def _longest(page: t.Awaitable[t.Any]) -> tuple[t.Any, float]:
    """Return the answer, and the longest time in which nobody else had a turn."""
    turning, longest = True, 0.0

    async def turn() -> None:
        nonlocal longest
        last = time.thread_time()
        while turning:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest = max(longest, now - last)
            last = now

    others = asyncio.create_task(turn())
    answer = await page
    turning = False
    await others
    return answer, longest


@pytest.mark.parametrize("path", ["/gettxs", "/getuserinvoices", "/v2/invoices/incoming", "/v2/invoices/outgoing"])
def test_a_page_of_a_thousand_rows_leaves_turns_to_others(path: str) -> None:
    app = FastAPI()
    app.include_router(classic.router)
    app.include_router(v2.router)
    app.dependency_overrides[access._user] = lambda: User(
        id=1, login="alice", deactivated=False, epoch=0, max_receive_msat=1, max_send_msat=1, max_balance_msat=1
    )
    app.dependency_overrides[access._hub] = _Hub

    async def go() -> float:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
            await client.get(path)  # what is made once is made
            answer, longest = await _longest(client.get(f"{path}?limit={ROWS}"))
        rows = answer.json()
        assert len(rows) == ROWS
        assert len({str(row["payment_hash"]) for row in rows}) == ROWS
        return longest

    longest = min(asyncio.run(go()) for _turn in range(3))
    print(f"{path}: {longest * 1000:.1f} ms")
    assert longest < STALL
