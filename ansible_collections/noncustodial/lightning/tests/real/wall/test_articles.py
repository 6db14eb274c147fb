# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Articles are opened by L402 and by a page, and in no other way."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import replace

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import FakeLnd, request
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor, Wall
from wall_wallet.l402 import OFFER, WAIT, TokenContent, Tokens

pytestmark = pytest.mark.database


def challenge(visitor: Visitor, article: str = "signer") -> tuple[str, str]:
    """Return token and invoice as a client of L402 reads them."""
    answer = visitor.get(f"/articles/{article}", accept="*/*")
    assert answer.status_code == 402
    found = re.fullmatch(
        r'L402 macaroon="([^"]+)", invoice="([^"]+)", version="0", token="([^"]+)"', answer.headers["www-authenticate"]
    )
    assert found is not None
    assert found[1] == found[3]
    assert answer.json() == {"error": "payment required", "price_sat": 100, "token": found[1], "invoice": found[2]}
    return found[1], found[2]


def paid(payer: Wallet, invoice: str) -> str:
    """Pay, and return the preimage."""
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
    older = macaroon.parse(base64.b64decode(token)).attenuated(f"preimage={preimage}").encode().hex()
    for name in ("Macaroon", "Grpc-Metadata-Macaroon"):
        assert visitor.http.get("/articles/signer", headers={name: older}).status_code == 200, name
    assert alice.msat == 9_900_000


def test_what_opens_no_article(wall: Wall, visitor: Visitor, alice: Wallet) -> None:
    token, invoice = challenge(visitor)
    preimage = paid(alice, invoice)
    payment_hash = hashlib.sha256(bytes.fromhex(preimage)).hexdigest()
    key = (wall.credentials / "token_key").read_bytes().strip()
    given = macaroon.parse(base64.b64decode(token))
    forged = macaroon.Macaroon(
        given.location, given.identifier, ("article=channels", *given.caveats[1:]), given.signature
    )
    said = TokenContent(payment_hash=payment_hash, price=100, ends=int(time.time()) + 60)
    until("an invoice that is not paid", lambda: challenge(visitor)[1] != invoice)
    other_token, _other_invoice = challenge(visitor)
    wrong = {
        "other article": ("channels", f"L402 {token}:{preimage}", "another article"),
        "made over": ("channels", f"L402 {base64.b64encode(forged.encode()).decode()}:{preimage}", "not of this wall"),
        "not paid": ("signer", f"L402 {other_token}:{preimage}", "preimage"),
        "no preimage": ("signer", f"L402 {token}:", "preimage"),
        "lapsed": (
            "signer",
            f"L402 {Tokens(key, 60, 'test').make(OFFER, 'signer', replace(said, ends=1))}:{preimage}",
            "expired",
        ),
        "another wall's": (
            "signer",
            f"L402 {Tokens(b'x' * 32, 60, 'test').make(OFFER, 'signer', said)}:{preimage}",
            "not of this wall",
        ),
        "no token": ("signer", f"L402 :{preimage}", "cannot be read"),
    }
    for name, (article, credentials, words) in wrong.items():
        answer = visitor.get(f"/articles/{article}", authorization=credentials, accept="*/*")
        assert (answer.status_code, words in answer.json()["error"]) == (402, True), (name, answer.text)
    for scheme in ("Bearer", "Basic"):
        assert visitor.get("/articles/signer", authorization=f"{scheme} {token}:{preimage}").status_code == 402


