# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wallet's pages: receive, send, history."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import FakeLnd, Gate, fails, request, succeeds
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Wallet
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor, Wall

pytestmark = pytest.mark.database

PREIMAGE = b"a real preimage of thirty-two by"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onfocus=alert(3) '"


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
    assert "Not enough balance" in visitor.get(much).text
    assert alice.msat == 10_000_000


def test_confirmed_many_times_at_once_is_paid_once(visitor: Visitor, alice: Wallet, lnd: FakeLnd) -> None:
    visitor.login(alice)
    gate = Gate()
    lnd.plan, lnd.before_taking = succeeds(fee_msat=2000), gate.wait
    before = lnd.calls["SendPaymentV2"]
    preview = visitor.preview(request(b"double click".ljust(32, b"."), 1_000_000))
    try:
        csrf = re.findall(r'name="csrf" value="([^"]+)"', visitor.get(preview).text)[0]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _number: visitor.post(preview, {"csrf": csrf}, visitor.url), range(8)))
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
    # The hub pays no invoice twice, however it is asked, and no page shows it as not paid.
    until("the end", lambda: visitor.state(again) == "paid")
    assert "It was paid before, and not again." in visitor.get(again).text
    assert lnd.calls["SendPaymentV2"] == before + 1
    assert alice.msat == 10_000_000 - 1_002_000


@pytest.mark.parametrize(
    ("plan", "end", "left"), [(succeeds(fee_msat=1000), "paid", 8_999_000), (fails(), "failed", 10_000_000)]
)
def test_in_transit_is_said_and_ends(
    visitor: Visitor, alice: Wallet, lnd: FakeLnd, plan: t.Any, end: str, left: int
) -> None:
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
    assert (sent["sent_sat"], sent["fee_sat"], sent["state"], sent["memo"]) == (
        "100",
        "0",
        "paid",
        '\'=HYPERLINK("http://evil.example")',
    )
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
        assert "<img src=x" not in text
        assert '" onfocus' not in text
