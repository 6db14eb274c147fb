# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wall & wallet on a real hub: what must not be possible, and what a hub does too seldom. The lnd behind that hub is a fake one."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon
from ansible_collections.noncustodial.lightning.tests.real.daemons import Postgres, free_port, until
from ansible_collections.noncustodial.lightning.tests.real.hubs import ADMIN, Process, Setting, Wallet
from ansible_collections.noncustodial.lightning.tests.real.walls import Visitor, Wall
from ansible_collections.noncustodial.lightning.tests.unit.fake_lnd import MACAROON, FakeLnd, Gate, fails, request, succeeds
from wall_wallet.l402 import OFFER, Tokens

pytestmark = pytest.mark.database

PREIMAGE = b"a real preimage of thirty-two by"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onfocus=alert(3) '"


@pytest.fixture(scope="module")
def lnd() -> t.Iterator[FakeLnd]:
    fake = FakeLnd()
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def setting(lnd: FakeLnd, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    # Answered soon, so that a payment under way is seen as such.
    service = {"answer_within": 1.0}
    return Setting(tmp_path_factory.mktemp("hub"), postgres, lnd.rpcserver, lnd.certificate, MACAROON, service=service).migrate()


@pytest.fixture(scope="module")
def hub(setting: Setting) -> t.Iterator[Process]:
    process = setting.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def wall(hub: Process, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Wall]:
    wall = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{hub.port}", hub.user()).start()
    yield wall
    wall.close()


@pytest.fixture
def alice(hub: Process, lnd: FakeLnd) -> Wallet:
    """A new account with 10,000 sat."""
    lnd.plan = succeeds()
    wallet = hub.user()
    assert lnd.pay_from_outside(wallet.invoice(10_000, "wages"))
    until("the deposit", lambda: wallet.msat == 10_000_000)
    return wallet


@pytest.fixture
def visitor(wall: Wall) -> t.Iterator[Visitor]:
    with wall.visitor() as visitor:
        yield visitor


# --- the wallet


def test_receive_and_send(visitor: Visitor, wall: Wall, alice: Wallet, hub: Process, lnd: FakeLnd) -> None:
    visitor.login(alice)
    place, invoice = visitor.receive("250", "cake")
    assert visitor.state(place) == "open"
    with wall.visitor() as other:
        assert lnd.pay_from_outside(hub.user().invoice(1000))
        bob = hub.user()
        assert lnd.pay_from_outside(bob.invoice(1000))
        until("the deposit", lambda: bob.msat)
        preview = other.login(bob).preview(f" lightning:{invoice[:40]}\n{invoice[40:]} ")
        shown = other.get(preview).text
        assert "Send this?" in shown
        assert "none, the payee is at the same hub" in shown
        assert "cake" in shown
        assert bob.msat == 1_000_000, "nothing is paid by looking"
        assert other.post(preview).headers["location"] == preview
        until("the end", lambda: other.state(preview) == "paid")
        assert "Sent" in other.get(preview).text
    assert visitor.state(place) == "paid"
    assert "Received" in visitor.get(place).text
    assert (alice.msat, bob.msat) == (10_250_000, 750_000)
    assert "10,250&nbsp;sat" in visitor.get("/wallet").text


def test_the_payer_may_choose_the_amount(visitor: Visitor, alice: Wallet, hub: Process) -> None:
    visitor.login(alice)
    bob = hub.user()
    missing = visitor.post("/wallet/send", {"invoice": bob.invoice(0), "amount": ""})
    assert (missing.status_code, "say how much" in missing.text) == (422, True)
    preview = visitor.preview(bob.invoice(0), "1,500")
    visitor.post(preview)
    until("the end", lambda: visitor.state(preview) == "paid")
    assert bob.msat == 1_500_000


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("/wallet/send", {"invoice": "", "amount": ""}, "Paste an invoice"),
        ("/wallet/send", {"invoice": "nonsense", "amount": ""}, "Not a valid invoice"),
        ("/wallet/send", {"invoice": "x" * 8000, "amount": ""}, "Bad arguments"),
        ("/wallet/send", {"invoice": "lnfake1", "amount": "1.5"}, "whole number of sat"),
        ("/wallet/send", {"invoice": request(PREIMAGE, 1000, age=9999), "amount": ""}, "has expired"),
        ("/wallet/receive", {"amount": "-5", "memo": ""}, "whole number of sat"),
        ("/wallet/receive", {"amount": "9" * 16, "memo": ""}, "whole number of sat"),
        ("/wallet/receive", {"amount": "5", "memo": "x" * 2000}, "Bad arguments"),
    ],
)
def test_what_is_wrong_is_said(visitor: Visitor, alice: Wallet, path: str, fields: dict[str, str], words: str) -> None:
    answer = visitor.login(alice).post(path, fields)
    assert 400 <= answer.status_code < 500
    assert words in answer.text
    assert 'role="alert"' in answer.text


