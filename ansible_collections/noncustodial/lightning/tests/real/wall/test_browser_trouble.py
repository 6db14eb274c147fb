# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages in a browser when something is late, away or hostile, on an lnd and a hub whose behaviour can be set."""

from __future__ import annotations

import hashlib
import os
import signal
import time
import typing as t
from dataclasses import replace

import pytest
from selenium.webdriver.common.keys import Keys

from ansible_collections.noncustodial.lightning.tests.support.accessibility import survey
from ansible_collections.noncustodial.lightning.tests.support.browsers import Browser
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import FakeLnd, fails, request, succeeds
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet
from ansible_collections.noncustodial.lightning.tests.support.walls import Account, Visitor, Wall
from wall_wallet.l402 import WAIT, Tokens

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def chromium(wall: Wall) -> t.Iterator[Browser]:
    browser = Browser(wall.url)
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser, wall: Wall) -> t.Iterator[Browser]:
    """A fresh browser. A complaint of it, or a request to any other host, fails the test."""
    chromium.url = wall.url
    chromium.fresh()
    yield chromium
    chromium.blameless()


@pytest.fixture
def own(
    setting: Setting, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[t.Callable[..., tuple[Process, Wall]]]:
    """A function that makes a hub with other settings, and a wall that waits for it a second."""
    made: list[tuple[Process, Wall]] = []

    def make(**service: t.Any) -> tuple[Process, Wall]:
        kept = setting.options["service"]
        setting.options["service"] = {**kept, **service}
        try:
            hub = setting.start()
        finally:
            setting.options["service"] = kept
        made.append(
            (hub, Wall(tmp_path_factory.mktemp("wall"), hub.url, hub.user(), {"hub": {"timeout": 1.0}}).start())
        )
        return made[-1]

    yield make
    for hub, wall in made:
        wall.close()
        hub.stop()


def login(browser: Browser, account: Account) -> None:
    browser.open("/login")
    browser.enter(login=account.login, password=account.password)
    browser.keys(Keys.ENTER)
    browser.heading("Wallet")


def receive(browser: Browser, amount: str, memo: str = "") -> str:
    """Make an invoice, and return its text."""
    browser.open("/wallet/receive")
    browser.enter(amount=amount, memo=memo)
    browser.keys(Keys.ENTER)
    browser.heading(f"Receive {amount}")
    return str(browser.at("#invoice").get_attribute("value"))


def send(browser: Browser, invoice: str) -> None:
    """Pay an invoice up to the point at which a person confirms it."""
    browser.open("/wallet/send")
    browser.enter(invoice=invoice)
    browser.press("Look at it")
    browser.heading("Send this?")
    browser.press("Send 1,000\xa0sat")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("document.querySelector('main').style.width = '2000px'", "sideways"),
        ("document.querySelector('h1').style.color = '#aaa'", "too pale"),
        ("document.querySelector('#login').style.borderColor = '#ddd'", "the edge of input#login"),
        ("document.querySelector('label').remove()", "without a name: .'textbox'"),
        (
            (
                "document.querySelector('button').style.height = '20px';"
                " document.querySelector('button').style.padding = 0"
            ),
            "small: button Log in",
        ),
        ("document.querySelector('h1').outerHTML = '<h2>Log in</h2>'", "levels"),
        ("document.querySelector('nav').remove()", "landmarks"),
        ("document.querySelector('main button').style.outline = 'none'", "no outline on button"),
        ("document.querySelector('main button').tabIndex = -1", "Tab goes"),
    ],
)
def test_a_survey_tells_of_faults(browser: Browser, fault: str, words: str) -> None:
    browser.open("/login")
    browser.script(fault)
    with pytest.raises(AssertionError, match=words):
        survey(browser, "login")


def test_a_payment_in_transit(browser: Browser, alice: Wallet, lnd: FakeLnd) -> None:
    login(browser, alice)
    for preimage, plan, end in (
        (b"ends well".ljust(32, b"."), succeeds(fee_msat=1000), "Sent"),
        (b"ends badly".ljust(32, b"."), fails(), "Not sent"),
    ):
        lnd.plan = lambda fake, payment: None
        send(browser, request(preimage, 1_000_000, memo="slow"))
        browser.heading("In transit")
        assert "do not pay it again" in browser.text()
        survey(browser, "in-transit")
        browser.script("window.untouched = true")
        lnd.end(hashlib.sha256(preimage).hexdigest(), plan)
        browser.heading(end)
        assert browser.script("return window.untouched === true"), "without a reload"
        survey(browser, end.lower().replace(" ", "-"))


def test_an_invoice_expires_while_it_is_shown(browser: Browser, own: t.Callable[..., tuple[Process, Wall]]) -> None:
    hub, wall = own(invoice_expiry=2)
    browser.url = wall.url
    login(browser, hub.user())
    invoice = receive(browser, "5")
    browser.heading("Expired")
    survey(browser, "expired")
    browser.open("/wallet/send")
    browser.enter(invoice=invoice)
    browser.press("Look at it")
    assert "has expired" in browser.at("[role=alert]").text


