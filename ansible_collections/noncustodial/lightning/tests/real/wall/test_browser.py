# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People's work at a wall & wallet in a browser, mostly by keyboard; every page on the way is checked on each kind of
screen.

By default this is done to two walls that the tests start themselves, on hubs of two real lnds. To do the same to walls
that are deployed, name them:

    WALLS=walls.json tools/run pytest ansible_collections/noncustodial/lightning/tests/real/wall/test_browser.py

`walls.json` is a list of two objects or more, with the attributes of `Site` in tests/support/wall_sites.py, and it
holds passwords: let nobody else read it.

    [{"name": "acme", "url": "https://acme.example:8543", "login": "…", "password": "…", "ca_file": "/…/acme.crt",
      "signup": false, "article": "signer"}, …]

Each is visited in turn, and its customer pays, and is paid by, the customer of the next one in the list, so that those
of different nodes pay each other over Lightning. That costs a customer 500 sat and the price of an article at most. All
of it comes from one address, and stays within the limits of the role's proxy and the hub's defaults. Nothing else is
asked for: no hub, no node, no clock. Chromium must be there (tools/host chromium chromium-driver), and the walls on
regtest, for the network of an invoice that is refused. With PICTURES=FOLDER each page is saved there as a picture.
"""

from __future__ import annotations

import csv
import re
import typing as t
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from ansible_collections.noncustodial.lightning.tests.support.accessibility import survey
from ansible_collections.noncustodial.lightning.tests.support.browsers import Browser
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.wall_sites import LOCAL_SITE, Local, Site, deployed
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor

pytestmark = [pytest.mark.chain, pytest.mark.database]

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
FORMULA = '=HYPERLINK("https://evil.example","cake")'
MAINNET = (
    "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxats"
    "yp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh"
)
"""An invoice of the main network, from the examples of BOLT 11."""


@pytest.fixture(scope="module")
def sites(request: pytest.FixtureRequest) -> list[Site]:
    named = deployed()
    if named:
        return named
    local: Local = request.getfixturevalue("local")
    return local.sites()


@pytest.fixture(scope="module", params=[site.name for site in deployed()] or [LOCAL_SITE])
def site(request: pytest.FixtureRequest, sites: list[Site]) -> Site:
    """The wall that is visited."""
    return next(site for site in sites if site.name == request.param)


@pytest.fixture(scope="module")
def chromium(site: Site) -> t.Iterator[Browser]:
    browser = Browser(site.url)
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser) -> t.Iterator[Browser]:
    """A fresh browser. A complaint of it, or a request to any other host, fails the test."""
    chromium.fresh()
    yield chromium
    chromium.blameless()


@pytest.fixture(scope="module")
def other(site: Site, sites: list[Site]) -> t.Iterator[Visitor]:
    """A customer of the next wall."""
    found = sites[(sites.index(site) + 1) % len(sites)]
    with found.visitor() as visitor:
        yield visitor.login(found)


@pytest.fixture(scope="module")
def customer(site: Site) -> t.Iterator[Visitor]:
    """The wall's customer, without a browser."""
    with site.visitor() as visitor:
        yield visitor.login(site)


@pytest.fixture
def inside(browser: Browser, customer: Visitor) -> Browser:
    """A browser in which the customer is logged in. Hubs limit logins, so it is the same session for all tests."""
    (cookie,) = customer.http.cookies.jar
    browser.cookie(cookie.name, cookie.value or "")
    browser.open("/wallet")
    browser.heading("Wallet")
    return browser


def login(browser: Browser, name: str, password: str) -> None:
    """Log in by keyboard."""
    browser.enter(login=name, password=password)
    browser.keys(Keys.ENTER)


def balance(browser: Browser) -> int:
    """Return the balance that the wallet's page shows."""
    browser.open("/wallet")
    return int(browser.at(".balance .sat").text.split()[0].replace(",", ""))


def mark(browser: Browser) -> None:
    """Leave a mark that is gone when the page is loaded anew."""
    browser.script("window.untouched = true")


def untouched(browser: Browser) -> bool:
    return bool(browser.script("return window.untouched === true"))


def shown_invoice(browser: Browser) -> str:
    return str(browser.at("#invoice").get_attribute("value"))


def test_a_browser_tells_of_a_breach(browser: Browser) -> None:
    """The positive control of all other tests, which rely on complaints to find a breach."""
    browser.open("/login")
    browser.script("document.body.append(Object.assign(new Image(), { src: 'https://evil.example/x' }))")
    browser.script(
        "document.body.append(Object.assign(document.createElement('style'), { textContent: 'body { color: red }' }))"
    )
    browser.script(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.broken = true' }))"
    )
    assert browser.script("return window.broken === undefined")
    browser.blameless("https://evil.example/x", "inline style", "inline script")


