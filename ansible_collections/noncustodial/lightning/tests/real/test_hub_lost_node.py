# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lnd's database is lost while the ledger is in use: nothing is released that may still be claimed, and a person ends
each payment.
"""

from __future__ import annotations

import hashlib
import secrets
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.books import Books
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import Abort, fails, read, request, succeeds
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Setting, Wallet
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database

FEES_MSAT = 10_000
PAID, FAILED, GONE = (
    "this payment was made",
    "this payment was not made and can never be claimed",
    "the old database of lnd is gone for good",
)


def sql(setting: Setting, statement: str) -> str:
    """Return the result of a statement."""
    done = setting.postgres._psql(setting.database, statement)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def pending(setting: Setting) -> int:
    """Return the number of payments without an end."""
    return int(sql(setting, "SELECT count(*) FROM payments WHERE state = 'pending'"))


def is_closed(hub: Process) -> bool:
    """Return whether the hub answers no user."""
    return hub.http.get("/balance").status_code == 503


def figure(hub: Process, name: str) -> float:
    """Return one of the hub's metrics."""
    text = hub.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
    return float(text.split(f"\n{name} ")[1].split()[0])


@pytest.mark.chain
def test_the_database_of_a_real_node_is_lost_under_payments(postgres: Postgres, tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    try:
        pair.connect()
        options = {"send_within": 5, "grace": 1}
        setting = Setting(
            tmp_path / "hub", postgres, *pair.hubs_access(), node=options, service={"answer_within": 2.0}
        ).migrate()
        hub = setting.start()
        try:
            alice, bob = hub.user(), hub.user()
            assert pair.pay(alice.invoice(20_000)) == ""
            until("the deposit", lambda: alice.msat == 20_000_000)
            _refused(pair, Books(setting, pair.inner), alice)
            _lost(pair, setting, hub, alice, bob)
        finally:
            hub.kill()
    finally:
        pair.stop()


def _refused(pair: Pair, books: Books, alice: Wallet) -> None:
    """Check that a payment that lnd refuses, or that another program on the node has made, is answered at once, and all
    of it comes back.
    """
    assert pair.client is not None
    answer = alice.pay(pair.invoice(1_000_000, is_amp=True))
    assert (answer["code"], "the node refused it" in answer["message"]) == (10, True), answer
    assert alice.msat == 20_000_000
    text = pair.invoice(1_000_000)
    other = pair.inner.module("lnd_payment", payment_request=text, fee_limit_msat=10_000)
    assert other.get("status") == "SUCCEEDED", other
    answer = alice.pay(text)
    assert (answer["code"], "another program" in answer["message"]) == (10, True), answer
    assert alice.msat == 20_000_000
    assert books.sql("SELECT DISTINCT state FROM payments") == [["failed"]]


def _lost(pair: Pair, setting: Setting, hub: Process, alice: Wallet, bob: Wallet) -> None:
    preimages = [secrets.token_bytes(32) for _number in range(3)]
    hashes = [hashlib.sha256(one).digest() for one in preimages]
    for payment_hash in hashes:
        assert alice.pay(pair.hold_invoice(payment_hash, 4_000_000))["code"] == 9
    until("the payee holds them", lambda: {pair.held(one) for one in hashes} == {"ACCEPTED"})
    left = alice.msat

    # What docs/recovery.md has done: the same seed, and nothing else from before.
    pair.inner.stop()
    (pair.inner.directory / "data/graph/regtest/channel.db").unlink()
    pair.inner.start()
    state = pair.inner.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
    assert state.get("state") == "SERVER_ACTIVE", state

    until("the hub is closed", lambda: is_closed(hub), 60)
    until(
        "lnd refuses what is late",
        lambda: "could still take it" not in setting.run("end", hashes[0].hex(), "failed", "no").stderr,
    )
    assert alice.process.http.post("/payinvoice", json={"invoice": bob.login}, headers=alice.headers).status_code == 503
    done = setting.run("reconcile")
    assert (done.returncode, "lnd is not the one whose records this ledger follows" in done.stderr) == (1, True), done
    until("the figure", lambda: figure(hub, "lndhub_history_lost") == 1)
    assert "it has not the deposit" in hub.log.read_text()
    assert pending(setting) == 3, "nothing is released"
    assert {pair.held(one) for one in hashes} == {"ACCEPTED"}, "and all of it can still be claimed"
    for preimage in preimages[:2]:
        pair.settle(preimage)
    assert [pair.held(one) for one in hashes] == ["SETTLED", "SETTLED", "ACCEPTED"]

    # Another process, and a restart, are no way around it.
    other = setting.start(closed=True)
    assert is_closed(other)
    other.stop()
    assert pending(setting) == 3

    # A person looks at each.
    refused = setting.run("accept", "the disk died", typed=f"{GONE}\n")
    assert (refused.returncode, "3 payments are under way" in refused.stderr) == (1, True), refused
    assert refused.stdout.count("lnd does not have it") == 3
    for preimage, payment_hash in zip(preimages[:2], hashes[:2], strict=True):
        done = setting.run(
            "end", payment_hash.hex(), "paid", "0", "the payee has the money", typed=f"{preimage.hex()}\n{PAID}\n"
        )
        assert done.returncode == 0, done.stderr
    done = setting.run("end", hashes[2].hex(), "failed", "the payee let it go", typed=f"{FAILED}\n")
    assert done.returncode == 0, done.stderr
    assert is_closed(hub)
    assert setting.run("accept", "the disk died").returncode == 1, "no words were typed"
    done = setting.run("accept", "the disk died", typed=f"{GONE}\n")
    assert (done.returncode, done.stdout) == (0, "accepted; run lndhub reconcile, which opens the ledger\n"), done
    assert setting.run("reconcile").returncode == 0
    until("the hub is open", lambda: not is_closed(hub))
    assert alice.msat == left + 2 * (4_000 * 10 + FEES_MSAT) + 4_040_000 + FEES_MSAT == 12_000_000
    assert alice.pay(bob.invoice(1_000))["payment_error"] == ""
    assert figure(hub, "lndhub_books_sum_msat") == figure(hub, "lndhub_history_lost") == 0


# --- odd cases, on a fake lnd


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres) -> t.Iterator[World]:
    made = World(tmp_path / "hub", postgres, node={"send_within": 5, "grace": 0}, service={"answer_within": 1.0})
    try:
        yield made
    finally:
        made.close()


