# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights of users: logins, sessions, forms, and the making of accounts."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import FakeLnd
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Setting, Wallet
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor, Wall

pytestmark = pytest.mark.database


def test_pages_are_for_whoever_is_logged_in(wall: Wall, visitor: Visitor, alice: Wallet) -> None:
    for path in (
        "/wallet",
        "/wallet/receive",
        f"/wallet/receive/{'a' * 64}",
        "/wallet/send",
        "/wallet/send/x",
        "/wallet/history",
        "/wallet/history.csv",
    ):
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
    for path in ("/wallet/receive", "/wallet/send", "/wallet/send/x", "/logout"):
        answer = visitor.post(path, {"csrf": "x"}, wall.url)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
    wrong = visitor.post("/login", {"login": alice.login, "password": "wrong password"})
    assert (wrong.status_code, "not right" in wrong.text, "set-cookie" in wrong.headers) == (401, True, False)


def test_the_session_is_new_and_ends(wall: Wall, visitor: Visitor, alice: Wallet) -> None:
    name = "__Host-test"
    visitor.http.cookies.set(name, "chosen-by-somebody-else", domain="localhost.local")
    done = visitor.http.post(
        "/login", data={"login": alice.login, "password": alice.password}, headers={"Origin": wall.url}
    )
    cookie = done.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "domain" not in cookie.lower()
    value = cookie.partition("=")[2].partition(";")[0]
    assert value != "chosen-by-somebody-else"
    assert alice.access not in cookie
    visitor.http.cookies.clear()

    def wallet() -> int:
        return visitor.http.get("/wallet", headers={"Cookie": f"{name}={value}"}).status_code

    assert wallet() == 200
    page = visitor.http.get("/wallet", headers={"Cookie": f"{name}={value}"}).text
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    ended = visitor.http.post("/logout", data={"csrf": csrf}, headers={"Cookie": f"{name}={value}", "Origin": wall.url})
    assert ended.headers["location"] == "/login"
    assert ended.headers["clear-site-data"] == '"cache"'
    assert wallet() == 303, "whoever has kept the cookie has nothing"


def test_another_users_pages_are_not_there(wall: Wall, visitor: Visitor, alice: Wallet, hub: Process) -> None:
    visitor.login(alice)
    place, invoice = visitor.receive("5")
    with wall.visitor() as other:
        bob = hub.user()
        other.login(bob)
        assert other.get(place).status_code == 404
        assert other.state(place) == "open", "of an invoice that is not one's own nothing is learnt"
        preview = other.preview(invoice)
        assert visitor.get(preview).status_code == 404
        assert visitor.post(preview).status_code == 404
        assert other.state(preview) == "preview"


def test_forms_of_other_sites_are_refused(wall: Wall, visitor: Visitor, alice: Wallet, hub: Process) -> None:
    visitor.login(alice)
    preview = visitor.preview(hub.user().invoice(5))
    csrf = re.findall(r'name="csrf" value="([^"]+)"', visitor.get(preview).text)[0]
    origins = (
        None,
        "null",
        "https://evil.example",
        f"https://localhost:{wall.port}",
        wall.url.replace("localhost", "127.0.0.1"),
    )
    for path, fields in (
        (preview, {}),
        ("/wallet/send", {"invoice": "x"}),
        ("/wallet/receive", {"amount": "1"}),
        ("/login", {"login": alice.login, "password": alice.password}),
        ("/signup", {}),
        ("/logout", {}),
    ):
        for origin in origins:
            answer = visitor.post(path, {"csrf": csrf, **fields}, origin)
            assert answer.status_code == 403, (path, origin)
    for path in (preview, "/wallet/send", "/wallet/receive", "/logout"):
        for wrong in ({}, {"csrf": ""}, {"csrf": csrf[:-1]}):
            assert visitor.post(path, wrong, wall.url).status_code == 403, path
    assert visitor.state(preview) == "preview"
    assert visitor.get("/wallet").status_code == 200, "still logged in"