def test_sign_up_by_keyboard(browser: Browser, site: Site) -> None:
    browser.open("/login")
    if not site.signup:
        assert "Make one" not in browser.text()
        browser.open("/signup")
        browser.heading("No new accounts")
        survey(browser, "signup-closed")
        return
    browser.press("Make one")
    browser.heading("New account")
    survey(browser, "signup")
    browser.press("Make an account")
    browser.heading("Your account")
    survey(browser, "created")
    made, password, connection = (
        browser.at(f"#{name}").get_attribute("value") or "" for name in ("login", "password", "connection")
    )
    assert connection == f"lndhub://{made}:{password}@{connection.rpartition('@')[2]}"
    browser.press("I have kept them")
    browser.heading("Wallet")
    assert balance(browser) == 0
    survey(browser, "wallet-empty")
    browser.press("Log out")
    browser.heading("Log in")
    login(browser, made, password)
    browser.heading("Wallet")


def test_log_in_and_out_by_keyboard(browser: Browser, site: Site) -> None:
    browser.open("/wallet")
    browser.heading("Log in")
    survey(browser, "login")
    login(browser, site.login, "a wrong password")
    alert = browser.at("[role=alert]")
    assert "not right" in alert.text
    assert browser.at("#password").get_attribute("aria-describedby") == alert.get_attribute("id")
    assert browser.at("#login").get_attribute("value") == site.login, "only the password is typed again"
    assert browser.at("#password").get_attribute("value") == ""
    survey(browser, "login-wrong")
    login(browser, site.login, site.password)
    browser.heading("Wallet")
    survey(browser, "wallet")
    browser.press("Log out")
    browser.heading("Log in")
    browser.driver.back()
    browser.heading("Log in")
    assert site.login not in browser.script("return document.documentElement.outerHTML"), "the page before is not kept"


def test_receive_by_keyboard(inside: Browser, other: Visitor) -> None:
    before = balance(inside)
    inside.press("Receive")
    inside.heading("Receive")
    survey(inside, "receive")
    inside.enter(amount="1.5", memo=HOSTILE)
    inside.keys(Keys.ENTER)
    assert "whole number of sat" in inside.at("[role=alert]").text
    survey(inside, "receive-wrong")
    inside.enter(amount="1,200")
    inside.press("Make an invoice")
    inside.heading("Receive 1,200")
    assert HOSTILE in inside.text()
    survey(inside, "invoice")
    assert inside.at("main a[href^=lightning]").get_attribute("href") == f"lightning:{shown_invoice(inside)}"
    mark(inside)
    other.pay(shown_invoice(inside))
    inside.heading("Received")
    assert untouched(inside), "without a reload"
    assert inside.script("return document.activeElement.id") == "main", "and a screen reader goes on there"
    assert "Received" in inside.driver.title
    survey(inside, "received")
    assert balance(inside) == before + 1200


def test_send_by_keyboard(inside: Browser, other: Visitor) -> None:
    before = balance(inside)
    _place, invoice = other.receive("250", f"cake {HOSTILE}")
    inside.press("Send")
    inside.heading("Send")
    survey(inside, "send")
    inside.enter(invoice=f" lightning:{invoice} ", amount="")
    inside.press("Look at it")
    inside.heading("Send this?")
    preview = inside.text()
    assert f"cake {HOSTILE}" in preview
    assert re.search(r"Payee\u2019s node\s+0[23][0-9a-f]{64}", preview)
    survey(inside, "preview")
    place = inside.driver.current_url.removeprefix(inside.url)
    assert balance(inside) == before, "nothing is paid by looking"
    inside.open(place)
    inside.press("Send 250\xa0sat")
    inside.heading("Sent")
    fee = int(re.findall(r"Fee\s+([\d,]+)", inside.text())[0])
    survey(inside, "sent")
    assert balance(inside) == before - 250 - fee
    _place, free = other.receive("", "as you like")
    inside.open("/wallet/send")
    inside.enter(invoice=free)
    inside.press("Look at it")
    assert "say how much" in inside.at("[role=alert]").text
    inside.enter(amount="21")
    inside.press("Look at it")
    inside.heading("Send this?")
    inside.press("Do not send")
    inside.heading("Wallet")


def test_what_cannot_be_paid(inside: Browser, other: Visitor) -> None:
    for invoice, words in (("nonsense", "Not a valid invoice"), (MAINNET, "Not a valid invoice")):
        inside.open("/wallet/send")
        inside.enter(invoice=invoice)
        inside.press("Look at it")
        assert words in inside.at("[role=alert]").text
    survey(inside, "send-wrong")
    _place, invoice = other.receive("90000000")
    inside.open("/wallet/send")
    inside.enter(invoice=invoice)
    inside.press("Look at it")
    inside.press("Send 90,000,000\xa0sat")
    inside.heading("Not sent")
    assert "not enough balance" in inside.text().lower()
    survey(inside, "not-sent")