def test_a_failure_is_told_as_one(visitor: Visitor, alice: Wallet, lnd: FakeLnd) -> None:
    visitor.login(alice)
    lnd.plan = fails()
    preview = visitor.preview(request(b"failing" * 4, 1_000_000))
    assert "20&nbsp;sat" in visitor.get(preview).text, "the most that the fee may be"
    visitor.post(preview)
    until("the end", lambda: visitor.state(preview) == "failed")
    assert "no route within the fee limit" in visitor.get(preview).text
    much = visitor.preview(request(b"too much" * 4, 99_000_000))
    visitor.post(much)
    until("the end", lambda: visitor.state(much) == "failed")
    assert "not enough balance" in visitor.get(much).text
    assert alice.msat == 10_000_000


def test_confirmed_many_times_at_once_is_paid_once(visitor: Visitor, alice: Wallet, lnd: FakeLnd) -> None:
    visitor.login(alice)
    gate = Gate()
    lnd.plan, lnd.before_taking = succeeds(fee_msat=2000), gate.wait
    before = lnd.calls["SendPaymentV2"]
    preview = visitor.preview(request(b"double click".ljust(32, b"."), 1_000_000))
    try:
        csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.get(preview).text)[1]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _number: visitor.post(preview, {"csrf": csrf}, visitor.wall.url), range(8)))
        assert {answer.status_code for answer in answers} == {303}
        assert gate.reached.wait(10)
        assert visitor.state(preview) == "paying"
    finally:
        gate.opened.set()
        lnd.before_taking = lambda: None
    until("the end", lambda: visitor.state(preview) == "paid")
    visitor.post(preview)
    assert lnd.calls["SendPaymentV2"] == before + 1
    assert alice.msat == 10_000_000 - 1_002_000
    again = visitor.preview(request(b"double click".ljust(32, b"."), 1_000_000))
    visitor.post(again)
    until("the end", lambda: visitor.state(again) == "failed")
    assert "has been paid" in visitor.get(again).text, "the hub pays no invoice twice, however it is asked"
    assert alice.msat == 10_000_000 - 1_002_000


@pytest.mark.parametrize(("plan", "end", "left"), [(succeeds(fee_msat=1000), "paid", 8_999_000), (fails(), "failed", 10_000_000)])
def test_in_transit_is_said_and_ends(visitor: Visitor, alice: Wallet, lnd: FakeLnd, plan: t.Any, end: str, left: int) -> None:
    visitor.login(alice)
    preimage = end.encode().ljust(32, b"!")
    lnd.plan = lambda fake, payment: None
    preview = visitor.preview(request(preimage, 1_000_000))
    visitor.post(preview)
    until("in transit", lambda: visitor.state(preview) == "unclear")
    shown = visitor.get(preview).text
    assert "do not pay it again" in shown
    assert "Nothing was taken" not in shown
    assert "In transit" in visitor.get("/wallet").text
    visitor.post(preview)
    assert visitor.state(preview) == "unclear"
    lnd.end(hashlib.sha256(preimage).hexdigest(), plan)
    until("the end", lambda: visitor.state(preview) == end)
    assert alice.msat == left