def under_way(world: World, wallet: Wallet, msat: int = 100_000) -> str:
    """Make a payment that has no end yet, and return its hash."""
    text = request(secrets.token_bytes(32), msat)
    world.lnd.plan = lambda _lnd, _payment: None
    assert wallet.pay(text)["code"] == 9
    return str(read(text)["payment_hash"])


def _all(world: World) -> t.Callable[[], None]:
    old = world.lnd.forget()

    def back() -> None:
        with world.lnd.lock:
            world.lnd.invoices, world.lnd.payments = old

    return back


def _other_node(world: World) -> t.Callable[[], None]:
    was, world.lnd.node_id = world.lnd.node_id, "02" + "cc" * 32
    return lambda: setattr(world.lnd, "node_id", was)


def _without(kept: dict[t.Any, t.Any], name: t.Any) -> t.Callable[[], None]:
    """Remove something from lnd; return the function that puts it back."""
    one = kept.pop(name)
    return lambda: kept.__setitem__(name, one)


def _of_payments(state: str) -> t.Callable[[World], t.Callable[[], None]]:
    return lambda world: _without(
        world.lnd.payments, next(name for name, one in world.lnd.payments.items() if one.status == state)
    )


@pytest.mark.faults
@pytest.mark.parametrize(
    ("lose", "found"),
    [
        (_all, "it has not the deposit"),
        (_other_node, "the node is"),
        (lambda world: _without(world.lnd.invoices, next(iter(world.lnd.invoices))), "it has not the deposit"),
        (lambda world: _without(world.lnd.invoices, list(world.lnd.invoices)[-1]), "it has not the deposit"),
        (_of_payments("SUCCEEDED"), "it has not made the payment"),
        (_of_payments("IN_FLIGHT"), "which it had under way"),
    ],
    ids=["all", "node", "first deposit", "last deposit", "payment made", "payment under way"],
)
def test_another_history_closes_the_ledger(
    world: World, lose: t.Callable[[World], t.Callable[[], None]], found: str
) -> None:
    hub = world.hub()
    alice, _bob = world.rich(hub), world.rich(hub)
    assert alice.pay(request(secrets.token_bytes(32), 1_000))["payment_error"] == ""
    under_way(world, alice)
    until(
        "it is noted that lnd has it",
        lambda: sql(world.setting, "SELECT count(*) FROM payments WHERE taken AND state = 'pending'") == "1",
    )
    left = alice.msat
    with world.lnd.lock:
        back = lose(world)
    until("the hub is closed", lambda: is_closed(hub))
    world.pass_time()
    tracked = world.lnd.calls["GetInfo"]
    until("three looks", lambda: world.lnd.calls["GetInfo"] > tracked + 3)
    assert pending(world.setting) == 1
    assert found in hub.log.read_text()
    # PostgreSQL itself refuses, whatever process asks.
    release = "UPDATE payments SET state = 'failed', ended_at = now() WHERE state = 'pending'"
    assert "the lnd that had it is lost" in world.setting.postgres._psql(world.setting.database, release).stderr
    with world.lnd.lock:
        back()
    until("the hub is open, for lnd is the old one again", lambda: not is_closed(hub))
    assert (alice.msat, pending(world.setting)) == (left, 1)
    world.balanced()


