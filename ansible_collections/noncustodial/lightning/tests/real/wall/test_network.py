# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wall & wallet on hubs of real lnds, with channels between them, for cases that a fake lnd cannot show."""

from __future__ import annotations

import base64
import re
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.wall_sites import Local
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor

pytestmark = [pytest.mark.chain, pytest.mark.database]


@pytest.fixture
def acme(local: Local) -> t.Iterator[Visitor]:
    """Acme's customer at its wall."""
    with local.walls["acme"].visitor() as visitor:
        yield visitor.login(local.customers["acme"])


@pytest.fixture
def reader(local: Local) -> t.Iterator[Visitor]:
    """A reader at acme's wall who has no account there."""
    with local.walls["acme"].visitor() as visitor:
        yield visitor


def test_a_payment_from_the_world(local: Local, acme: Visitor) -> None:
    before = local.customers["acme"].msat
    place, invoice = acme.receive("250", "cake")
    assert acme.state(place) == "open"
    assert local.pair.pay(invoice) == ""
    until("the confirmation", lambda: acme.state(place) == "paid")
    assert "Received" in acme.get(place).text
    assert local.customers["acme"].msat == before + 250_000
    place, invoice = acme.receive("")
    assert local.pair.pay(invoice, amt_msat=1_234_567) == ""
    until("the confirmation", lambda: acme.state(place) == "paid")
    assert "1,234&nbsp;sat" in acme.get(place).text, "what came is shown, rounded down"


def test_what_is_shown_before_it_is_paid(local: Local, acme: Visitor) -> None:
    before = local.customers["acme"].msat
    preview = acme.preview(local.pair.invoice(100_500, memo="half a cake"))
    shown = acme.get(preview).text
    node = local.pair.outer.module("lnd_info")["identity_pubkey"]
    for text in ("101&nbsp;sat", "half a cake", node, "12&nbsp;sat"):
        assert text in shown, text
    assert local.customers["acme"].msat == before
    assert acme.post(preview).status_code == 303
    until("the end", lambda: acme.state(preview) == "paid")
    assert local.customers["acme"].msat == before - 100_500


def test_what_lnd_does_not_pay(local: Local, acme: Visitor) -> None:
    before = local.customers["acme"].msat
    late = local.pair.invoice(1000, expiry=1)
    until("its expiry", lambda: acme.post("/wallet/send", {"invoice": late, "amount": ""}).status_code == 422)
    assert "has expired" in acme.post("/wallet/send", {"invoice": late, "amount": ""}).text
    canceled = local.pair.invoice(1000)
    preview = acme.preview(canceled)
    local.pair.cancel(canceled)
    assert acme.post(preview).status_code == 303
    until("the end", lambda: acme.state(preview) == "failed")
    assert "Nothing was taken" in acme.get(preview).text
    assert local.customers["acme"].msat == before


def test_an_article_is_bought_by_l402(local: Local, reader: Visitor) -> None:
    """The client's wallet is at another hub, on another node: it has only the challenge and the result of its
    payment."""
    challenge = reader.get("/articles/signer", accept="*/*")
    assert challenge.status_code == 402
    ((token, invoice),) = re.findall(
        r'\AL402 macaroon="([^"]+)", invoice="([^"]+)", .*\Z', challenge.headers["www-authenticate"]
    )
    payer = local.customers["world"]
    before = payer.msat
    decoded = payer.get(f"/decodeinvoice?invoice={invoice}")
    assert (decoded["num_satoshis"], decoded["description"]) == ("100", "Article: What a signer is for")
    assert macaroon.parse(base64.b64decode(token)).identifier[2:34].hex() == decoded["payment_hash"], (
        "the token is of this invoice"
    )
    paid = payer.pay(invoice)
    assert paid["payment_error"] == ""
    preimage = bytes(paid["payment_preimage"]["data"]).hex()
    opened = reader.get("/articles/signer", authorization=f"L402 {token}:{preimage}")
    assert (opened.status_code, "the tenant keeps the key" in opened.text) == (200, True)
    assert reader.get("/articles/channels", authorization=f"L402 {token}:{preimage}").status_code == 402
    assert payer.msat == before - 100_000 - paid["payment_route"]["total_fees_msat"]


def test_an_article_is_bought_by_its_page(local: Local, reader: Visitor) -> None:
    invoice = reader.ask("channels")
    assert reader.state("/articles/channels") == "open"
    lapses = local.customers["world"].get(f"/decodeinvoice?invoice={invoice}")["expiry"]
    assert lapses == "3900", "it is open at the node for no longer than it is shown, and some minutes"
    assert local.customers["world"].pay(invoice)["payment_error"] == ""
    until("the confirmation", lambda: reader.state("/articles/channels") == "paid")
    assert "can leave" in reader.get("/articles/channels").text
