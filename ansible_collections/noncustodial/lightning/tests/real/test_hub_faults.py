# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is lost when processes of the hub die, when an lnd answers late, wrongly, twice or not at all, or with two
hubs on one database.
"""

from __future__ import annotations

import secrets
import threading
import typing as t
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import (
    Abort,
    Gate,
    fails,
    read,
    request,
    succeeds,
)
from ansible_collections.noncustodial.lightning.tests.support.hubs import Wallet
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = [pytest.mark.database, pytest.mark.faults]

# What is reserved for fees: 10 sat and 1 %.
FEES_MSAT = 10_000


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres) -> t.Iterator[World]:
    made = World(tmp_path / "hub", postgres)
    try:
        yield made
        made.balanced()
    finally:
        made.close()


def test_an_outgoing_payment_and_its_fee(world: World) -> None:
    alice = world.rich(world.hub())
    world.lnd.plan = succeeds(fee_msat=1_234)
    paid = alice.pay(request(b"1" * 32, 100_000))
    assert paid["payment_route"]["total_fees"] == 2, "rounded up"
    assert alice.msat == 1_000_000 - 101_234
    assert alice.get("/balance")["BTC"]["AvailableBalance"] == 898, "rounded down"


def test_a_failing_payment_gives_everything_back(world: World) -> None:
    alice = world.rich(world.hub())
    world.lnd.plan = fails()
    text = request(b"1" * 32, 100_000)
    answer = alice.pay(text)
    assert (answer["code"], "no route" in answer["message"]) == (10, True)
    assert alice.msat == 1_000_000
    world.lnd.plan = succeeds()
    assert alice.pay(text)["payment_error"] == "", "and may be tried again"
    assert alice.msat == 900_000


@pytest.mark.short_round
def test_killed_before_lnd_took_the_payment(world: World) -> None:
    hub = world.hub()
    alice = world.rich(hub)
    gate = Gate()

    def never() -> None:
        gate.wait()
        raise Abort("the request got lost", "UNAVAILABLE")

    world.lnd.before_taking = never
    text = request(b"1" * 32, 100_000)
    answer = world.later(_ignored, alice.pay, text)
    assert gate.reached.wait(20)
    hub.kill()
    gate.opened.set()
    answer.result(20)
    world.lnd.before_taking = lambda: None
    again = world.hub()
    alice = alice.at(again)
    tracked = world.lnd.calls["TrackPaymentV2"]
    until("three looks", lambda: world.lnd.calls["TrackPaymentV2"] > tracked + 3)
    assert alice.msat == 1_000_000 - 101_000 - FEES_MSAT, "not released, as long as lnd would still take it"
    assert alice.pay(text)["code"] == 9, "and nobody can pay it meanwhile"
    world.pass_time()
    until("the release", lambda: alice.msat == 1_000_000)
    assert world.pending(again) == 0
    assert not world.lnd.payments


def test_a_request_that_arrives_after_the_release_is_refused_by_lnd(world: World) -> None:
    """The paused process: its request is served when all others have taken it for dead."""
    hub = world.hub()
    alice = world.rich(hub)
    text = request(b"1" * 32, 100_000)
    world.lnd.broken["SendPaymentV2"] = Abort("lost", "UNAVAILABLE")
    assert alice.pay(text)["code"] == 9
    del world.lnd.broken["SendPaymentV2"]
    world.pass_time()
    until("the release", lambda: alice.msat == 1_000_000)
    # With lnd's clock where it is now, the macaroon of any earlier request is worth nothing: the same call is
    # refused.
    answer = alice.pay(text)
    assert (answer["code"], "refused" in answer["message"]) == (10, True)
    assert not world.lnd.payments, "lnd took nothing, because the clocks differ by an hour"
    assert alice.msat == 1_000_000, "and says so, so that all comes back at once"


def test_a_refused_payment_has_not_the_reason_of_an_earlier_attempt(world: World) -> None:
    alice = world.rich(world.hub())
    text = request(b"1" * 32, 100_000)
    world.lnd.plan = fails()
    assert "no route" in alice.pay(text)["message"]
    world.pass_time()
    answer = alice.pay(text)
    assert (answer["code"], "the node refused it" in answer["message"]) == (10, True), answer
    assert alice.msat == 1_000_000


@pytest.mark.parametrize("made", [True, False])
def test_killed_after_lnd_took_the_payment(world: World, made: bool) -> None:
    hub = world.hub()
    alice = world.rich(hub)
    gate = Gate()
    world.lnd.after_taking = gate.wait
    world.lnd.plan = succeeds(fee_msat=500) if made else fails()
    answer = world.later(_ignored, alice.pay, request(b"1" * 32, 100_000))
    assert gate.reached.wait(20)
    hub.kill()
    again = world.hub()
    alice = alice.at(again)
    tracked = world.lnd.calls["TrackPaymentV2"]
    until("three looks", lambda: world.lnd.calls["TrackPaymentV2"] > tracked + 3)
    assert alice.msat == 1_000_000 - 101_000 - FEES_MSAT
    gate.opened.set()
    if not made:
        # A failed one could be the record of an earlier attempt, so that it too counts only when no attempt can come
        # any more.
        world.pass_time()
    until("its end", lambda: alice.msat == (899_500 if made else 1_000_000))
    answer.result(20)


@pytest.mark.parametrize(
    "status",
    [pytest.param("UNAVAILABLE", marks=pytest.mark.short_round), "UNKNOWN", "INTERNAL", "DEADLINE_EXCEEDED"],
)
def test_the_answer_is_lost(world: World, status: str) -> None:
    alice = world.rich(world.hub())

    def lost() -> None:
        with world.lnd.lock:
            for payment in world.lnd.payments.values():
                succeeds(fee_msat=77)(world.lnd, payment)
        raise Abort("the connection broke", status)

    world.lnd.after_taking = lost
    assert alice.pay(request(b"1" * 32, 100_000))["code"] == 9
    until("its end", lambda: alice.msat == 1_000_000 - 100_077)


def test_a_refusal_that_says_so_gives_back_at_once(world: World) -> None:
    alice = world.rich(world.hub())
    world.lnd.broken["SendPaymentV2"] = Abort("the amount is not what I like", "INVALID_ARGUMENT")
    assert alice.pay(request(b"1" * 32, 100_000))["code"] == 10
    assert alice.msat == 1_000_000


def test_lnd_has_paid_it_already(world: World) -> None:
    """lnd has paid it for another user: one invoice is paid once."""
    alice = world.rich(world.hub())
    text = request(b"1" * 32, 100_000)
    payment_hash = read(text)["payment_hash"]
    world.lnd.plan = succeeds(fee_msat=9)
    other = world.rich(world.started[0])
    assert other.pay(text)["payment_error"] == ""
    assert alice.pay(text)["code"] == 10
    assert world.lnd.payments[payment_hash].status == "SUCCEEDED"
    assert (alice.msat, other.msat) == (1_000_000, 899_991)


@pytest.mark.parametrize("records", [{}, {7_236_609: b"of another hub's"}])
@pytest.mark.parametrize("status", ["IN_FLIGHT", "SUCCEEDED"])
def test_another_program_has_paid_it(world: World, records: dict[int, bytes], status: str) -> None:
    """A payment of another program is never booked to the user who asks for the same invoice, and the user's money is
    back at once.
    """
    alice = world.rich(world.hub())
    text = request(b"1" * 32, 100_000)
    others = world.lnd.pay_otherwise(text, records, status)
    answer = alice.pay(text)
    assert (answer.get("code"), "another program" in answer.get("message", "")) == (10, True), answer
    assert alice.msat == 1_000_000
    with world.lnd.lock:
        del world.lnd.payments[others.payment_hash]
    assert alice.pay(text)["payment_error"] == "", "once it is not there any more, the user's own is taken"


def test_another_program_pays_it_before_a_request_that_was_lost(world: World) -> None:
    """The hub sees the other's payment in the place of the one that it has handed over: not booked, and given back once
    lnd takes no late request.
    """
    alice = world.rich(hub := world.hub())
    text = request(b"1" * 32, 100_000)
    world.lnd.broken["SendPaymentV2"] = Abort("lost", "UNAVAILABLE")
    assert alice.pay(text)["code"] == 9
    others = world.lnd.pay_otherwise(text)
    tracked = world.lnd.calls["TrackPaymentV2"]
    until("three looks", lambda: world.lnd.calls["TrackPaymentV2"] > tracked + 3)
    assert (alice.msat, world.pending(hub)) == (1_000_000 - 101_000 - FEES_MSAT, 1)
    world.pass_time()
    until("the release", lambda: world.pending(hub) == 0)
    assert alice.msat == 1_000_000
    with world.lnd.lock:
        del world.lnd.payments[others.payment_hash]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the AMP flag (--amp or SendPaymentRequest.Amp) must be set to pay an AMP invoice", 10),
        ("payment request must contain either a payment address or blinded paths", 10),
        # The positive control: whatever else comes without a status may be of a payment that was taken.
        ("something that nobody has seen yet", 9),
    ],
)
def test_lnd_refuses_it_without_a_status(world: World, text: str, code: int) -> None:
    alice = world.rich(world.hub())
    world.lnd.broken["SendPaymentV2"] = Abort(text, "UNKNOWN")
    assert alice.pay(request(b"1" * 32, 100_000))["code"] == code
    assert alice.msat == (1_000_000 if code == 10 else 1_000_000 - 101_000 - FEES_MSAT)
    world.pass_time()
    until("all is back", lambda: alice.msat == 1_000_000)


def test_slow_payment_delays_nobody(world: World) -> None:
    hub = world.hub()
    alice, bob = world.rich(hub), world.rich(hub)
    gate = Gate()
    world.lnd.after_taking = gate.wait
    slow = [world.later(alice.pay, request(secrets.token_bytes(32), 1_000)) for _turn in range(20)]
    assert gate.reached.wait(20)
    carol = hub.user()
    assert bob.pay(carol.invoice(1))["payment_error"] == ""
    assert not any(one.done() for one in slow)
    gate.opened.set()
    assert all(one.result(20)["payment_error"] == "" for one in slow)


def test_deposits_while_the_hub_is_down(world: World) -> None:
    hub = world.hub()
    alice = hub.user()
    first, second, third = alice.invoice(1), alice.invoice(2), alice.invoice(4)
    hub.kill()
    # Nothing was ever settled, so that there is no index from which lnd could begin.
    assert world.lnd.pay_from_outside(first)
    alice = alice.at(world.hub())
    until("the first", lambda: alice.msat == 1_000)
    alice.process.kill()
    assert world.lnd.pay_from_outside(second)
    # The other is expired by now, and lnd has canceled it.
    with world.lnd.lock:
        world.lnd.invoices[bytes.fromhex(read(third)["payment_hash"])].state = "CANCELED"
    alice = alice.at(world.hub())
    until("the second", lambda: alice.msat == 3_000)
    until(
        "the third is known as canceled",
        lambda: "canceled" in [one["status"] for one in alice.get("/v2/invoices/incoming")],
    )


def test_a_deposit_that_was_skipped_is_found_though_its_invoice_expired(tmp_path: Path, postgres: Postgres) -> None:
    """Settled out of order: the index has passed it, and the invoice is long expired."""
    world = World(tmp_path / "hub", postgres, service={"invoice_expiry": 1})
    try:
        hub = world.hub()
        alice = hub.user()
        text = alice.invoice(5)
        hub.kill()
        assert world.lnd.pay_from_outside(text)
        moved = world.setting.postgres._psql(world.setting.database, "UPDATE progress SET settle_index = 99")
        assert moved.returncode == 0, moved.stderr
        alice = alice.at(world.hub())
        until("the deposit", lambda: alice.msat == 5_000)
        world.balanced()
    finally:
        world.close()


def test_lnd_away_and_back(world: World) -> None:
    hub = world.hub()
    alice = world.rich(hub)
    text = alice.invoice(3)
    world.lnd.stop()
    assert alice.post("/addinvoice", amt=1)["code"] == 7
    assert alice.pay(request(b"1" * 32, 1_000))["code"] == 7
    assert alice.msat == 1_000_000, "nothing was reserved"
    world.lnd.pay_from_outside(text)
    world.lnd.start()
    until("the deposit", lambda: alice.msat == 1_003_000)


def test_internal_loses_against_a_payment_from_outside(world: World) -> None:
    hub = world.hub()
    alice, bob = world.rich(hub), hub.user()
    text = bob.invoice(100)
    gate = Gate()
    world.lnd.before_cancel = gate.wait
    answer = world.later(alice.pay, text)
    assert gate.reached.wait(20)
    assert alice.msat == 900_000, "reserved"
    assert world.lnd.pay_from_outside(text)
    gate.opened.set()
    assert answer.result(20)["code"] == 10
    until("the deposit", lambda: bob.msat == 100_000)
    assert alice.msat == 1_000_000


def test_internal_wins_against_a_payment_from_outside(world: World) -> None:
    hub = world.hub()
    alice, bob = world.rich(hub), hub.user()
    text = bob.invoice(100)
    assert alice.pay(text)["payment_error"] == ""
    assert not world.lnd.pay_from_outside(text)
    assert (alice.msat, bob.msat) == (900_000, 100_000)


def test_internal_payment_killed_before_and_after_the_cancel(world: World) -> None:
    hub = world.hub()
    alice, bob = world.rich(hub), hub.user()
    text = bob.invoice(100)
    gate = Gate()
    world.lnd.before_cancel = gate.wait
    answer = world.later(_ignored, alice.pay, text)
    assert gate.reached.wait(20)
    hub.kill()
    answer.result(20)
    world.lnd.before_cancel = lambda: None
    gate.opened.set()
    alice, bob = (wallet.at(world.started[-1]) for wallet in (alice, bob)) if world.hub() else (alice, bob)
    until("the end", lambda: (alice.msat, bob.msat) == (900_000, 100_000))
    assert not world.lnd.pay_from_outside(text)


def test_lnd_does_not_answer_the_cancel(world: World) -> None:
    hub = world.hub()
    alice, bob = world.rich(hub), hub.user()
    text = bob.invoice(100)
    world.lnd.broken["CancelInvoice"] = Abort("too busy", "UNAVAILABLE")
    assert alice.pay(text)["code"] == 9
    assert (alice.msat, bob.msat) == (900_000, 0)
    assert alice.pay(text)["code"] == 9
    del world.lnd.broken["CancelInvoice"]
    until("the end", lambda: (alice.msat, bob.msat) == (900_000, 100_000))


def test_two_processes_one_balance_one_invoice(world: World) -> None:
    one, two = world.hub(), world.hub()
    alice = world.rich(one)
    bob, carol = world.rich(two), two.user()
    # 60 payments of 101 sat with fees, from two sides, of 1000 sat.
    answers = [
        world.later(alice.at((one, two)[number % 2]).pay, request(secrets.token_bytes(32), 90_000))
        for number in range(60)
    ]
    codes = [answer.result(60).get("code", 0) for answer in answers]
    # Reserves come back, so that at least those pass that fit with their full fee limit at once.
    assert set(codes) == {0, 2}
    assert 9 <= codes.count(0) <= 11
    assert alice.msat == 1_000_000 - 90_000 * codes.count(0)
    for _turn in range(10):
        text = carol.invoice(1)
        before = carol.msat
        payers = [world.later(wallet.at(process).pay, text) for wallet in (alice, bob) for process in (one, two)]
        codes = sorted(payer.result(60).get("code", 0) for payer in payers)
        # The other request of whoever pays may find the first one under way.
        assert (codes[0], set(codes[1:]) <= {9, 10}, codes.count(10) >= 2) == (0, True, True), codes
        assert carol.msat == before + 1_000
    # And both have listened for the same deposits.
    for _turn in range(20):
        assert world.lnd.pay_from_outside(carol.invoice(1))
    until("the deposits", lambda: carol.msat == 30_000)


def test_two_processes_one_of_which_finds_the_others_payment_slow(world: World) -> None:
    """Neither releases what the other is just sending."""
    one, two = world.hub(), world.hub()
    alice = world.rich(one)
    gate = Gate()
    world.lnd.before_taking = gate.wait
    answer = world.later(alice.pay, request(b"1" * 32, 100_000))
    assert gate.reached.wait(20)
    tracked = world.lnd.calls["TrackPaymentV2"]
    until("three looks of the other", lambda: world.lnd.calls["TrackPaymentV2"] > tracked + 3)
    assert alice.at(two).msat == 1_000_000 - 101_000 - FEES_MSAT
    gate.opened.set()
    assert answer.result(20)["payment_error"] == ""
    assert alice.at(two).msat == 900_000


def test_the_database_dies_under_load(tmp_path: Path) -> None:
    """It comes back with what was committed, and every payment of lnd's is in the books."""
    postgres = Postgres(durable=True)
    try:
        world = World(tmp_path / "hub", postgres)
        try:
            hub = world.hub()
            alice, bob = world.rich(hub, 100_000), world.rich(hub, 100_000)
            stop = threading.Event()
            answered: list[int] = []

            def load(wallet: Wallet, other: Wallet) -> None:
                while not stop.is_set():
                    answered.append(_code(wallet.pay, request(secrets.token_bytes(32), 1_000)))
                    text = _text(other)
                    if text:
                        _code(wallet.pay, text)

            users = [world.later(load, *pair) for pair in ((alice, bob), (bob, alice)) for _turn in range(2)]
            for _turn in range(2):
                count = len(answered)
                until("payments", partial(_paid_since, answered, count))
                postgres.crash()
            count = len(answered)
            until("payments again", lambda: answered[count:].count(0) > 10)
            stop.set()
            for user in users:
                user.result(60)
            world.pass_time()
            until("nothing is pending", lambda: world.pending(hub) == 0, 60)
            world.balanced()
        finally:
            world.close()
    finally:
        postgres.stop()


def _paid_since(answered: list[int], count: int) -> bool:
    """Return whether more than ten payments succeeded after so many answers."""
    return answered[count:].count(0) > 10


def _code(pay: t.Callable[[str], t.Any], text: str) -> int:
    """Return the code of an answer: 0 for a success, -1 if there was none."""
    try:
        return int(pay(text).get("code", 0))
    except (OSError, ValueError):
        return -1


def _text(wallet: Wallet) -> str:
    try:
        return str(wallet.post("/addinvoice", amt=1).get("payment_request", ""))
    except (OSError, ValueError):
        return ""


def _ignored(call: t.Callable[..., t.Any], *arguments: t.Any) -> None:
    """Ignore the failure of a call whose process is killed under it."""
    import httpx

    try:
        call(*arguments)
    except httpx.TransportError:
        return