@pytest.mark.faults
@pytest.mark.short_round
def test_indices_that_are_numbered_anew_are_the_same_history(world: World) -> None:
    """lnd's move of its payments to SQL numbers them anew; and it deletes canceled invoices, which users can make."""
    hub = world.hub()
    alice = world.rich(hub)
    assert alice.pay(request(secrets.token_bytes(32), 1_000))["payment_error"] == ""
    sql(world.setting, "UPDATE progress SET payment_index = 5000, add_index = 5000")
    until(
        "both are read anew",
        lambda: sql(world.setting, "SELECT payment_index < 5000 AND add_index < 5000 FROM progress") == "t",
    )
    assert not is_closed(hub)
    assert figure(hub, "lndhub_history_lost") == 0
    # Without a payment that proves it, an index that is too small is another history.
    sql(
        world.setting,
        "INSERT INTO histories (node_id, after_payment, reason) SELECT node_id, 99, 'of this test' FROM histories",
    )
    sql(world.setting, "UPDATE progress SET payment_index = 5000")
    until("the hub is closed", lambda: is_closed(hub))
    assert "its last payment has the index 1, and there was one of index 5000" in hub.log.read_text()
    world.balanced()


@pytest.mark.faults
def test_what_lnd_has_had_is_not_released_because_it_has_it_no_more(world: World) -> None:
    """An older payment than the newest, so that the history looks right."""
    hub = world.hub()
    alice = world.rich(hub)
    older, _newer = under_way(world, alice), under_way(world, alice)
    until(
        "it is noted that lnd has both", lambda: sql(world.setting, "SELECT count(*) FROM payments WHERE taken") == "2"
    )
    with world.lnd.lock:
        del world.lnd.payments[older]
    world.pass_time()
    until("it is told", lambda: "payment 1 was in lnd, and is not there any more" in hub.log.read_text())
    assert (pending(world.setting), is_closed(hub)) == (2, False)
    # The positive control: one that lnd never had is released.
    world.lnd.broken["SendPaymentV2"] = Abort("lost", "UNAVAILABLE")
    world.lnd.clock = 0
    assert alice.pay(request(secrets.token_bytes(32), 1_000))["code"] == 9
    assert pending(world.setting) == 3
    world.pass_time()
    until("the release", lambda: pending(world.setting) == 2)


