# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of strangers at the wall, and those that open an article for them, on the whole application and a hub that
counts its requests.
"""

from __future__ import annotations

import base64
import contextlib
import re
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from ansible_collections.noncustodial.lightning.tests.support.asgi import Client, Running
from ansible_collections.noncustodial.lightning.tests.support.fake_hub import FakeHub, Invoice
from wall_wallet import config, offers
from wall_wallet.app import make

ORIGIN = "https://wall.example"
PAGE = {"Accept": "text/html"}
ARTICLES = {"cheap": 1, "dear": 5000}


@pytest.fixture
def hub() -> t.Iterator[FakeHub]:
    hub = FakeHub()
    yield hub
    hub.stop()


@pytest.fixture
def start(hub: FakeHub, tmp_path: Path) -> t.Iterator[t.Callable[..., Client]]:
    """A function that starts the application anew, and returns a reader of it."""
    for name, price in ARTICLES.items():
        (tmp_path / f"{name}.md").write_text(
            f"title: The {name} one\nprice: {price}\nteaser: Read it.\n\nBehind {name}'s wall.\n"
        )
    (tmp_path / "token_key").write_text("k" * 32)
    (tmp_path / "hub_password").write_text("password")
    with contextlib.ExitStack() as stack:

        def go(name: str = "acme", **wall: t.Any) -> Client:
            its = config.Config(
                hub=config.HubSettings(url=hub.url),
                wall=config.WallSettings(articles=str(tmp_path), login="wall", **wall),
                service=config.ServiceSettings(name=name),
                credentials=tmp_path,
            )
            running = Running(make(its))
            stack.callback(running.stop)
            return running.client(ORIGIN)

        yield go


@pytest.fixture
def client(start: t.Callable[..., Client]) -> Client:
    """A reader."""
    return start()


def of(address: str) -> dict[str, str]:
    """Return the headers of a person at an address, as the proxy passes them on."""
    return {"X-Forwarded-For": address}


def press(client: Client, article: str = "cheap", address: str = "192.0.2.1") -> int:
    """Ask for an invoice by the button; return the status."""
    return client.post(f"/articles/{article}/offer", headers={"Origin": ORIGIN, **PAGE, **of(address)}).status_code


def ask(client: Client, article: str = "cheap") -> str:
    """Get an invoice as people do, with its cookie, or the one that the page has already; return the page."""
    client.get(f"/articles/{article}", headers=PAGE)
    if not client.cookies:
        assert press(client, article) == 303
    return client.get(f"/articles/{article}", headers=PAGE).text


def state(client: Client, article: str = "cheap", cookie: str = "") -> str:
    """Return the state that a waiting page gets."""
    return str(
        client.get(f"/articles/{article}/status", headers={"Cookie": cookie} if cookie else None).json()["state"]
    )


def challenge(client: Client, article: str = "cheap", address: str = "192.0.2.1") -> dict[str, t.Any]:
    """Return the challenge for a client of L402."""
    answer = client.get(f"/articles/{article}", headers={"Accept": "*/*", **of(address)})
    assert answer.status_code == 402
    return t.cast("dict[str, t.Any]", answer.json())


def its_cookie(client: Client) -> tuple[str, str]:
    """Return name and value of the cookie."""
    (cookie,) = client.cookies.jar
    return cookie.name, str(cookie.value).strip('"')


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let time pass."""
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)


def test_reading_costs_the_hub_nothing(client: Client, hub: FakeHub) -> None:
    for number in range(60):
        for article in ARTICLES:
            assert client.get(f"/articles/{article}", headers={**PAGE, **of(f"192.0.2.{number}")}).status_code == 402
            assert client.ask("HEAD", f"/articles/{article}", headers=of(f"192.0.2.{number}")).status_code == 402
    assert client.get("/", headers=PAGE).status_code == 200
    assert hub.calls == {}
    assert press(client) == 303
    assert hub.calls == {"/addinvoice": 1}, "it would have been seen"


def test_who_has_an_invoice_gets_no_other_while_it_lasts(
    client: Client, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The page shows how many minutes are left.
    later(monkeypatch, 0)
    first = ask(client)
    assert hub.invoices[0].text in first
    for _turn in range(5):
        assert press(client) == 303
    assert client.get("/articles/cheap", headers=PAGE).text == first
    assert len(hub.invoices) == 1
    later(monkeypatch, 3961)
    assert state(client) == "expired"
    assert "has expired" in client.get("/articles/cheap", headers=PAGE).text
    assert press(client) == 303
    assert len(hub.invoices) == 2
    assert state(client) == "open"
    assert {one.expiry for one in hub.invoices} == {3900}, "the hub need not keep it for longer"


def test_forms_of_other_sites_make_no_invoice(client: Client, hub: FakeHub) -> None:
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert client.post("/articles/cheap/offer", headers=origin).status_code == 403
    assert press(client, "none") == 404
    assert hub.calls == {}


def test_a_picture_on_another_site_makes_no_invoice(client: Client, hub: FakeHub) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"Accept": "image/avif,image/webp,*/*;q=0.8", "Sec-Fetch-Site": site}
        assert client.get("/articles/cheap", headers=headers).status_code == 402
    assert hub.calls == {}
    assert challenge(client)["invoice"]