def test_the_hubs_tokens_are_renewed_and_may_end(
    setting: Setting, lnd: FakeLnd, tmp_path_factory: pytest.TempPathFactory
) -> None:
    short = {**setting.options["service"], "access_seconds": 1}
    setting.options["service"], kept = short, setting.options["service"]
    hub = setting.start()
    setting.options["service"] = kept
    bob = hub.user()
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, hub.user()).start()
    try:
        with wall.visitor() as visitor:
            visitor.login(bob)
            control = Wallet(hub, bob.login, bob.password)
            until("the token's end", lambda: control.get("/balance").get("error"))
            with ThreadPoolExecutor(8) as pool:
                assert {
                    answer.status_code for answer in pool.map(lambda _number: visitor.get("/wallet"), range(8))
                } == {200}
            assert visitor.ask("signer")
            until(
                "the wall's token's end",
                lambda: (control.get("/balance"), wall.visitor().get("/healthz").json()["account"])[1] == "ok",
            )
            admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
            number = hub.http.get(f"/v2/admin/users/{bob.login}", headers=admin).json()["id"]
            hub.http.put("/v2/admin/users", json={"id": number, "deactivated": True}, headers=admin)
            ended = visitor.get("/wallet")
            assert (ended.status_code, ended.headers["location"]) == (303, "/login")
            assert visitor.get("/login").status_code == 200
    finally:
        wall.close()
        hub.stop()


def test_the_hubs_limit_of_logins_is_passed_on(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = {**setting.options["limits"], "logins_per_minute": 1.0, "creates_per_minute": 1.0}
    setting.options["limits"], kept = limits, setting.options["limits"]
    hub = setting.start()
    setting.options["limits"] = kept
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, None).start()
    try:
        with (
            wall.visitor(**{"X-Forwarded-For": "spoofed, 192.0.2.1"}) as visitor,
            wall.visitor(**{"X-Forwarded-For": "192.0.2.2"}) as other,
        ):
            fields = {"login": "nobody", "password": "wrong password"}
            until("the limit", lambda: visitor.post("/login", fields).status_code == 429)
            limited = visitor.post("/login", {**fields, "login": "somebody"})
            assert (limited.status_code, "Too many requests" in limited.text) == (429, True)
            assert other.post("/login", {**fields, "login": "anybody"}).status_code == 401, (
                "another address is not hindered"
            )
            until("the limit", lambda: visitor.post("/signup").status_code == 429)
            assert wall.visitor().get("/").headers["location"] == "/wallet", "without articles there is no wall"
            assert wall.visitor().get("/articles/signer").status_code == 404
            assert wall.visitor().get("/healthz").json() == {"status": "ok", "hub": "ok", "account": "none"}
    finally:
        wall.close()
        hub.stop()


def test_the_pages_have_no_lock_of_their_own(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The hub slows down, or locks out, the address that tries a login. Right logins are counted there too."""
    setting.options["limits"], kept = (
        {**setting.options["limits"], "logins_per_minute": 4.0, "sessions_per_minute": 3.0},
        setting.options["limits"],
    )
    hub = setting.start()
    setting.options["limits"] = kept
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, None).start()

    def enter(account: Wallet, address: str, password: str = "") -> int:
        # What a client writes in front of the proxy's word changes nothing, not even that it were this machine.
        with wall.visitor(**{"X-Forwarded-For": f"127.0.0.1, {address}"}) as visitor:
            return visitor.post(
                "/login", {"login": account.login, "password": password or account.password}, wall.url
            ).status_code

    try:
        alice, bob, carol, dora = (hub.user() for _number in range(4))
        until("an end of the tries", lambda: enter(alice, "192.0.2.1", "wrong password") == 429)
        assert enter(alice, "198.51.100.1") == 303, "whose login it is gets in from elsewhere"
        assert [enter(account, "203.0.113.1") for account in (bob, carol, dora, bob)] == [
            303,
            303,
            303,
            429,
        ], "right ones are counted by address"
        assert enter(dora, "203.0.114.1") == 303, "and no other address is closed"
    finally:
        wall.close()
        hub.stop()


def test_sign_up(visitor: Visitor, hub: Process, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = visitor.post("/signup")
    login, password = (re.findall(rf'id="{name}"[^>]* value="([^"]+)"', made.text)[0] for name in ("login", "password"))
    assert Wallet(hub, login, password).msat == 0
    assert visitor.get("/wallet").status_code == 200, "and is logged in"
    closed = Wall(tmp_path_factory.mktemp("wall"), hub.url, None, {"wallet": {"signup": False}}).start()
    try:
        with closed.visitor() as other:
            assert (other.get("/signup").status_code, other.post("/signup").status_code) == (404, 404)
            assert "/signup" not in other.get("/login").text
    finally:
        closed.close()