def test_a_person_ends_what_is_under_way_for_ever(world: World) -> None:
    """lnd has noted an attempt that it never sent, and waits for its end: nobody can claim it once its time is over."""
    hub = world.hub()
    alice = world.rich(hub)
    payment_hash = under_way(world, alice)
    run = world.setting.run
    left = alice.msat

    def refused(text: str, *more: str, typed: str = "") -> None:
        done = run("end", payment_hash, *more, typed=typed)
        assert (done.returncode, text in done.stderr) == (1, True), done
        assert (alice.msat, pending(world.setting)) == (left, 1)

    failed = ("failed", "lnd never sent it")
    refused("lnd could still take it until", *failed, typed=f"{FAILED}\n")
    world.pass_time()
    refused("lnd is still looking for a way", *failed, typed=f"{FAILED}\n")
    with world.lnd.lock:
        world.lnd.payments[payment_hash].htlcs = [
            {"status": 2, "route": {"total_time_lock": 900_000}},
            {"status": 0, "route": {"total_time_lock": world.lnd.height + 40}},
        ]
    assert f"can be claimed up to block {world.lnd.height + 40}" in run("pending").stdout
    refused("try again after block 800184", *failed, typed=f"{FAILED}\n")
    refused("try again after block 800184", "paid", "0", "I believe so", typed=f"{'00' * 32}\n{PAID}\n")
    world.lnd.height += 184
    refused("try again after block 800184", *failed, typed=f"{FAILED}\n")
    world.lnd.height += 1
    refused("the words were not typed", *failed)
    refused("the words were not typed", *failed, typed=f"{PAID}\n")
    refused("not the preimage", "paid", "0", "I believe so", typed=f"{'00' * 32}\n{PAID}\n")
    assert run("end", payment_hash, "failed").returncode == 2
    assert "a reason" in run("end", payment_hash, "failed", " ").stderr
    assert "no payment over the node with this hash" in run("end", "00" * 32, *failed, typed=f"{FAILED}\n").stderr
    done = run("end", payment_hash, *failed, typed=f"{FAILED}\n")
    assert (done.returncode, done.stdout) == (0, f"failed {payment_hash}\n"), done
    assert alice.msat == 1_000_000
    assert sql(world.setting, "SELECT state, said FROM payments") == "failed|lnd never sent it"
    assert (
        "no payment over the node with this hash is under way"
        in run("end", payment_hash, *failed, typed=f"{FAILED}\n").stderr
    ), "once"
    world.balanced()

    # And if the person was wrong, lnd's own record is booked after all.
    world.lnd.end(payment_hash, succeeds(fee_msat=5))
    assert run("reconcile").returncode == 0
    until("the hub is open", lambda: not is_closed(hub))
    assert alice.msat == 1_000_000 - 100_005
    world.balanced()


@pytest.mark.parametrize(("plan", "how"), [(succeeds(fee_msat=3), "failed"), (fails(), "paid")], ids=["made", "failed"])
def test_what_a_person_says_does_not_stand_against_lnd(world: World, plan: t.Any, how: str) -> None:
    hub = world.hub()
    alice = world.rich(hub)
    payment_hash = under_way(world, alice)
    # Nobody books it meanwhile.
    hub.kill()
    world.lnd.end(payment_hash, plan)
    world.pass_time()
    typed = f"{FAILED}\n" if how == "failed" else f"{'00' * 32}\n{PAID}\n"
    done = world.setting.run("end", payment_hash, how, *(["0"] if how == "paid" else []), "so I think", typed=typed)
    assert (done.returncode, "lnd says that it" in done.stderr) == (1, True), done
    assert pending(world.setting) == 1
    done = world.setting.run("accept", "so I think", typed=f"{GONE}\n")
    assert (done.returncode, "there is nothing to accept" in done.stderr) == (1, True), done


def test_what_lnd_has_made_with_another_amount_is_ended_by_a_person(world: World) -> None:
    """The ledger is an older one: the user has paid the same invoice again, with another amount. Neither booking by
    itself would be right.
    """
    hub = world.hub()
    alice = world.rich(hub)
    payment_hash = under_way(world, alice)
    left = alice.msat
    with world.lnd.lock:
        world.lnd.payments[payment_hash].value_msat = 150_000
    world.lnd.end(payment_hash, succeeds(fee_msat=7))
    world.pass_time()
    until("it is told", lambda: "is 100000 msat here and 150000 msat in lnd; it stays pending" in hub.log.read_text())
    run = world.setting.run
    assert "lnd says SUCCEEDED, 150000 msat" in run("pending").stdout
    done = run("end", payment_hash, "paid", "0", "so I think", typed=f"{'ab' * 32}\n{PAID}\n")
    assert (done.returncode, "made with 150000 msat, and it is 100000 msat here" in done.stderr) == (1, True), done
    assert (alice.msat, pending(world.setting)) == (left, 1), "nothing was booked"
    done = run("end", payment_hash, "failed", "lnd has the later one", typed=f"{FAILED}\n")
    assert (done.returncode, done.stdout) == (0, f"failed {payment_hash}\n"), done
    states = (
        "SELECT string_agg(state || ' ' || amount_msat || ' ' || coalesce(said, '-'), ', ' ORDER BY id) FROM payments"
    )
    assert sql(world.setting, states) == "failed 100000 lnd has the later one, settled 150000 -", (
        "booked before the command has ended"
    )
    assert sql(world.setting, "SELECT ledger_open()") == "t"
    until("the hub is open", lambda: not is_closed(hub))
    assert alice.msat == 1_000_000 - 150_007
    world.balanced()
