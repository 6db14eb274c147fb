# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users against users: one account's load on the node and on the hub's connections does not affect the others. lnd is a
fake one.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
import typing as t
from collections import Counter
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import (
    OTHER_NODE,
    FakeLnd,
    Payment,
    fails,
    request,
    succeeds,
)
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Wallet
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database

# Requests of one account, according to the hub's own limits.
HTLCS = 50


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres) -> t.Iterator[World]:
    made = World(tmp_path / "hub", postgres, service={"answer_within": 1.0})
    try:
        yield made
        made.lnd.plan = succeeds()
        for payment_hash in list(made.lnd.payments):
            made.lnd.end(payment_hash, succeeds())
        for process in made.started:
            until("the end of all payments", lambda at=process: made.pending(at) == 0)  # type: ignore[misc]
        made.balanced()
    finally:
        made.close()


def hangs(lnd: FakeLnd, payment: Payment) -> None:
    """Hold the payment, as its payee."""


def hold(world: World, wallet: Wallet, count: int, name: str, msat: int = 1000) -> Counter[int]:
    """Make payments at once whose payee holds them; return the codes of the answers."""
    world.lnd.plan = hangs
    answers = [world.later(wallet.pay, request(f"{name}{number}".encode().ljust(32), msat)) for number in range(count)]
    codes = Counter(answer.result(60)["code"] for answer in answers)
    world.lnd.plan = succeeds()
    return codes


def htlcs(process: Process) -> int:
    """Return the number of HTLCs that payments under way may hold, according to the hub's figures."""
    text = process.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
    return int(float(text.split("\nlndhub_pending_htlcs ")[1].split()[0]))


def test_one_account_holds_a_share_of_the_htlcs(world: World) -> None:
    hub = world.hub()
    mallory, alice = world.rich(hub, 10_000), world.rich(hub)
    codes = hold(world, mallory, HTLCS + 10, "m")
    assert codes == {9: HTLCS, 10: 10}, "as many as its share are under way, the others are refused"
    assert len(world.lnd.payments) == HTLCS, "lnd has seen none of the others"
    assert mallory.msat == 10_000_000 - HTLCS * (1_000 + 10_010), "for which nothing is put aside"
    refused = mallory.process.http.post(
        "/payinvoice", json={"invoice": request(b"more".ljust(32), 1000)}, headers=mallory.headers
    )
    assert (refused.status_code, "this account" in refused.json()["message"]) == (429, True)
    assert alice.pay(request(b"alice".ljust(32), 1000))["payment_error"] == ""
    assert mallory.pay(alice.invoice(1))["payment_error"] == "", "what passes between users holds no HTLC"
    assert htlcs(hub) == HTLCS
    world.lnd.end(next(iter(world.lnd.payments)), succeeds())
    until("room for one more", lambda: htlcs(hub) == HTLCS - 1)
    assert mallory.pay(request(b"after".ljust(32), 1000))["payment_error"] == ""


def test_all_accounts_hold_less_than_a_channel_has(tmp_path: Path, postgres: Postgres) -> None:
    limits = {"account_htlcs": 4, "htlcs": 10}
    world = World(tmp_path / "hub", postgres, service={"answer_within": 1.0}, limits=limits)
    try:
        first, second = world.hub(), world.hub()
        users = [world.rich(hub, 400_000) for hub in (first, second, first)]
        # Both processes at once, and each payment large enough to be split.
        world.lnd.plan = hangs
        answers = [
            world.later(user.pay, request(f"{user.login}{number}".encode()[-32:], 40_000_000))
            for number in range(6)
            for user in users
        ]
        messages = Counter(answer.result(60)["message"] for answer in answers)
        assert htlcs(first) == 10
        assert sum(one.max_parts for one in world.lnd.sent) == 10, "no payment has more parts than are counted"
        assert [what for what in messages if "this hub" in what], messages
        assert [what for what in messages if "this account" in what], messages
        held = sum(
            one.max_parts
            for one in world.lnd.sent
            if bytes(users[0].login, "ascii") in bytes.fromhex(one.payment_request[7:])
        )
        assert held <= 4
    finally:
        world.close()


def test_a_payment_has_a_time_lock_and_as_few_parts_as_it_needs(world: World) -> None:
    alice = world.rich(world.hub(), 1_000_000)
    for msat, parts in ((1_000, 1), (19_999_000, 1), (20_000_000, 2), (200_000_000, 16)):
        assert alice.pay(request(f"{msat}".encode().ljust(32), msat))["payment_error"] == ""
        assert (world.lnd.sent[-1].max_parts, world.lnd.sent[-1].cltv_limit) == (parts, 1008)
    sent = len(world.lnd.sent)
    answer = alice.pay(request(b"long".ljust(32), 1000, cltv_expiry=1005))
    assert (answer["code"], "1005 blocks" in answer["message"]) == (4, True)
    assert len(world.lnd.sent) == sent, "lnd would refuse it without a status"
    assert alice.pay(request(b"less".ljust(32), 1000, cltv_expiry=1004))["payment_error"] == ""