def test_pages_that_wait_share_one_lookup(client: Client, hub: FakeHub) -> None:
    ask(client)
    hub.calls.clear()
    begin = time.monotonic()
    pages = client.at_once(["/articles/cheap", "/articles/cheap/status"] * 50, headers=PAGE)
    assert [page.status_code for page in pages] == [402, 200] * 50
    assert hub.calls.total() <= 2 + (time.monotonic() - begin)


def test_what_is_paid_is_not_asked_for_again(client: Client, hub: FakeHub) -> None:
    ask(client)
    waiting = dict([its_cookie(client)])
    hub.invoices[0].paid = 1
    until_paid(client)
    assert "Behind cheap's wall" in client.get("/articles/cheap", headers=PAGE).text
    hub.calls.clear()
    hub.away = True
    for _turn in range(5):
        assert client.get("/articles/cheap", headers=PAGE).status_code == 200
    client.cookies.clear()
    again = client.get(
        "/articles/cheap", headers={**PAGE, "Cookie": "; ".join(f"{name}={value}" for name, value in waiting.items())}
    )
    assert (again.status_code, hub.calls) == (200, {}), "a page that waited in another tab"


def until_paid(client: Client, article: str = "cheap") -> None:
    """Wait until the wall knows that the invoice is paid."""
    end = time.monotonic() + 10
    while state(client, article) != "paid":
        assert time.monotonic() < end


def looked(client: Client, hub: FakeHub, article: str = "cheap") -> str:
    """Return the state that a waiting page gets once the wall has asked the hub again."""
    before, end = hub.calls.total(), time.monotonic() + 10
    while True:
        said = state(client, article)
        if hub.calls.total() > before:
            return said
        assert time.monotonic() < end


def test_a_hub_that_is_away_is_asked_again(client: Client, hub: FakeHub) -> None:
    ask(client)
    hub.away = True
    end = time.monotonic() + 10
    while client.get("/articles/cheap/status").status_code != 503:
        assert time.monotonic() < end
    hub.away = False
    hub.invoices[0].paid = 1
    until_paid(client)


def test_a_payment_of_the_walls_own_account_is_no_purchase(client: Client, hub: FakeHub) -> None:
    """The hub knows its hash, and reports it as paid, which it was, by the wall."""
    ask(client)
    (one,) = hub.invoices
    hub.invoices.clear()
    hub.sent.add(one.payment_hash)
    assert looked(client, hub) != "paid"
    hub.sent.clear()
    one.paid = 1
    hub.invoices.append(one)
    until_paid(client)


def test_too_little_is_no_purchase(client: Client, hub: FakeHub) -> None:
    ask(client, "dear")
    hub.invoices[0].paid = 4999
    assert looked(client, hub, "dear") == "open"


def test_an_older_invoice_is_asked_for_by_itself(start: t.Callable[..., Client], hub: FakeHub) -> None:
    """Its reader comes back after more than a hundred others, and after a restart."""
    client = start()
    ask(client)
    name, value = its_cookie(client)
    hub.invoices += [Invoice(b"other %d" % number, 1, "", 3900, 0, paid=1) for number in range(100)]
    again = start()
    hub.calls.clear()
    assert [state(again, cookie=f"{name}={value}") for _turn in range(5)] == ["open"] * 5
    assert hub.calls["/v2/invoices"] == 1
    mine = hub.invoices.pop(0)
    hub.sent.add(mine.payment_hash)
    assert state(start(), cookie=f"{name}={value}") == "open", "a payment of the wall's own account"
    hub.sent.clear()
    mine.paid = 1
    hub.invoices.insert(0, mine)
    assert state(start(), cookie=f"{name}={value}") == "paid"


