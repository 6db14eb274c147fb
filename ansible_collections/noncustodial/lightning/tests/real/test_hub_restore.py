# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger that is restored from a backup, after which users went on paying and receiving: the hub stays closed until
it agrees with lnd again.
"""

from __future__ import annotations

import asyncio
import secrets
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ansible_collections.noncustodial.lightning.tests.support.books import Books
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import fails, read, request, succeeds
from ansible_collections.noncustodial.lightning.tests.support.hubs import (
    ADMIN_TOKEN,
    Setting,
    Wallet,
    baked,
    in_process,
)
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair
from ansible_collections.noncustodial.lightning.tests.support.worlds import World
from lndhub.hub import Hub
from lndhub.node import Invoice
from lndhub.recovery import RecoveryCounts

pytestmark = pytest.mark.database

FEES_MSAT = 10_000


def sql(setting: Setting, statement: str) -> str:
    """Return the result of a statement."""
    done = setting.postgres._psql(setting.database, statement)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def unexplained(output: str) -> dict[tuple[str, str], str]:
    """Return the lines of reconcile, by kind and hash."""
    lines = [line.split(maxsplit=3) for line in output.splitlines() if line.startswith("unexplained ")]
    return {(kind, payment_hash): rest for _word, kind, payment_hash, rest in lines}


@pytest.mark.chain
def test_a_restored_ledger_on_a_real_node(postgres: Postgres, tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    try:
        pair.connect()
        certificate, _admin = pair.inner.credentials()
        options = {"send_within": 5, "grace": 1}
        setting = Setting(
            tmp_path / "hub", postgres, pair.inner.rpcserver, certificate, baked(pair.inner), node=options
        ).migrate()
        books = Books(setting, pair.inner)
        try:
            _restored(pair, setting, books)
        finally:
            # Stopped or not, it goes on now, or it could not be ended.
            pair.outer.thaw()
    finally:
        pair.stop()


def _restored(pair: Pair, setting: Setting, books: Books) -> None:
    hub = setting.start()
    alice, bob = hub.user(), hub.user()
    assert pair.pay(alice.invoice(20_000)) == ""
    known = bob.invoice(300)
    until("the deposit", lambda: alice.msat == 20_000_000)
    dump = setting.postgres.dump(setting.database)

    # What the backup does not know.
    paid = pair.invoice(1_000_000, memo="coffee")
    assert alice.pay(paid)["payment_error"] == ""
    assert pair.pay(known) == ""
    assert pair.pay(bob.invoice(700, "of after the backup")) == ""
    between = bob.invoice(500)
    assert alice.pay(between)["payment_error"] == ""
    until("the deposits", lambda: bob.msat == 1_500_000)
    beyond = pair.invoice(1_200_000)
    assert bob.pay(beyond)["payment_error"] == "", "from what came in since, in part by a payment between users"
    dave = hub.user()
    strange = dave.invoice(400)
    assert pair.pay(strange) == ""
    until("the deposit", lambda: dave.msat == 400_000)
    spent = pair.invoice(100_000)
    assert dave.pay(spent)["payment_error"] == ""
    later = alice.invoice(60)
    hanging = pair.invoice(2_000_000)
    before = {wallet.login: wallet.msat for wallet in (alice, bob, dave)}
    books.agree()
    hashes = {
        name: str(alice.get(f"/decodeinvoice?invoice={text}")["payment_hash"])
        for name, text in {
            "between": between,
            "beyond": beyond,
            "strange": strange,
            "spent": spent,
            "paid": paid,
            "hanging": hanging,
        }.items()
    }
    pair.outer.freeze()
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(_lost, alice, hanging)
        until("the payment in the ledger", lambda: alice.msat == before[alice.login] - 2_020_000 - FEES_MSAT)
        until("the payment in lnd", lambda: hashes["hanging"] in books.under_way())
        hub.kill(answer)

    # Restored, and started by somebody who knows nothing of reconcile.
    setting.postgres.restore(setting.database, dump)
    closed = setting.start(closed=True)
    for path in ("/balance", "/gettxs", "/v2/balance"):
        refused = closed.http.get(path, headers=alice.headers)
        assert (refused.status_code, refused.json()["error"], refused.json()["code"]) == (503, True, 7)
    assert closed.http.post("/payinvoice", json={"invoice": paid}, headers=alice.headers).status_code == 503
    assert closed.http.post("/auth", json={"login": alice.login, "password": alice.password}).status_code == 503
    health = closed.http.get("/healthz")
    assert (health.status_code, health.json()["node"], health.json()["ledger"]) == (503, "ok", "closed")
    assert (
        "lndhub_unexplained 4.0" in closed.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
    )
    refused_by_postgres = """INSERT INTO payments (user_id, kind, payment_hash, payment_request, destination,
  amount_msat, fee_limit_msat, memo,
        description_hash, send_before) VALUES (1, 'bolt11', sha256('x'), '', '', 1, 0, '', '', now())"""
    assert "the ledger is closed" in setting.postgres._psql(setting.database, refused_by_postgres).stderr
    books.agree()
    closed.kill()

    # And as it should be.
    setting.postgres.restore(setting.database, dump)
    done = setting.run("reconcile")
    assert done.returncode == 3, done.stderr
    left = unexplained(done.stdout)
    assert set(left) == {
        ("internal", hashes["between"]),
        ("payment", hashes["beyond"]),
        ("deposit", hashes["strange"]),
        ("payment", hashes["spent"]),
    }
    assert "the balance of user 2 does not cover it" in left["payment", hashes["beyond"]]
    assert "400000 msat, fee 0 msat, user 3: user 3 is not in this ledger" in left["deposit", hashes["strange"]]
    assert done.stdout.splitlines()[-1].startswith(
        "closed: recovered 3 invoices, 1 deposits, 2 payments; new unexplained: 4;"
    )
    assert done.stdout.splitlines()[-1].endswith("unexplained: 4; pending payments: 1")
    books.agree()

    # Each is assigned or acknowledged; what does not fit is refused.
    closed = setting.start(closed=True)
    assert setting.run("assign", hashes["beyond"], bob.login).returncode == 1, (
        "it was the payment between users that covered it"
    )
    assert setting.run("assign", hashes["between"], bob.login).returncode == 1, "the payee has not paid himself"
    assert setting.run("assign", hashes["between"], "nobody").returncode == 1
    assert setting.run("assign", hashes["paid"], alice.login).returncode == 1, "it is explained"
    assert setting.run("assign", hashes["between"], alice.login).returncode == 0
    assert setting.run("assign", hashes["between"], alice.login).returncode == 1, "once"
    assert setting.run("assign", hashes["beyond"], bob.login).returncode == 0
    assert setting.run("acknowledge", hashes["spent"]).returncode == 0
    again = setting.run("reconcile")
    assert (again.returncode, set(unexplained(again.stdout))) == (3, {("deposit", hashes["strange"])})
    assert setting.run("acknowledge", hashes["strange"]).returncode == 0
    until("the hub opens by itself", lambda: closed.http.get("/balance", headers=alice.headers).status_code == 200)
    alice, bob = alice.at(closed), bob.at(closed)
    assert bob.msat == before[bob.login]
    assert alice.msat == before[alice.login] - 2_020_000 - FEES_MSAT, "what hangs is reserved"
    assert alice.pay(paid)["code"] == 10, "and nothing is paid twice"
    assert alice.pay(hanging)["code"] == 9
    assert bob.pay(spent)["code"] == 10, "what nobody could be named for is not booked to who asks next"
    books.agree()

    # The user whom the backup did not know comes again, and gets what was his.
    dave = closed.user()
    assert setting.run("assign", hashes["strange"], dave.login).returncode == 0
    assert setting.run("assign", hashes["spent"], dave.login).returncode == 0
    assert dave.msat == 300_000
    pair.outer.thaw()
    until("the hanging payment", lambda: alice.msat == before[alice.login] - 2_000_000, 60)
    assert pair.pay(later) == ""
    until("the invoice that the backup did not know", lambda: alice.msat == before[alice.login] - 2_000_000 + 60_000)
    assert next(one["memo"] for one in alice.get("/gettxs")) == "coffee"
    assert "of after the backup" in [one["description"] for one in bob.get("/getuserinvoices")]
    done = setting.run("reconcile")
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "open"), done.stdout
    books.agree()
    closed.stop()


def _lost(wallet: Wallet, invoice: str) -> None:
    """Ignore the failure of a payment whose process is killed under it."""
    with pytest.raises(httpx.TransportError):
        wallet.pay(invoice)


# --- odd cases, on a fake lnd


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres) -> t.Iterator[World]:
    # `lndhub reconcile` waits for so long. Less than some seconds, and a busy machine hands payments over too late.
    made = World(tmp_path / "hub", postgres, node={"send_within": 5, "grace": 0})
    try:
        yield made
        made.balanced()
    finally:
        made.close()


def older(world: World, dump: bytes, *answers: Future[t.Any]) -> None:
    """Kill all processes and put the backup in place."""
    for process in world.started:
        process.kill(*answers)
    world.setting.postgres.restore(world.setting.database, dump)


@pytest.mark.parametrize("made", [True, False])
def test_an_unexplained_payment_is_under_way(world: World, made: bool) -> None:
    hub = world.hub()
    hub.user()
    dump = world.setting.postgres.dump(world.setting.database)
    mallory = world.rich(hub)
    payment_hash = read(text := request(secrets.token_bytes(32), 100_000))["payment_hash"]
    world.lnd.plan = lambda _lnd, _payment: None
    answer = world.later(_lost, mallory, text)
    until(
        "the payment in lnd",
        lambda: payment_hash in world.lnd.payments and world.lnd.payments[payment_hash].status == "IN_FLIGHT",
    )
    older(world, dump, answer)
    done = world.setting.run("reconcile")
    assert done.returncode == 3
    left = unexplained(done.stdout)
    assert sorted(kind for kind, _hash in left) == ["deposit", "payment"]
    assert "user 2: under way" in left["payment", payment_hash]
    (deposit,) = (one for kind, one in left if kind == "deposit")
    assert world.setting.run("acknowledge", deposit).returncode == 0
    hub = world.setting.start(closed=True)
    world.started.append(hub)
    world.lnd.end(payment_hash, succeeds(fee_msat=3) if made else fails())
    if made:
        until("its end", lambda: sql(world.setting, "SELECT state FROM unexplained WHERE kind = 'payment'") == "booked")
        assert hub.http.get("/balance").status_code == 503, "it is still for a person to say what becomes of it"
        assert world.setting.run("acknowledge", payment_hash).returncode == 0
    until("the hub opens", lambda: hub.http.get("/balance").status_code == 401)
    alice = world.rich(hub, 500)
    world.lnd.plan = succeeds()
    answered = alice.pay(text)
    assert answered.get("code") == 10 if made else answered.get("payment_error") == "", answered


def test_a_pending_payment_of_the_backup_was_made_by_another_user_since(world: World) -> None:
    """The first one fails, the second pays the same invoice: the restored ledger has the first one pending, and must
    not take it for the payer.
    """
    hub = world.hub()
    alice, bob = world.rich(hub), world.rich(hub)
    text = request(secrets.token_bytes(32), 100_000)
    payment_hash = read(text)["payment_hash"]
    world.lnd.plan = lambda _lnd, _payment: None
    answer = world.later(alice.pay, text)
    until(
        "the payment in lnd",
        lambda: payment_hash in world.lnd.payments and world.lnd.payments[payment_hash].status == "IN_FLIGHT",
    )
    dump = world.setting.postgres.dump(world.setting.database)
    world.lnd.end(payment_hash, fails())
    assert answer.result(20)["code"] == 10
    world.lnd.plan = succeeds(fee_msat=7)
    assert bob.pay(text)["payment_error"] == ""
    older(world, dump)
    done = world.setting.run("reconcile")
    assert (done.returncode, done.stdout.splitlines()[-1].split(":")[0]) == (0, "open"), done.stdout
    hub = world.hub()
    assert (alice.at(hub).msat, bob.at(hub).msat) == (1_000_000, 899_993)


def hanging_unexplained(world: World) -> tuple[str, bytes]:
    """Restore a ledger in which an unknown user's payment is under way; return its hash and preimage, with no hub
    running.
    """
    hub = world.hub()
    hub.user()
    dump = world.setting.postgres.dump(world.setting.database)
    mallory = world.rich(hub)
    preimage = secrets.token_bytes(32)
    text = request(preimage, 100_000)
    world.lnd.plan = lambda _lnd, _payment: None
    answer = world.later(_lost, mallory, text)
    payment_hash = str(read(text)["payment_hash"])
    until(
        "the payment in lnd",
        lambda: payment_hash in world.lnd.payments and world.lnd.payments[payment_hash].status == "IN_FLIGHT",
    )
    older(world, dump, answer)
    done = world.setting.run("reconcile")
    assert done.returncode == 3, done
    for _kind, found in unexplained(done.stdout):
        assert world.setting.run("acknowledge", found).returncode == 0
    with world.lnd.lock:
        world.lnd.payments[payment_hash].htlcs = [{"status": 0, "route": {"total_time_lock": world.lnd.height}}]
        world.lnd.height += 145
    return payment_hash, preimage


UNEXPLAINED = (
    "SELECT state, fee_msat, reason, said, acknowledged_at IS NOT NULL FROM unexplained WHERE kind = 'payment'"
)
WHY = "user 2 is not in this ledger"


def test_an_unexplained_payment_is_ended_as_paid_by_a_person(world: World) -> None:
    payment_hash, preimage = hanging_unexplained(world)
    run = world.setting.run
    typed = f"{preimage.hex()}\nthis payment was made\n"
    done = run("end", payment_hash, "paid", "11001", "the payee says so", typed=typed)
    assert (done.returncode, "the fee is above 11000 msat" in done.stderr) == (1, True), done
    assert sql(world.setting, UNEXPLAINED) == f"pending|0|{WHY}||t"
    done = run("end", payment_hash, "paid", "11000", "the payee says so", typed=typed)
    assert (done.returncode, done.stdout) == (0, f"paid {payment_hash}\n"), done
    assert sql(world.setting, UNEXPLAINED) == f"booked|11000|{WHY}|the payee says so|t"
    # As lnd will have it in the end.
    world.lnd.end(payment_hash, succeeds(fee_msat=11_000))


def test_an_unexplained_payment_that_a_person_has_ended_stays_ended(world: World) -> None:
    """lnd has it under way for ever, and its list is read anew, as after lnd has numbered its payments anew."""
    payment_hash, _preimage = hanging_unexplained(world)
    run = world.setting.run
    done = run(
        "end", payment_hash, "failed", "never sent", typed="this payment was not made and can never be claimed\n"
    )
    assert (done.returncode, done.stdout) == (0, f"failed {payment_hash}\n"), done
    sql(world.setting, "UPDATE progress SET payment_index = 0")
    done = run("reconcile")
    assert (done.returncode, unexplained(done.stdout)) == (0, {}), done
    assert sql(world.setting, UNEXPLAINED) == f"failed|0|{WHY}|never sent|t"
    # And if the person was wrong, what lnd has made is booked, and closes the hub.
    world.lnd.end(payment_hash, succeeds(fee_msat=3))
    done = run("reconcile")
    assert (done.returncode, set(unexplained(done.stdout))) == (3, {("payment", payment_hash)}), done
    assert "a person has said: never sent" in done.stdout
    assert sql(world.setting, UNEXPLAINED) == f"booked|3|{WHY}|never sent|f"


def test_an_invoice_that_a_user_pays_during_the_comparison_is_not_unexplained(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is listed as open, and lnd has canceled it when it is looked up: the payment between the two users is what did
    that.
    """
    hub = world.hub()
    alice, bob = world.rich(hub), hub.user()
    text = bob.invoice(100)

    async def body(parts: Hub) -> None:
        lookup = parts.node.invoice

        async def paid_first(payment_hash: bytes) -> Invoice | None:
            assert (await asyncio.to_thread(alice.pay, text))["payment_error"] == ""
            return await lookup(payment_hash)

        monkeypatch.setattr(parts.node, "invoice", paid_first)
        found = RecoveryCounts()
        await parts.recovery._canceled(found)
        assert found == RecoveryCounts()

    in_process(world.setting, monkeypatch, body)
    assert sql(world.setting, "SELECT count(*) FROM unexplained") == "0"
    assert (alice.msat, bob.msat) == (900_000, 100_000)


