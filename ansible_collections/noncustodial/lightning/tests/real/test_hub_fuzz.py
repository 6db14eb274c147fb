# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests made from the hub's own description of its API, valid ones and invalid ones: no answer is a crash, and
nothing is booked.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database

# For each route and each of the two kinds. The same ones each time: a test that fails does so again.
EXAMPLES = 10
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
# lnd is a fake one, which returns the amounts and the reasons that a test sets; the hub reports them by these.
ERRORS = (500, 501, 504)


def test_requests_out_of_the_description(tmp_path: Path, postgres: Postgres) -> None:
    world = World(tmp_path / "hub", postgres)
    try:
        hub = world.hub()
        # The first accounts, which a request with a small number meets.
        sacrificed, wallet = hub.user(), hub.user()
        tried = _try_all(hub, wallet.headers, sacrificed.headers)
        assert tried > 2 * EXAMPLES, "requests were made"
        assert (
            world.setting.postgres._psql(world.setting.database, "SELECT count(*) FROM entries").stdout.strip() == "0"
        )
        assert hub.http.get("/healthz").status_code == 200
        world.balanced()
    finally:
        world.close()


def _try_all(hub: Process, user: dict[str, str], other: dict[str, str]) -> int:
    schema = schemathesis.openapi.from_dict(hub.http.get("/openapi.json").json())
    tried = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"} if "/admin/" in operation.path else user
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            tried += _try(hub, operation, mode, headers)
    assert other["Authorization"] != user["Authorization"]
    return tried


def _try(hub: Process, operation: t.Any, mode: GenerationMode, headers: dict[str, str]) -> int:
    tried = 0

    @hypothesis.seed(1)
    @SETTINGS
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def one(case: t.Any) -> None:
        nonlocal tried
        tried += 1
        sent = case.as_transport_kwargs(base_url=str(hub.http.base_url))
        sent["headers"] = {
            **{
                name: value
                for name, value in dict(sent.get("headers") or {}).items()
                if name.lower() != "authorization"
            },
            **headers,
        }
        sent.pop("cookies", None)
        try:
            response = hub.http.request(**_for_httpx(sent))
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError):
            # What no client can send.
            return
        assert response.status_code not in ERRORS, (operation.label, sent, response.text)
        if response.headers["content-type"].startswith("application/json"):
            body = response.json()
            if isinstance(body, dict) and body.get("error"):
                assert set(body) == {"error", "code", "message"}, (operation.label, body)

    if operation.path != "/metrics" or mode is GenerationMode.POSITIVE:
        try:
            one()
        except hypothesis.errors.Unsatisfiable:
            # A route without anything that could be wrong.
            assert mode is GenerationMode.NEGATIVE, operation.label
    return tried


def _for_httpx(sent: dict[str, t.Any]) -> dict[str, t.Any]:
    """Turn the arguments that schemathesis makes for requests into those of httpx."""
    data = sent.pop("data", None)
    kept = {name: sent[name] for name in ("method", "url", "headers", "params", "json") if sent.get(name) is not None}
    if data is not None:
        kept["content"] = data if isinstance(data, (bytes, str)) else str(data)
    return kept
