# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The articles: opened by L402 and by a page, and by nothing else."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon
from ansible_collections.noncustodial.lightning.tests.real.hubs import Process, Setting, Wallet
from ansible_collections.noncustodial.lightning.tests.real.walls import Visitor, Wall
from ansible_collections.noncustodial.lightning.tests.unit.fake_lnd import FakeLnd, request
from wall_wallet.l402 import OFFER, Tokens

pytestmark = pytest.mark.database


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
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, hub.user()).start()
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
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, account).start()
    try:
        with wall.visitor() as visitor:
            assert visitor.get("/healthz").json() == {"status": "down", "hub": "ok", "account": "refused"}
            assert visitor.get("/articles/signer").status_code == 503
            assert visitor.get("/login").status_code == 200, "the wallet needs no account of the wall"
        check = wall.run("check")
        assert (check.returncode, account.login in check.stderr, account.password in check.stderr) == (1, True, False)
    finally:
        wall.close()
