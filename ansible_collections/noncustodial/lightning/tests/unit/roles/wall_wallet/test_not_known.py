# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader who has paid for an article reads it, and pays once: while the hub is away, while strangers ask, and after
the invoice was shown.
"""

from __future__ import annotations

import asyncio
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.asgi import Client
from ansible_collections.noncustodial.lightning.tests.support.fake_hub import FakeHub, Invoice
from wall_wallet import receipts
from wall_wallet.hub import Account, Away, NoRoute, Refused
from wall_wallet.l402 import WAIT, TokenContent, Tokens

from . import test_offers
from .test_offers import PAGE, ask, its_cookie, later, of, press, state

hub, start, client = test_offers.hub, test_offers.start, test_offers.client
SHOWN, LAPSED = 3601, 3961


def others(hub: FakeHub, number: int = 100) -> None:
    """Add that many newer invoices of others, so that the hub no longer lists the earlier ones."""
    there = len(hub.invoices)
    hub.invoices += [Invoice(b"of others %d" % (there + one), 1, "", 3900, int(time.time())) for one in range(number)]


def read(client: Client) -> tuple[int, str]:
    """Return the page as a reader without scripts sees it."""
    answer = client.get("/articles/cheap", headers=PAGE)
    return answer.status_code, answer.text


def renewed(page: str) -> bool:
    """Return whether a page looks again by itself, with scripts and without."""
    return '<meta http-equiv="refresh"' in page and 'data-poll="/articles/cheap/status"' in page


def until_known(client: Client) -> str:
    """Return the state that a waiting page gets in the end."""
    end = time.monotonic() + 10
    while client.get("/articles/cheap/status").status_code == 503:
        assert time.monotonic() < end
    return state(client)


def test_no_stranger_who_polls_hides_a_payment(client: Client, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """He has many invoices that nobody pays, and asks for them again and again, from one network."""
    # One after the other they would take 15 seconds.
    monkeypatch.setattr(receipts, "_WAIT_SECONDS", 4.0, raising=False)
    others(hub, 75)
    tokens = Tokens(b"k" * 32, 3600, "acme")
    old = [
        tokens.make(
            WAIT,
            "cheap",
            TokenContent(
                payment_hash=one.payment_hash,
                price=1,
                ends=tokens.ends(),
                until=int(time.time()) + 60,
                invoice=one.text,
            ),
        )
        for one in hub.invoices
    ]
    ask(client)
    hub.invoices[-1].paid = 1
    name, value = its_cookie(client)
    client.cookies.clear()
    others(hub)
    cookies = [{"Cookie": f"{name}={one}", **of(f"203.0.113.{number}")} for number, one in enumerate(old)]
    paths = ["/articles/cheap/status"] * len(old)
    asked = 0
    while asked < 20:
        client.at_once(paths, cookies)
        asked = hub.calls["/v2/invoices"]
    *strangers, payer = client.at_once([*paths, paths[0]], [*cookies, {"Cookie": f"{name}={value}", **of("192.0.2.1")}])
    assert payer.json() == {"state": "paid"}
    assert 503 in {one.status_code for one in strangers}, "he is told that it is not known"
    assert {one.json()["state"] for one in strangers} <= {"open", "unknown"}


@pytest.mark.parametrize("passed", [0, SHOWN, LAPSED])
def test_what_was_paid_is_kept_until_it_was_looked_up(
    start: t.Callable[..., Client], hub: FakeHub, monkeypatch: pytest.MonkeyPatch, passed: int
) -> None:
    """The cookie is all that its payer has of it."""
    client = start()
    ask(client)
    hub.invoices[0].paid = 1
    others(hub)
    name, value = its_cookie(client)
    with monkeypatch.context() as one_lookup:
        one_lookup.setattr(receipts, "_SINGLES_PER_SECOND", 0.0001)
        one_lookup.setattr(receipts, "_SINGLES_BURST", 1.0)
        again = start()
    # However busy the machine is, this one has its answer.
    monkeypatch.setattr(receipts, "_WAIT_SECONDS", 30.0, raising=False)
    tokens = Tokens(b"k" * 32, LAPSED + 60, "acme")
    stranger = tokens.make(
        WAIT,
        "cheap",
        TokenContent(
            payment_hash=hub.invoices[0].payment_hash[::-1], price=1, ends=tokens.ends(), until=1, invoice="lnfake"
        ),
    )
    assert state(again, cookie=f"{name}={stranger}") == "expired", "the only lookup there is"
    monkeypatch.setattr(receipts, "_WAIT_SECONDS", 0.05, raising=False)
    again.cookies.set(name, value, "wall.example", "/articles/cheap")
    later(monkeypatch, passed)
    made = hub.calls["/addinvoice"]
    status, page = read(again)
    assert (status, "Do not pay again" in page, renewed(page), "expired" in page, "<button" in page) == (
        503,
        True,
        True,
        False,
        False,
    )
    assert press(again) == 303
    assert (hub.calls["/addinvoice"], its_cookie(again)) == (made, (name, value)), "no other, and the cookie is kept"
    after = start()
    after.cookies.set(name, value, "wall.example", "/articles/cheap")
    assert press(after) == 303
    assert hub.calls["/addinvoice"] == made, "as the hub says that it was paid"
    assert "Behind cheap's wall" in read(after)[1]


@pytest.mark.parametrize("passed", [0, SHOWN, LAPSED])
def test_a_hub_that_is_away_makes_nobody_pay_twice(
    client: Client, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, passed: int
) -> None:
    ask(client)
    hub.invoices[0].paid = 1
    kept = its_cookie(client)
    later(monkeypatch, passed)
    hub.away = True
    end = time.monotonic() + 10
    while client.get("/articles/cheap/status").status_code != 503:
        assert time.monotonic() < end
    for _turn in range(3):
        status, page = read(client)
        assert (status, renewed(page), "expired" in page, "<button" in page) == (503, True, False, False)
        assert press(client) == 303
    assert its_cookie(client) == kept
    hub.away = False
    # In the same second, in which the hub is not asked again.
    press(client)
    assert len(hub.invoices) == 1
    assert until_known(client) == "paid"
    assert "Behind cheap's wall" in read(client)[1]


def test_what_is_paid_after_it_was_shown_no_more(client: Client, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub takes it for five minutes more, and until it can be paid no more there is no other."""
    ask(client)
    later(monkeypatch, SHOWN)
    assert state(client) == "closing"
    status, page = read(client)
    assert (status, renewed(page), "<button" in page, "lnfake" in page) == (402, True, False, False)
    assert press(client) == 303
    assert len(hub.invoices) == 1
    hub.invoices[0].paid = 1
    end = time.monotonic() + 10
    while state(client) != "paid":
        assert time.monotonic() < end
    assert "Behind cheap's wall" in read(client)[1]


