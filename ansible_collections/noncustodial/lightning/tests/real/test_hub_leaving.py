# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that ends its service makes no payment and no invoice any more, ends what is under way, and reports what it
owes each account. lnd is a fake one.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import OTHER_NODE, Payment, request, succeeds
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database

FEE_RESERVE_MSAT = 10_010


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres) -> t.Iterator[World]:
    made = World(tmp_path / "hub", postgres, service={"answer_within": 1.0})
    try:
        yield made
        made.balanced()
    finally:
        made.close()


def hangs(_lnd: object, _payment: Payment) -> None:
    """Hold the payment, as its payee."""


def owed(world: World) -> t.Any:
    """Return what the operator's command prints."""
    done = world.setting.run("balances")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_new_begins_and_what_is_under_way_ends(world: World) -> None:
    hub = world.hub()
    alice, bob = world.rich(hub, 1_000), world.rich(hub, 500)
    outside, inside = alice.invoice(70), bob.invoice(5)
    world.lnd.plan = hangs
    held = request(b"held".ljust(32), 1_000)
    assert alice.pay(held)["code"] == 9
    hub.stop()

    world.setting.options["service"]["leaving"] = True
    alice, bob = (wallet.at(world.hub()) for wallet in (alice, bob))
    assert alice.pay(held)["code"] == 9, "who asks again reads that it is under way"
    sent, invoices = len(world.lnd.sent), len(world.lnd.invoices)
    for answer in (
        alice.pay(request(b"new".ljust(32), 1_000)),
        alice.pay(inside),
        alice.post("/addinvoice", amt=1),
        alice.post("/keysend", destination=OTHER_NODE, amount=1),
        alice.post("/v2/invoices", amount=1),
        alice.post("/v2/payments/bolt11", invoice=inside),
    ):
        assert (answer["error"], answer["code"]) == (True, 7), answer
        assert answer["message"].startswith("this service is ending: it makes no payments and no invoices any more")
    assert (len(world.lnd.sent), len(world.lnd.invoices)) == (sent, invoices)

    assert (alice.msat, bob.msat) == (999_000 - FEE_RESERVE_MSAT, 500_000)
    reported = owed(world)
    assert (reported["pending_payments"], reported["reserved_msat"]) == (1, 1_000 + FEE_RESERVE_MSAT)
    world.lnd.end(next(iter(world.lnd.payments)), succeeds())
    until("the end of the payment", lambda: world.pending(world.started[-1]) == 0)
    assert world.lnd.pay_from_outside(outside), "who has an invoice may still pay it"
    until("the deposit", lambda: alice.msat == 1_069_000)

    reported = owed(world)
    accounts = {one["login"]: one["available_msat"] for one in reported.pop("accounts")}
    assert accounts == {alice.login: 1_069_000, bob.login: 500_000}
    assert reported == {"owed_msat": 1_569_000, "reserved_msat": 0, "pending_payments": 0, "unexplained": 0}
    assert len(alice.get("/gettxs")) == 1
    world.lnd.stop()
    assert owed(world)["owed_msat"] == 1_569_000, "lnd need not be there any more"


def test_books_that_do_not_balance_prove_nothing(world: World) -> None:
    hub = world.hub()
    alice = world.rich(hub, 1_000)
    hub.stop()

    def book(msat: int) -> None:
        world.setting.postgres.sql(
            world.setting.database,
            f"SET session_replication_role = replica; UPDATE balances SET msat = {msat} WHERE msat > 0",  # noqa: S608
        )

    book(5)
    done = world.setting.run("balances")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the books do not balance" in done.stderr
    book(1_000_000)
    assert owed(world)["accounts"][0]["login"] == alice.login