def test_an_article_by_keyboard(browser: Browser, site: Site, other: Visitor) -> None:
    browser.open("/")
    if not site.article:
        browser.heading("Log in")
        return
    browser.heading("Articles")
    survey(browser, "articles")
    title = browser.at(f'main a[href="/articles/{site.article}"]').text
    browser.press(title)
    browser.heading(title)
    assert "lnbc" not in browser.text(), "nobody is given an invoice for looking"
    survey(browser, "price")
    browser.press("Get an invoice")
    browser.at("#invoice")
    survey(browser, "offer")
    mark(browser)
    other.pay(shown_invoice(browser))
    browser.at(".content")
    assert untouched(browser), "without a reload"
    assert browser.script("return document.activeElement.id") == "main"
    survey(browser, "article")
    browser.open(f"/articles/{site.article}")
    browser.at(".content")
    with site.visitor() as thief:
        assert thief.get(f"/articles/{site.article}").status_code == 402, "it is open to whoever has paid"


def test_history_by_keyboard(inside: Browser, customer: Visitor, other: Visitor, tmp_path: Path) -> None:
    for number in range(21):
        assert customer.post("/wallet/receive", {"amount": "1", "memo": f"open {number}"}).status_code == 303
    _place, invoice = other.receive("1", FORMULA)
    customer.pay(invoice)
    inside.press("History")
    inside.heading("History")
    survey(inside, "history")
    seen = [one.text for one in inside.all(".items li")]
    assert len(seen) == 20
    inside.press("Older")
    until("an older page", lambda: "in=" in inside.driver.current_url)
    survey(inside, "history-older")
    seen += [one.text for one in inside.all(".items li")]
    assert len([text for text in seen if re.search(r"open \d+", text)]) >= 21
    assert len(set(re.findall(r"open \d+", "\n".join(seen)))) == 21, "each once"
    inside.downloads(tmp_path)
    inside.press("Save all as CSV")
    saved = tmp_path / "history.csv"
    until("the file", saved.exists)
    with saved.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert {len(row) for row in rows} == {8}
    assert [row["memo"] for row in rows if FORMULA in row["memo"]] == [f"'{FORMULA}"] * sum(
        FORMULA in row["memo"] for row in rows
    )
    assert sum(FORMULA in row["memo"] for row in rows) >= 1
    inside.press("Newest")
    until("the newest page", lambda: "in=" not in inside.driver.current_url)


def test_without_scripts(inside: Browser, site: Site, other: Visitor) -> None:
    inside.scripts(allowed=False)
    inside.open("/wallet/receive")
    assert inside.script("return document.querySelector('main').dataset.poll === undefined")
    inside.enter(amount="30")
    inside.keys(Keys.ENTER)
    inside.heading("Receive 30")
    assert not inside.at("[data-copy]").is_displayed(), "a button that does nothing is not shown"
    other.pay(shown_invoice(inside))
    inside.heading("Received")
    _place, invoice = other.receive("30")
    inside.open("/wallet/send")
    inside.enter(invoice=invoice)
    inside.press("Look at it")
    inside.heading("Send this?")
    inside.press("Send 30\xa0sat")
    inside.heading("Sent")
    if site.article:
        inside.open(f"/articles/{site.article}")
        inside.press("Get an invoice")
        other.pay(shown_invoice(inside))
        inside.at(".content")


def test_where_there_is_nothing(inside: Browser) -> None:
    for path, words in (
        ("/nowhere", "There is no page here"),
        ("/articles/none", "No such article"),
        ("/wallet/send/none", "No such payment"),
        (f"/wallet/receive/{'0' * 64}", "No such invoice"),
    ):
        inside.open(path)
        inside.heading(words)
    survey(inside, "problem")
    inside.press("Begin at the start")
    inside.heading("Wallet")


def test_a_session_that_has_ended(browser: Browser, site: Site) -> None:
    browser.open("/login")
    login(browser, site.login, site.password)
    browser.heading("Wallet")
    browser.open("/wallet/receive")
    browser.enter(amount="77")
    browser.forget()
    browser.keys(Keys.ENTER)
    browser.heading("Log in")
    login(browser, site.login, site.password)
    browser.heading("Wallet")
    assert "77\xa0sat" not in browser.text(), "nothing was done"
    browser.open("/wallet/receive")
    field = "document.querySelector('main [name=csrf]').value"
    browser.script(f"{field} = 'of an earlier login'")
    browser.enter(amount="77")
    browser.keys(Keys.ENTER)
    browser.heading("Out of date")