def test_history_and_csv(visitor: Visitor, alice: Wallet, hub: Process) -> None:
    visitor.login(alice)
    bob = hub.user()
    for number in range(23):
        alice.invoice(number + 1, f"number {number}")
    alice.pay(bob.invoice(100, '=HYPERLINK("http://evil.example")'))
    pages, path = [], "/wallet/history"
    while path:
        pages.append(visitor.get(path).text)
        older = re.search(r'rel="next" href="([^"]+)"', pages[-1])
        path = older[1].replace("&amp;", "&") if older else ""
    assert [text.count("<time") for text in pages] == [20, 5], "23 invoices, a deposit and a payment, each once"
    assert len(set(re.findall(r"number (\d+)<", "".join(pages)))) == 23
    answer = visitor.get("/wallet/history.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 25
    (sent,) = [row for row in rows if row["kind"] == "payment"]
    assert (sent["sent_sat"], sent["fee_sat"], sent["state"], sent["memo"]) == ("100", "0", "paid", '\'=HYPERLINK("http://evil.example")')
    assert [row["received_sat"] for row in rows if row["memo"] == "wages"] == ["10000"]
    assert visitor.get("/wallet/history?in=-1&out=x").status_code == 200, "what makes no sense is the first page"


def test_hostile_memos_are_text(visitor: Visitor, alice: Wallet, hub: Process, lnd: FakeLnd) -> None:
    visitor.login(alice)
    preview = visitor.preview(hub.user().invoice(5, SCRIPT))
    alice.pay(hub.user().invoice(6, SCRIPT))
    place, _invoice = visitor.receive("7", SCRIPT)
    typed = visitor.post("/wallet/receive", {"amount": "x", "memo": SCRIPT})
    for text in (
        visitor.get(preview).text,
        visitor.get("/wallet").text,
        visitor.get(place).text,
        visitor.get("/wallet/history").text,
        typed.text,
    ):
        assert "&lt;script&gt;" in text
        assert "<script>" not in text
        assert "<img" not in text
        assert '" onfocus' not in text


# --- who may do what


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
    done = visitor.http.post("/login", data={"login": alice.login, "password": alice.password}, headers={"Origin": wall.url})
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
    csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.http.get("/wallet", headers={"Cookie": f"{name}={value}"}).text)[1]
    ended = visitor.http.post("/logout", data={"csrf": csrf}, headers={"Cookie": f"{name}={value}", "Origin": wall.url})
    assert ended.headers["location"] == "/login"
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
    csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.get(preview).text)[1]
    origins = (None, "null", "https://evil.example", f"https://localhost:{wall.port}", wall.url.replace("localhost", "127.0.0.1"))
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


def test_the_hubs_tokens_are_renewed_and_may_end(setting: Setting, lnd: FakeLnd, tmp_path_factory: pytest.TempPathFactory) -> None:
    short = {**setting.options["service"], "access_seconds": 1}
    setting.options["service"], kept = short, setting.options["service"]
    hub = setting.start()
    setting.options["service"] = kept
    bob = hub.user()
    wall = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{hub.port}", hub.user()).start()
    try:
        with wall.visitor() as visitor:
            visitor.login(bob)
            control = Wallet(hub, bob.login, bob.password)
            until("the token's end", lambda: control.get("/balance").get("error"))
            with ThreadPoolExecutor(8) as pool:
                assert {answer.status_code for answer in pool.map(lambda _number: visitor.get("/wallet"), range(8))} == {200}
            assert visitor.get("/articles/signer").status_code == 402
            until("the wall's token's end", lambda: (control.get("/balance"), wall.visitor().get("/healthz").json()["account"])[1] == "ok")
            admin = {"Authorization": f"Bearer {ADMIN}"}
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
    wall = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{hub.port}", None).start()
    try:
        with (
            wall.visitor(**{"X-Forwarded-For": "spoofed, 192.0.2.1"}) as visitor,
            wall.visitor(**{"X-Forwarded-For": "192.0.2.2"}) as other,
        ):
            fields = {"login": "nobody", "password": "wrong password"}
            until("the limit", lambda: visitor.post("/login", fields).status_code == 429)
            limited = visitor.post("/login", {**fields, "login": "somebody"})
            assert (limited.status_code, "Too many requests" in limited.text) == (429, True)
            assert other.post("/login", {**fields, "login": "anybody"}).status_code == 401, "another address is not hindered"
            until("the limit", lambda: visitor.post("/signup").status_code == 429)
            assert wall.visitor().get("/").headers["location"] == "/wallet", "without articles there is no wall"
            assert wall.visitor().get("/articles/signer").status_code == 404
            assert wall.visitor().get("/healthz").json() == {"status": "ok", "hub": "ok", "account": "none"}
    finally:
        wall.close()
        hub.stop()