def test_an_invoice_for_an_article_expires(
    browser: Browser, hub: Process, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An hour after it was made, which this test makes two seconds, by a cookie with another time in it."""
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, hub.user(), {"wall": {"offers_of_reader": 2}}).start()
    try:
        browser.url = wall.url
        browser.open("/articles/signer")
        browser.press("Get an invoice")
        browser.at("#invoice")
        tokens = Tokens((wall.credentials / "token_key").read_bytes().strip(), 60, "test")
        said = tokens.read(WAIT, "signer", browser.cookies()["test-article"])
        browser.cookie(
            "test-article", tokens.make(WAIT, "signer", replace(said, until=int(time.time()) + 2)), "/articles/signer"
        )
        browser.open("/articles/signer")
        browser.at("[role=status]")
        until("its end", lambda: "Your invoice is about to expire" in browser.text())
        survey(browser, "offer-closing")
        # It can be paid for 5 minutes more, and one for clocks that differ, of which 2 seconds are left.
        browser.cookie(
            "test-article", tokens.make(WAIT, "signer", replace(said, until=int(time.time()) - 358)), "/articles/signer"
        )
        browser.open("/articles/signer")
        until("its last end", lambda: "has expired" in browser.text())
        survey(browser, "offer-expired")
        browser.press("Get another invoice")
        assert browser.at("#invoice").get_attribute("value") != said.invoice
        browser.open("/articles/channels")
        browser.press("Get an invoice")
        assert "asked for from your address" in browser.at("[role=alert]").text
        survey(browser, "offer-refused")
    finally:
        wall.close()


def test_an_article_is_paid_while_the_hub_is_away(
    browser: Browser, own: t.Callable[..., tuple[Process, Wall]], lnd: FakeLnd
) -> None:
    hub, wall = own()
    browser.url = wall.url
    browser.open("/articles/signer")
    browser.press("Get an invoice")
    invoice = browser.at("#invoice").get_attribute("value")
    assert invoice
    kept = browser.cookies()
    os.kill(hub.pid, signal.SIGSTOP)
    try:

        def says_so() -> bool:
            # Within a second the wall still knows what the hub has said.
            browser.open("/articles/signer")
            return "Your payment cannot be seen at the moment" in browser.text()

        until("what it says", says_so)
        survey(browser, "offer-unknown")
        assert browser.cookies() == kept
        browser.script("window.untouched = true")
    finally:
        os.kill(hub.pid, signal.SIGCONT)
    assert lnd.pay_from_outside(invoice)
    until("the article", lambda: "the tenant keeps the key" in browser.text())
    assert browser.script("return window.untouched === true"), "without a reload"
    browser.blameless("status of 503")


def test_a_session_that_ends_while_a_page_waits(browser: Browser, alice: Wallet, visitor: Visitor) -> None:
    visitor.login(alice)
    (cookie,) = visitor.http.cookies.jar
    browser.cookie(cookie.name, cookie.value or "")
    receive(browser, "5")
    assert visitor.post("/logout").status_code == 303
    browser.heading("Log in")


def test_a_hub_that_is_away_for_a_while(
    browser: Browser, own: t.Callable[..., tuple[Process, Wall]], lnd: FakeLnd
) -> None:
    hub, wall = own()
    browser.url = wall.url
    customer = hub.user()
    login(browser, customer)
    invoice = receive(browser, "5")
    os.kill(hub.pid, signal.SIGSTOP)
    try:
        with wall.visitor() as visitor:
            assert visitor.get("/healthz").json()["hub"] == "down"
        place = browser.driver.current_url.removeprefix(wall.url)
        browser.open("/wallet")
        browser.heading("The hub does not answer")
        assert "Your money is where it was" in browser.text()
        survey(browser, "away")
        browser.blameless("status of 503")
    finally:
        os.kill(hub.pid, signal.SIGCONT)
    browser.open(place)
    browser.heading("Receive 5")
    os.kill(hub.pid, signal.SIGSTOP)
    try:
        seen = len(wall.log.read_text())
        # A page that waits goes on asking.
        until("a question that is not answered", lambda: "/status: the hub:" in wall.log.read_text()[seen:])
    finally:
        os.kill(hub.pid, signal.SIGCONT)
    assert lnd.pay_from_outside(invoice)
    browser.heading("Received")
    browser.blameless("status of 503")


def test_what_strangers_write_is_long(browser: Browser, alice: Wallet, hub: Process) -> None:
    login(browser, alice)
    alice.pay(hub.user().invoice(1, "x" * 180))
    alice.invoice(10_000_000_000_000, "W" * 180)
    browser.open("/wallet/history")
    browser.heading("History")
    survey(browser, "long")
    receive(browser, "10,000,000,000,000", "m" * 200)
    survey(browser, "long-invoice")
    # The page of an invoice asks for its state until it is left.
    browser.open("/wallet/history")
    browser.heading("History")
    browser.blameless()


def test_nothing_works_that_an_article_brings(
    browser: Browser, own: t.Callable[..., tuple[Process, Wall]], alice: Wallet
) -> None:
    _hub, wall = own()
    browser.url = wall.url
    (wall.articles / "hostile.html").write_text(
        "title: Hostile\nprice: 1\nteaser: Not nice.\n\n"
        "<p class='there' style='color: red' onclick='window.broken = 1'>Here</p><script>window.broken = 2</script>"
        "<img src='https://evil.example/x' onerror='window.broken = 3'><iframe src='https://evil.example/y'></iframe>"
        "<svg onload='window.broken = 4'></svg><a class='lure' href='javascript:window.broken=5'>click</a>"
    )
    browser.open("/articles/hostile")
    browser.press("Get an invoice")
    alice.pay(str(browser.at("#invoice").get_attribute("value")))
    blocked = (
        "https://evil.example/x",
        "Framing 'https://evil.example/'",
        "inline style",
        "inline event handler",
        "JavaScript URL",
    )
    for more in ((), ("inline script",)):
        # First as it opens by itself, where scripts are not even looked at, then as it is loaded.
        browser.at(".there").click()
        browser.at(".lure").click()
        assert browser.script("return window.broken === undefined")
        browser.blameless(*blocked, *more)
        browser.open("/articles/hostile")
    browser.at(".there")
    browser.listen()
    browser.complaints.clear()
    browser.requests.clear()