def test_a_ticket_names_what_was_bought(client: Client, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(client, "dear")
    hub.invoices[0].paid = 5000
    bought = time.time()
    later(monkeypatch, 20 * 86400)
    until_paid(client, "dear")
    _name, ticket = its_cookie(client)
    given = macaroon.parse(base64.b64decode(ticket.partition("|")[0]))
    assert given.identifier[2:34].hex() == hub.invoices[0].payment_hash
    said = dict(caveat.split("=") for caveat in given.caveats)
    assert (said["article"], said["price"]) == ("dear", "5000")
    assert abs(int(said["expires"]) - bought - 30 * 86400) < 10, "it ends when the token of the invoice would have"


def test_what_one_article_opens_opens_no_other(client: Client, hub: FakeHub) -> None:
    ask(client)
    waiting = its_cookie(client)[1]
    hub.invoices[0].paid = 5000
    until_paid(client)
    name, ticket = its_cookie(client)
    client.cookies.clear()
    token = challenge(client, address="192.0.2.9")["token"]
    preimage = hub.invoices[-1].preimage.hex()
    assert (
        client.get("/articles/cheap", headers={**PAGE, "Authorization": f"L402 {token}:{preimage}"}).status_code == 200
    )
    assert (
        client.get("/articles/dear", headers={**PAGE, "Authorization": f"L402 {token}:{preimage}"}).status_code == 402
    )
    for value in (waiting, ticket, token):
        assert client.get("/articles/dear", headers={**PAGE, "Cookie": f"{name}={value}"}).status_code == 402


def test_nothing_of_another_wall_is_good_even_with_the_same_key(start: t.Callable[..., Client], hub: FakeHub) -> None:
    acme, globex = start("acme"), start("globex")
    ask(acme)
    hub.invoices[0].paid = 1
    until_paid(acme)
    _name, ticket = its_cookie(acme)
    acme.cookies.clear()
    token = challenge(acme, address="192.0.2.9")["token"]
    paid = f"L402 {token}:{hub.invoices[-1].preimage.hex()}"
    assert acme.get("/articles/cheap", headers={**PAGE, "Authorization": paid}).status_code == 200
    assert globex.get("/articles/cheap", headers={**PAGE, "Authorization": paid}).status_code == 402
    assert globex.get("/articles/cheap", headers={**PAGE, "Cookie": f"globex-article={ticket}"}).status_code == 402


def test_no_invoice_of_a_stranger_is_shown(client: Client) -> None:
    """A stranger who can set a cookie, from another port of the host or a part of its domain, would be paid in the
    wall's place.
    """
    assert "lnfake" in ask(client)
    name, value = its_cookie(client)
    token = value.partition("|")[0]
    given = macaroon.parse(base64.b64decode(token))
    made_over = tuple("invoice=lnevil" if caveat.startswith("invoice=") else caveat for caveat in given.caveats)
    forged = macaroon.Macaroon(given.location, given.identifier, made_over, given.signature)
    added = given.attenuated("invoice=lnevil")
    client.cookies.clear()
    for evil in (f"{token}|lnevil", *(base64.b64encode(one.encode()).decode() for one in (forged, added))):
        answer = client.get("/articles/cheap", headers={**PAGE, "Cookie": f'{name}="{evil}"'})
        assert "lnevil" not in answer.text


def test_a_token_of_l402_opens_nothing_without_its_preimage(client: Client, hub: FakeHub) -> None:
    """Another client with the payer's address gets the same token."""
    token, other = challenge(client)["token"], challenge(client)["token"]
    hub.invoices[0].paid = 1
    client.cookies.clear()
    for value in (token, other, f"{token}|{hub.invoices[0].text}"):
        answer = client.get("/articles/cheap", headers={**PAGE, "Cookie": f'acme-article="{value}"'})
        assert (answer.status_code, "Behind" in answer.text) == (402, False)
    preimage = hub.invoices[0].preimage.hex()
    for value in (token, other):
        opened = client.get("/articles/cheap", headers={"Authorization": f"L402 {value}:{preimage}"})
        assert opened.status_code == 200


def test_a_client_of_l402_gets_one_invoice_however_often_it_asks(
    client: Client, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _turn in range(20):
        assert challenge(client)["invoice"] == hub.invoices[0].text
        assert challenge(client, "dear")["invoice"] == hub.invoices[1].text
    assert len(hub.invoices) == 2
    assert (
        challenge(client, address="2001:db8::1")["invoice"]
        == challenge(client, address="2001:db8::2")["invoice"]
        == hub.invoices[2].text
    )
    hub.invoices[0].paid = 1
    end = time.monotonic() + 10
    while challenge(client)["invoice"] == hub.invoices[0].text:
        assert time.monotonic() < end, "what is paid is nobody else's"
    later(monkeypatch, 3601)
    assert challenge(client, "dear")["invoice"] not in {one.text for one in hub.invoices[:3]}


def test_one_reader_does_not_use_up_what_is_for_others(
    start: t.Callable[..., Client], hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(offers_of_reader=3, offers_of_network=5, offers=8)

    def new(address: str) -> int:
        client.cookies.clear()
        return press(client, address=address)

    assert [new("192.0.2.1") for _turn in range(4)] == [303, 303, 303, 429]
    refused = client.post("/articles/cheap/offer", headers={"Origin": ORIGIN, **of("192.0.2.1")})
    assert "asked for from your address" in refused.text
    assert [new(f"203.0.113.{turn}, 192.0.2.1") for turn in range(3)] == [429] * 3, (
        "whatever a client writes before the proxy does"
    )
    assert client.get("/articles/dear", headers={"Accept": "*/*", **of("192.0.2.1")}).status_code == 429, (
        "for clients of L402 too"
    )
    assert [new(f"192.0.2.{turn}") for turn in (2, 3, 4)] == [303, 303, 429], "its network"
    assert [new(f"2001:db8::{turn}") for turn in range(1, 5)] == [303, 303, 303, 429], "all addresses of one subscriber"
    assert new("2001:db8:9::1") == 429, "of all readers"
    assert len(hub.invoices) == hub.calls["/addinvoice"] == 8, "the hub is not asked for those that are refused"
    hub.invoices[0].paid = 1
    client.cookies.clear()
    assert client.get("/articles/cheap", headers=PAGE).status_code == 402, "pages are read all the while"
    later(monkeypatch, 3901)
    assert new("192.0.2.1") == 303, "what has lapsed counts no more"


def test_what_is_paid_counts_no_more(start: t.Callable[..., Client], hub: FakeHub) -> None:
    client = start(offers_of_reader=1)
    ask(client)
    assert press(client, "dear") == 429
    hub.invoices[0].paid = 1
    until_paid(client)
    token = challenge(client, "dear")["token"]
    assert press(client, "dear") == 429
    paid = f"L402 {token}:{hub.invoices[1].preimage.hex()}"
    assert client.get("/articles/dear", headers={"Authorization": paid}).status_code == 200
    client.cookies.clear()
    assert press(client, "dear") == 303


def test_an_invoice_that_the_hub_does_not_make_is_not_counted(
    start: t.Callable[..., Client], hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    client = start(offers_of_reader=1)
    hub.away = True
    assert [press(client) for _turn in range(3)] == [503] * 3
    hub.away, hub.refuses = False, "the balance would exceed its limit of 70000 sat"
    for headers in (PAGE, {"Accept": "*/*"}):
        refused = client.ask(
            "POST" if headers == PAGE else "GET",
            f"/articles/cheap{'/offer' * (headers == PAGE)}",
            {"Origin": ORIGIN, **headers},
        )
        assert (refused.status_code, "cannot be bought at the moment" in refused.text, "70000" in refused.text) == (
            503,
            True,
            False,
        )
    assert "limit of 70000 sat" in caplog.text, "which is for the owner of the account"
    hub.refuses = ""
    assert press(client) == 303


def test_the_hub_is_not_asked_faster_than_it_answers(
    start: t.Callable[..., Client], hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub takes 60 requests of an account at once, and 20 a second: were they used up, nobody's payment would be
    seen.
    """
    assert (offers._OFFERS_PER_SECOND, offers._OFFERS_BURST) == (5, 40)
    monkeypatch.setattr(offers, "_OFFERS_PER_SECOND", 0.0001)
    client, answers = start(), []
    for number in range(50):
        client.cookies.clear()
        answers.append(press(client, address=f"10.0.{number}.1"))
    assert answers == [303] * 40 + [429] * 10
    assert len(hub.invoices) == 40


def test_the_page_says_what_to_do(client: Client) -> None:
    price = client.get("/articles/dear", headers=PAGE).text
    assert re.search(
        r'<form method="post" action="/articles/dear/offer".*<button>Get an invoice</button>', price, re.DOTALL
    )
    assert "Behind" not in price
    assert "lnfake" not in price


def test_a_long_title_in_another_alphabet_is_sold(client: Client, hub: FakeHub, tmp_path: Path) -> None:
    """lnd takes 639 bytes; the description has as many whole characters as 200 bytes hold."""
    (tmp_path / "long.md").write_text(f"title: {'閃電網絡' * 40}\nprice: 1\nteaser: Read it.\n\nBehind.\n")
    assert press(client, "long") == 303
    memo = hub.invoices[-1].memo
    assert memo == f"Article: {('閃電網絡' * 40)[:63]}"
    assert len(memo.encode()) == 198