def test_somebody_without_such_a_client(wall: Wall, visitor: Visitor, alice: Wallet, lnd: FakeLnd) -> None:
    made = lnd.calls["AddInvoice"]
    first = visitor.get("/articles/channels")
    assert (first.status_code, "set-cookie" in first.headers) == (402, False)
    assert "Channels &amp; their &lt;money&gt;" in first.text
    assert "can leave" not in first.text
    assert lnd.calls["AddInvoice"] == made, "looking makes none"
    pressed = visitor.post("/articles/channels/offer", origin=wall.url)
    cookie = pressed.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/articles/channels"} <= set(cookie.split("; "))
    invoice = visitor.offered("channels")
    assert visitor.ask("channels") == invoice, "pressed again, there is the same invoice"
    assert lnd.calls["AddInvoice"] == made + 1
    assert visitor.state("/articles/channels") == "open"
    with wall.visitor() as thief:
        paid(alice, invoice)
        until("the confirmation", lambda: visitor.state("/articles/channels") == "paid")
        assert "can leave" in visitor.get("/articles/channels").text
        assert thief.get("/articles/channels").status_code == 402, "who has not paid has nothing of it"
        name, _equals, value = cookie.partition(";")[0].partition("=")
        assert thief.get("/articles/channels", authorization=f"L402 {value}:{'0' * 64}").status_code == 402
        ticket = next(one for one in visitor.http.cookies.jar if one.name == name).value
        assert ticket is not None
        for other in (value, ticket):
            assert thief.get("/articles/signer", cookie=f"{name}={other}").status_code == 402, "it is for one article"
            assert thief.get("/articles/channels", cookie=f"{name}={other[:-6]}").status_code == 402


def test_what_the_walls_own_account_pays_is_no_purchase(
    wall: Wall, visitor: Visitor, hub: Process, alice: Wallet, lnd: FakeLnd
) -> None:
    """Even by a token of the wall's own, which nobody can make: the hub has no such invoice, and reports it as paid."""
    account = Wallet(hub, wall.options["wall"]["login"], (wall.credentials / "hub_password").read_text().strip())
    assert alice.pay(account.invoice(500))["payment_error"] == ""
    sent = request(b"sent by the wall".ljust(32, b"."), 100_000)
    assert account.pay(sent)["payment_error"] == ""
    payment_hash = hashlib.sha256(b"sent by the wall".ljust(32, b".")).hexdigest()
    assert account.get(f"/checkpayment/{payment_hash}") == {"paid": True}
    tokens = Tokens((wall.credentials / "token_key").read_bytes().strip(), 60, "test")
    content = TokenContent(payment_hash=payment_hash, price=100, ends=tokens.ends(), until=tokens.ends(), invoice=sent)
    cookie = f"test-article={tokens.make(WAIT, 'signer', content)}"
    assert visitor.get("/articles/signer/status", cookie=cookie).json() == {"state": "open"}
    assert "the tenant keeps the key" not in visitor.get("/articles/signer", cookie=cookie).text


def test_a_paid_page_opens_without_script_too(visitor: Visitor, alice: Wallet) -> None:
    paid(alice, visitor.ask("signer"))
    assert (
        '<noscript><meta http-equiv="refresh"' in visitor.get("/articles/signer").text
        or visitor.state("/articles/signer") == "paid"
    )
    until("the confirmation", lambda: "the tenant keeps the key" in visitor.get("/articles/signer").text)


def test_an_open_article_needs_no_hub(
    setting: Setting, alice: Wallet, lnd: FakeLnd, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub = setting.start()
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, hub.user()).start()
    try:
        with wall.visitor() as visitor, wall.visitor() as other:
            other.login(alice)
            preview = other.preview(request(b"hub away".ljust(32, b"."), 1_000_000))
            paid(alice, visitor.ask("signer"))
            until("the confirmation", lambda: visitor.get("/articles/signer").status_code == 200)
            hub.stop()
            wall.stop()
            wall.start()
            assert visitor.get("/articles/signer").status_code == 200, "after a restart, and with no hub"
            assert other.get("/articles/signer").status_code == 402, "its price too"
            down = other.post("/articles/signer/offer", origin=wall.url)
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
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, account).start()
    try:
        with wall.visitor() as visitor:
            assert visitor.get("/healthz").json() == {"status": "down", "hub": "ok", "account": "refused"}
            assert visitor.get("/articles/signer").status_code == 402
            assert visitor.post("/articles/signer/offer", origin=wall.url).status_code == 503
            assert visitor.get("/login").status_code == 200, "the wallet needs no account of the wall"
        check = wall.run("check")
        assert (check.returncode, account.login in check.stderr, account.password in check.stderr) == (1, True, False)
    finally:
        wall.close()