def test_what_another_program_pays_after_a_person_has_ended_it_is_not_the_hubs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison would take the long way for ever."""
    payment_hash, preimage = hanging_unexplained(world)
    done = world.setting.run(
        "end", payment_hash, "failed", "never sent", typed="this payment was not made and can never be claimed\n"
    )
    assert done.returncode == 0, done
    with world.lnd.lock:
        payment = world.lnd.payments[payment_hash]
        payment.status, payment.payment_preimage = "SUCCEEDED", preimage.hex()
    marks = payment.first_hop_custom_records
    made: dict[bool, list[str]] = {}

    async def body(parts: Hub) -> None:
        for ours in (True, False):
            payment.first_hop_custom_records = marks if ours else {}
            made[ours] = [one.payment_hash.hex() for one in await parts.recovery._made_after_all()]

    in_process(world.setting, monkeypatch, body)
    assert made == {True: [payment_hash], False: []}
    with world.lnd.lock:
        del world.lnd.payments[payment_hash]


def test_nothing_was_lost(world: World) -> None:
    """Reconcile on a ledger that is up to date books nothing, with a process serving beside it."""
    hub = world.hub()
    alice, bob = world.rich(hub), hub.user()
    assert alice.pay(bob.invoice(5))["payment_error"] == ""
    assert alice.pay(request(secrets.token_bytes(32), 100_000))["payment_error"] == ""
    bob.invoice(7)
    count = "SELECT count(*) || ' ' || max(transfer_id) FROM entries"
    before = sql(world.setting, count)
    done = world.setting.run("reconcile")
    assert (done.returncode, done.stdout) == (
        0,
        (
            "open: recovered 0 invoices, 0 deposits, 0 payments; new unexplained: 0; expired unpaid: 0; unexplained: 0;"
            " pending payments: 0\n"
        ),
    )
    assert sql(world.setting, count) == before
    until("the hub is open again", lambda: hub.http.get("/balance").status_code == 401)


def test_reconcile_that_is_cut_short_leaves_the_hub_closed(world: World) -> None:
    hub = world.hub()
    alice = world.rich(hub)
    world.lnd.stop()
    done = world.setting.run("reconcile")
    assert (done.returncode, done.stdout) == (1, "")
    assert "UNAVAILABLE" in done.stderr
    until("the hub is closed", lambda: hub.http.get("/balance").status_code == 503)
    world.lnd.start()
    until("lnd answers", lambda: hub.http.get("/healthz").json()["node"] == "ok")
    assert hub.http.get("/balance", headers=alice.headers).status_code == 503, "that lnd is back opens nothing"
    assert world.setting.run("reconcile").returncode == 0
    until("the hub is open", lambda: hub.http.get("/balance").status_code == 401)


def test_commands_say_what_is_wrong(world: World) -> None:
    assert world.setting.run("assign", "00").returncode == 2
    assert "64 hexadecimal digits" in world.setting.run("acknowledge", "zz").stderr
    assert "nothing with this hash" in world.setting.run("acknowledge", "00" * 32).stderr
    assert "no amount" in world.setting.run("assign", "00" * 32, "x", "-5").stderr


@pytest.mark.parametrize("records", [{}, {7_236_609: b"of another hub's"}])
def test_a_payment_of_another_program_on_the_node_is_not_the_hubs(world: World, records: dict[int, bytes]) -> None:
    hub = world.hub()
    alice = world.rich(hub)
    text = request(secrets.token_bytes(32), 100_000)
    assert alice.pay(text)["payment_error"] == ""
    with world.lnd.lock:
        other = world.lnd.payments[read(text)["payment_hash"]]
        copy = type(other)(
            **{**other.__dict__, "payment_hash": "77" * 32, "first_hop_custom_records": records, "payment_index": 99}
        )
        world.lnd.payments[copy.payment_hash] = copy
    done = world.setting.run("reconcile")
    assert (done.returncode, unexplained(done.stdout)) == (0, {})
    with world.lnd.lock:
        del world.lnd.payments[copy.payment_hash]