def test_sign_up(visitor: Visitor, hub: Process, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = visitor.post("/signup")
    login, password = (re.search(rf'id="{name}"[^>]* value="([^"]+)"', made.text)[1] for name in ("login", "password"))
    assert Wallet(hub, login, password).msat == 0
    assert visitor.get("/wallet").status_code == 200, "and is logged in"
    closed = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{hub.port}", None, wallet={"signup": False}).start()
    try:
        with closed.visitor() as other:
            assert (other.get("/signup").status_code, other.post("/signup").status_code) == (404, 404)
            assert "/signup" not in other.get("/login").text
    finally:
        closed.close()


# --- the wall


def challenge(visitor: Visitor, article: str = "signer") -> tuple[str, str]:
    """Token and invoice as a client of L402 reads them."""
    answer = visitor.get(f"/articles/{article}", accept="*/*")
    assert answer.status_code == 402
    found = re.fullmatch(r'L402 macaroon="([^"]+)", invoice="([^"]+)", version="0", token="([^"]+)"', answer.headers["www-authenticate"])
    assert found is not None
    assert found[1] == found[3]
    assert answer.json() == {"error": "payment required", "price_sat": 100, "token": found[1], "invoice": found[2]}
    return found[1], found[2]


def paid(payer: Wallet, invoice: str) -> str:
    """Pay; gives the preimage."""
    return bytes(payer.pay(invoice)["payment_preimage"]["data"]).hex()


def test_l402(visitor: Visitor, alice: Wallet) -> None:
    token, invoice = challenge(visitor)
    assert visitor.get("/articles/signer", authorization=f"L402 {token}:{'0' * 64}").status_code == 402
    preimage = paid(alice, invoice)
    for scheme in ("L402", "LSAT", "l402"):
        opened = visitor.get("/articles/signer", authorization=f"{scheme} {token}:{preimage}")
        assert opened.status_code == 200
        assert "<strong>the tenant keeps the key</strong>" in opened.text
        assert "<table>" in opened.text
        assert "<script>alert" not in opened.text
    assert alice.msat == 9_900_000


def test_what_opens_no_article(wall: Wall, visitor: Visitor, alice: Wallet) -> None:
    token, invoice = challenge(visitor)
    preimage = paid(alice, invoice)
    payment_hash = hashlib.sha256(bytes.fromhex(preimage)).hexdigest()
    key = (wall.credentials / "token_key").read_bytes().strip()
    given = macaroon.parse(base64.b64decode(token))
    forged = macaroon.Macaroon(given.location, given.identifier, ("article=channels", given.caveats[1]), given.signature)
    other_token, _other_invoice = challenge(visitor)
    wrong = {
        "other article": ("channels", f"L402 {token}:{preimage}", "another article"),
        "made over": ("channels", f"L402 {base64.b64encode(forged.encode()).decode()}:{preimage}", "not of this wall"),
        "not paid": ("signer", f"L402 {other_token}:{preimage}", "preimage"),
        "no preimage": ("signer", f"L402 {token}:", "preimage"),
        "lapsed": ("signer", f"L402 {Tokens(key, -1).make(OFFER, 'signer', payment_hash)}:{preimage}", "expired"),
        "another wall's": ("signer", f"L402 {Tokens(b'x' * 32, 60).make(OFFER, 'signer', payment_hash)}:{preimage}", "not of this wall"),
        "no token": ("signer", f"L402 :{preimage}", "cannot be read"),
    }
    for name, (article, credentials, words) in wrong.items():
        answer = visitor.get(f"/articles/{article}", authorization=credentials, accept="*/*")
        assert (answer.status_code, words in answer.json()["error"]) == (402, True), (name, answer.text)
    for scheme in ("Bearer", "Basic"):
        assert visitor.get("/articles/signer", authorization=f"{scheme} {token}:{preimage}").status_code == 402


def test_somebody_without_such_a_client(wall: Wall, visitor: Visitor, alice: Wallet, lnd: FakeLnd) -> None:
    first = visitor.get("/articles/channels")
    assert first.status_code == 402
    assert "Channels &amp; their &lt;money&gt;" in first.text
    assert "can leave" not in first.text
    cookie = first.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/articles/channels"} <= set(cookie.split("; "))
    made = lnd.calls["AddInvoice"]
    assert visitor.get("/articles/channels").text == first.text, "a second look shows the same invoice"
    assert lnd.calls["AddInvoice"] == made
    assert visitor.state("/articles/channels") == "open"
    invoice = re.search(r"<textarea[^>]*>([^<]+)<", first.text)[1]
    with wall.visitor() as thief:
        paid(alice, invoice)
        assert visitor.state("/articles/channels") == "paid"
        assert "can leave" in visitor.get("/articles/channels").text
        assert thief.get("/articles/channels").status_code == 402, "who has not paid has nothing of it"
        offer = cookie.partition("=")[2].partition(";")[0].strip('"').partition("|")[0]
        assert thief.get("/articles/channels", authorization=f"L402 {offer}:{'0' * 64}").status_code == 402
        name = cookie.partition("=")[0]
        ticket = next(one for one in visitor.http.cookies.jar if one.name == name).value
        assert thief.get("/articles/signer", cookie=f"{name}={ticket}").status_code == 402, "it is for one article"
        assert thief.get("/articles/channels", cookie=f"{name}={ticket[:-6]}").status_code == 402


def test_a_paid_page_opens_without_script_too(visitor: Visitor, alice: Wallet) -> None:
    shown = visitor.get("/articles/signer").text
    assert '<noscript><meta http-equiv="refresh"' in shown
    paid(alice, re.search(r"<textarea[^>]*>([^<]+)<", shown)[1])
    assert "the tenant keeps the key" in visitor.get("/articles/signer").text


def test_an_open_article_needs_no_hub(setting: Setting, alice: Wallet, lnd: FakeLnd, tmp_path_factory: pytest.TempPathFactory) -> None:
    hub = setting.start()
    wall = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{hub.port}", hub.user()).start()
    try:
        with wall.visitor() as visitor, wall.visitor() as other:
            other.login(alice)
            preview = other.preview(request(b"hub away".ljust(32, b"."), 1_000_000))
            paid(alice, re.search(r"<textarea[^>]*>([^<]+)<", visitor.get("/articles/signer").text)[1])
            assert visitor.get("/articles/signer").status_code == 200
            hub.stop()
            wall.stop()
            wall.start()
            assert visitor.get("/articles/signer").status_code == 200, "after a restart, and with no hub"
            down = other.get("/articles/signer")
            assert (down.status_code, "The hub does not answer" in down.text) == (503, True)
            assert other.get("/healthz").status_code == 503
            assert other.get("/healthz").json() == {"status": "down", "hub": "down", "account": "unknown"}
            assert other.get(preview).headers["location"] == "/login", "a restart logs everybody out"
            away = other.post("/login", {"login": "a", "password": "b"}, wall.url)
            assert (away.status_code, "The hub does not answer" in away.text) == (503, True)
    finally:
        wall.close()


def test_an_account_that_the_hub_does_not_take(hub: Process, tmp_path_factory: pytest.TempPathFactory) -> None:
    account = hub.user()
    account.password = "another password"
    wall = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{hub.port}", account).start()
    try:
        with wall.visitor() as visitor:
            assert visitor.get("/healthz").json() == {"status": "down", "hub": "ok", "account": "refused"}
            assert visitor.get("/articles/signer").status_code == 503
            assert visitor.get("/login").status_code == 200, "the wallet needs no account of the wall"
        check = wall.run("check")
        assert (check.returncode, account.login in check.stderr, account.password in check.stderr) == (1, True, False)
    finally:
        wall.close()


# --- what any client may try


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
            location = visitor.http.request("GET", f"{wall.url}{path}", headers={"Host": host}).headers.get("location", "/login")
            assert location in ("/login", "/wallet"), path
    fields = {"login": alice.login, "password": alice.password, "next": "https://evil.example"}
    done = visitor.post("/login?next=https://evil.example", fields)
    assert done.headers["location"] == "/wallet"


@pytest.mark.parametrize(
    "path",
    ["/articles/..%2f..%2fconfig.json", "/articles/%2e%2e", "/static/../config.py", "/static/..%2fconfig.py", "/static/%2e%2e/config.py"],
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
    for method, path in (("DELETE", "/wallet"), ("POST", "/wallet"), ("PUT", "/login"), ("GET", "/logout"), ("POST", "/articles/signer")):
        assert visitor.http.request(method, path).status_code == 405, path


def test_secrets_stay_out_of_the_log_and_memory_is_small(wall: Wall, alice: Wallet) -> None:
    with wall.visitor() as visitor:
        visitor.login(alice)
        visitor.post("/login", {"login": alice.login, "password": "a wrong password"})
    log = wall.log.read_text()
    assert not [
        secret for secret in (alice.password, "a wrong password", (wall.credentials / "hub_password").read_text().strip()) if secret in log
    ]
    assert wall.rss_mb() < 80


def test_check(wall: Wall, hub: Process, tmp_path_factory: pytest.TempPathFactory) -> None:
    good = wall.run("check")
    assert (good.returncode, good.stdout) == (0, "hub: ok\narticle channels.html: ok\narticle signer.md: ok\n")
    away = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{free_port()}", hub.user())
    try:
        (away.articles / "signer.md").write_text("nothing")
        bad = away.run("check")
        assert bad.returncode == 1
        assert "hub: " in bad.stderr
        assert "signer.md" in bad.stderr
        away.options["hub"]["ca_file"] = "/nowhere"
        assert "hub: /nowhere" in away.run("check").stderr
    finally:
        away.close()
