# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that any client may try: headers, paths, methods and bodies."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.tests.support.hubs import Wallet
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor, Wall

pytestmark = pytest.mark.database


def test_headers_everywhere(wall: Wall, visitor: Visitor, alice: Wallet) -> None:
    visitor.login(alice)
    for path in (
        "/",
        "/articles/signer",
        "/articles/none",
        "/login",
        "/wallet",
        "/wallet/history.csv",
        "/nowhere",
        "/static/app.js",
        "/healthz",
    ):
        answer = visitor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == ("max-age=3600" if path.startswith("/static") else "no-store")
        assert "server" not in answer.headers


def test_no_redirect_leads_away(wall: Wall, visitor: Visitor, alice: Wallet) -> None:
    tries = (
        "//evil.example/",
        "//evil.example/wallet/",
        "/wallet/",
        "/login?next=https://evil.example",
        "/%2f%2fevil.example/",
        "/articles/signer/",
    )
    for path in tries:
        for host in ("evil.example", wall.url.removeprefix("https://")):
            location = visitor.http.request("GET", f"{wall.url}{path}", headers={"Host": host}).headers.get(
                "location", "/login"
            )
            assert location in ("/login", "/wallet"), path
    fields = {"login": alice.login, "password": alice.password, "next": "https://evil.example"}
    done = visitor.post("/login?next=https://evil.example", fields)
    assert done.headers["location"] == "/wallet"


@pytest.mark.parametrize(
    "path",
    [
        "/articles/..%2f..%2fconfig.json",
        "/articles/%2e%2e",
        "/static/../config.py",
        "/static/..%2fconfig.py",
        "/static/%2e%2e/config.py",
    ],
)
def test_no_other_file_is_served(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code in (402, 404), path
    assert "Copyright" not in answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 20_000, 413),
        (b"login=\xff\xfe", 400),
        (b"&".join(b"a=1" for _number in range(50)), 400),
        (b"no form", 400),
        (b'{"login": "x"}', 400),
    ],
)
def test_bodies_that_are_no_form(wall: Wall, visitor: Visitor, body: bytes, status: int) -> None:
    assert visitor.http.post("/login", content=body, headers={"Origin": wall.url}).status_code == status


def test_other_methods(visitor: Visitor) -> None:
    for method, path in (
        ("DELETE", "/wallet"),
        ("POST", "/wallet"),
        ("PUT", "/login"),
        ("GET", "/logout"),
        ("POST", "/articles/signer"),
    ):
        answer = visitor.http.request(method, path)
        assert answer.status_code == 405, path
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed, path
        assert method not in allowed, path