def test_another_price_takes_no_invoice_away(client: Client, hub: FakeHub, tmp_path: Path) -> None:
    """A page that showed a price that has changed since."""
    ask(client)
    kept = its_cookie(client)
    (tmp_path / "cheap.md").write_text("title: The cheap one\nprice: 2\nteaser: Read it.\n\nBehind cheap's wall.\n")
    assert press(client) == 303
    assert (len(hub.invoices), its_cookie(client)) == (1, kept)
    hub.invoices[0].paid = 1
    end = time.monotonic() + 10
    while state(client) != "paid":
        assert time.monotonic() < end


class Asked:
    """A hub with one answer about an invoice, and another to its check."""

    def __init__(self, said: t.Any, checked: t.Any) -> None:
        self._said, self._checked = said, checked

    async def ask(self, method: str, path: str, *_args: t.Any, **_query: t.Any) -> t.Any:
        """Answer."""
        said = self._checked if path.startswith("/checkpayment/") else self._said
        if isinstance(said, Exception):
            raise said
        return said


def received(said: t.Any, checked: t.Any = None) -> int:
    """Return the amount that an account gets from that hub."""
    return asyncio.run(Account(Asked(said, checked)).received("00" * 32))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        Refused("the hub is being checked against its node", 7, 503),
        Refused("the Lightning node does not answer", 7, 502),
        Refused("something went wrong", 6, 500),
        Refused("too many requests", 9, 429),
        Refused("what no hub says yet", 99, 400),
        {},
    ],
)
def test_an_answer_that_says_nothing_is_not_0(said: t.Any) -> None:
    with pytest.raises((Refused, Away)):
        received(said)


@pytest.mark.parametrize("status", [400, 404])
def test_an_invoice_that_the_account_has_not(status: int) -> None:
    assert received(Refused("not found", 8, status)) == 0


@pytest.mark.parametrize("checked", [{"paid": True}, Refused("the hub is being checked", 7, 503), Away("it is down")])
def test_a_hub_without_the_route_says_only_what_was_not_paid(checked: t.Any) -> None:
    assert received(NoRoute("no such route"), {"paid": False}) == 0
    with pytest.raises(Away):
        received(NoRoute("no such route"), checked)