def test_a_request_that_may_not_wait_is_answered_once_its_payment_is_under_way(
    tmp_path: Path, postgres: Postgres
) -> None:
    world = World(tmp_path / "hub", postgres, service={"answer_within": 30.0, "waiting": 0})
    try:
        alice = world.rich(world.hub())
        begin = time.monotonic()
        assert hold(world, alice, 3, "w") == {9: 3}
        assert time.monotonic() - begin < 15
        assert alice.pay(request(b"poor".ljust(32), 2_000_000))["code"] == 2, (
            "nothing is said to be under way that is not"
        )
        for payment_hash in list(world.lnd.payments):
            world.lnd.end(payment_hash, succeeds())
        until("their end", lambda: world.pending(alice.process) == 0)
    finally:
        world.close()


def test_many_payments_of_one_request_are_answered_in_the_time_of_one(world: World) -> None:
    alice = world.rich(world.hub())
    world.lnd.plan = hangs
    begin = time.monotonic()
    many = alice.post("/v2/payments/keysend/multi", keysends=[{"amount": 1, "destination": OTHER_NODE}] * 10)
    assert time.monotonic() - begin < 5
    first, *others = (one["error"] for one in many["keysends"])
    assert (first["code"], [first["payment_hash"]]) == (9, list(world.lnd.payments))
    assert {(one["code"], "nothing was booked" in one["message"]) for one in others} == {(12, True)}
    assert len(alice.get("/v2/invoices/outgoing")) == 1, "what was not begun is not there"


@pytest.mark.parametrize("path", ["/keysend", "/v2/payments/keysend"])
def test_a_keysend_under_way_has_its_hash(world: World, path: str) -> None:
    alice = world.rich(world.hub())
    world.lnd.plan = hangs
    sent = alice.post(path, amount=1, destination=OTHER_NODE)
    assert (sent["code"], [sent["payment_hash"]]) == (9, list(world.lnd.payments))
    assert alice.get(f"/v2/invoices/{sent['payment_hash']}")["status"] == "initialized"
    world.lnd.end(sent["payment_hash"], fails())
    until("its end", lambda: alice.get(f"/v2/invoices/{sent['payment_hash']}")["status"] == "error")
    assert alice.get(f"/checkpayment/{sent['payment_hash']}") == {"paid": False}, "as while it was under way"


@contextlib.contextmanager
def locked(world: World, wallet: Wallet) -> t.Iterator[None]:
    """Lock the row of a user's balance, so that every booking there waits."""
    postgres = world.setting.postgres
    inside = [
        "psql",
        "--host=127.0.0.1",
        f"--port={postgres.port}",
        "--username=postgres",
        "--no-psqlrc",
        f"--dbname={world.setting.database}",
    ]
    with subprocess.Popen(
        ["podman", "exec", "--interactive", postgres.name, *inside],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        rows = (
            "SELECT b.* FROM balances b JOIN ledger_accounts a ON a.id = b.account_id JOIN users u ON u.id = a.user_id"
        )
        session.stdin.write(f"BEGIN; {rows} WHERE u.login = '{wallet.login}' FOR UPDATE OF b; SELECT 'locked';\n")
        session.stdin.flush()
        while "locked" not in session.stdout.readline():
            pass
        try:
            yield
        finally:
            session.stdin.close()


def waiting(world: World) -> int:
    """Return the number of the hub's connections that wait for a lock."""
    ours = f"datname = '{world.setting.database}' AND application_name = 'lndhub'"
    query = f"SELECT count(*) FROM pg_stat_activity WHERE {ours} AND wait_event_type = 'Lock'"  # noqa: S608
    found = world.setting.postgres._psql("postgres", query)
    return int(found.stdout)


def test_payments_have_connections_of_their_own(world: World) -> None:
    hub = world.hub()
    mallory, alice = world.rich(hub), world.rich(hub)
    with locked(world, mallory):
        answers = [world.later(mallory.pay, request(f"l{number}".encode().ljust(32), 1000)) for number in range(30)]
        until("payments that wait for the database", lambda: waiting(world) >= 2)
        begin = time.monotonic()
        for _turn in range(20):
            assert alice.msat == 1_000_000
        assert time.monotonic() - begin < 5, "who looks at a page does not wait for them"
    for answer in answers:
        answer.result(60)
