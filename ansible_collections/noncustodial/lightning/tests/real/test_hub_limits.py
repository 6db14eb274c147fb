# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of an account, max_receive and max_balance: what is counted and refused, and money from outside that cannot be
refused. lnd is a fake one.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import Abort
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Wallet, ok
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> t.Iterator[World]:
    made = World(tmp_path_factory.mktemp("hub"), postgres)
    try:
        yield made
        made.balanced()
    finally:
        made.close()


@pytest.fixture(scope="module")
def hub(world: World) -> Process:
    return world.hub()


@pytest.fixture(scope="module")
def rich(world: World, hub: Process) -> Wallet:
    return world.rich(hub, 10_000)


def limited(hub: Process, wallet: Wallet | None = None, **limits: int | None) -> Wallet:
    """Make an account with limits, in msat."""
    wallet = wallet or hub.user()
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    number = ok(hub.http.get(f"/v2/admin/users/{wallet.login}", headers=admin))["id"]
    ok(hub.http.put("/v2/admin/users", json={"id": number, **limits}, headers=admin))
    return wallet


def sql(world: World, statement: str, **values: object) -> str:
    """Return the result of a statement."""
    done = world.setting.postgres._psql(world.setting.database, statement.format(**values))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_several_open_invoices_count_together(world: World, hub: Process) -> None:
    user = limited(hub, max_balance_msat=10_000)
    assert "error" not in user.post("/addinvoice", amt=6)
    refused = user.post("/addinvoice", amt=5)
    assert (refused["code"], "limit of 10 sat" in refused["message"]) == (8, True)
    assert "error" not in user.post("/addinvoice", amt=4)
    assert user.post("/addinvoice", amt=1)["code"] == 8
    assert [one["amt"] for one in user.get("/getuserinvoices")] == [6, 4], "those that were refused are nowhere"
    sql(world, "UPDATE invoices SET expires_at = now() WHERE amount_msat = 6000 AND state = 'open'")
    assert "error" not in user.post("/addinvoice", amt=6), "one that has expired does not"


def test_invoices_that_are_made_at_once_count_together(world: World, hub: Process) -> None:
    user = limited(hub, max_balance_msat=10_000)
    answers = [world.later(user.post, "/addinvoice", amt=6) for _turn in range(12)]
    made = [answer for answer in (one.result(30) for one in answers) if "error" not in answer]
    assert len(made) == 1


def test_an_invoice_that_lnd_did_not_make_does_not_count(world: World, hub: Process) -> None:
    user = limited(hub, max_balance_msat=10_000)
    world.lnd.broken["AddInvoice"] = Abort("out of order", "UNAVAILABLE")
    assert user.post("/addinvoice", amt=6)["code"] == 7
    del world.lnd.broken["AddInvoice"]
    assert user.get("/getuserinvoices") == []
    assert "error" not in user.post("/addinvoice", amt=6)


@pytest.mark.parametrize("limit", ["max_balance_msat", "max_receive_msat"])
def test_an_account_with_a_limit_does_not_let_the_payer_choose(hub: Process, limit: str) -> None:
    user = limited(hub, None, **{limit: 10_000})
    for path, body in (("/addinvoice", {"amt": 0}), ("/v2/invoices", {})):
        refused = user.post(path, **body)
        assert (refused["code"], "name an amount" in refused["message"]) == (8, True)
    assert "error" not in limited(hub, user, **{limit: None}).post("/addinvoice", amt=0)


def test_another_user_is_held_to_the_limits_of_the_payee(world: World, hub: Process, rich: Wallet) -> None:
    payee = hub.user()
    open_amount, first, second = payee.invoice(0), payee.invoice(5), payee.invoice(5)
    limited(hub, payee, max_receive_msat=7_000, max_balance_msat=10_000)
    before = rich.msat
    refused = rich.pay(open_amount, amount=8)
    assert (refused["code"], "may not receive" in refused["message"]) == (10, True)
    answers = [
        world.later(rich.pay, invoice, **more)
        for invoice, more in ((first, {}), (second, {}), (open_amount, {"amount": 7}))
    ]
    assert {answer.result(30).get("payment_error") for answer in answers} == {"", None}
    assert payee.msat <= 10_000
    assert rich.msat == before - payee.msat, "what was refused was not booked"
    free = hub.user()
    assert rich.pay(free.invoice(0), amount=500)["payment_error"] == ""


def test_what_comes_from_outside_is_booked_whatever_the_limits_say(world: World, hub: Process, rich: Wallet) -> None:
    """lnd has taken it when the hub hears of it: it is the user's, and what could be more is refused from then on."""
    user = limited(hub, max_balance_msat=10_000)
    first, second = user.invoice(5), user.invoice(5)
    assert world.lnd.pay_from_outside(first, 9_000), "more than was asked for"
    until("the deposit", lambda: user.msat == 9_000)
    assert rich.pay(second)["code"] == 10, "from here it would be too much"
    assert user.post("/addinvoice", amt=1)["code"] == 8
    assert world.lnd.pay_from_outside(second), "from outside an invoice of before the balance rose is paid"
    until("the deposit", lambda: user.msat == 14_000)
    assert user.pay(rich.invoice(5))["payment_error"] == "", "and can be spent"
