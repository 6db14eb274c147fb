# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub on a real PostgreSQL and a real lnd, whose channel leads to another real lnd. The tests build on each other,
in this order.
"""

from __future__ import annotations

import asyncio
import typing as t
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError, CaveatUnmet
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair
from lndhub.config import load
from lndhub.node import Node
from lndhub.payment import PendingPayment, WantedPayment

pytestmark = [pytest.mark.chain, pytest.mark.database]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    try:
        pair.connect()
        yield pair
    finally:
        pair.stop()


@pytest.fixture(scope="module")
def setting(pair: Pair, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    certificate, _admin = pair.inner.credentials()
    folder = tmp_path_factory.mktemp("hub")
    return Setting(folder, postgres, pair.inner.rpcserver, certificate, baked(pair.inner)).migrate()


@pytest.fixture(scope="module")
def hub(setting: Setting) -> t.Iterator[Process]:
    process = setting.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def alice(hub: Process) -> Wallet:
    return hub.user()


@pytest.fixture(scope="module")
def bob(hub: Process) -> Wallet:
    return hub.user()


def test_check_says_that_all_parts_serve(setting: Setting) -> None:
    done = setting.run("check")
    assert (done.returncode, done.stdout) == (0, "database: ok\nnode: ok\nreceipts: ok\nsigner: ok\n")


def test_lnd_refuses_what_comes_too_late(pair: Pair, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The basis for releasing a payment: lnd refuses a late request according to its own clock, keeps no record of it,
    and reports that it is late.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(setting.credentials))
    config = load(setting.config())
    request = pair.invoice(1000)

    async def body() -> None:
        node = Node(config)
        try:
            read = await node.decode(request)
            assert read is not None
            late = datetime.now(UTC) - timedelta(seconds=2)
            wanted = WantedPayment(
                user_id=1,
                kind="bolt11",
                payment_hash=read.payment_hash,
                payment_request=request,
                destination=read.destination,
                amount_msat=1000,
                request_amount_msat=1000,
                fee_limit_msat=10,
                send_before=late,
            )
            pending = PendingPayment(
                id=1,
                user_id=1,
                payment_hash=read.payment_hash,
                amount_msat=1000,
                send_before=late,
                taken=False,
                htlcs=1,
            )
            with pytest.raises(CaveatUnmet):
                async for _update in node.send(wanted, pending, b"m" * 16):
                    pass
            assert await node.payment(read.payment_hash) is None
            assert await node.past(late) is True
            assert await node.past(datetime.now(UTC) + timedelta(seconds=30)) is False
        finally:
            await node.close()

    asyncio.run(body())


def test_a_deposit(pair: Pair, alice: Wallet) -> None:
    added = alice.post("/addinvoice", amt="20000", memo="first")
    assert alice.get(f"/checkpayment/{added['r_hash']}") == {"paid": False}
    decoded = alice.get(f"/decodeinvoice?invoice={added['pay_req']}")
    assert (decoded["num_satoshis"], decoded["description"], decoded["payment_hash"]) == (
        "20000",
        "first",
        added["r_hash"],
    )
    assert decoded["route_hints"], "the way by a private channel is named"
    assert pair.pay(added["pay_req"]) == ""
    until("the deposit", lambda: alice.get("/balance")["BTC"]["AvailableBalance"] == 20_000)
    assert alice.get(f"/checkpayment/{added['r_hash']}") == {"paid": True}


def test_a_payment_to_the_world(pair: Pair, alice: Wallet) -> None:
    request = pair.invoice(1_000_500, memo="coffee")
    paid = alice.pay(request)
    assert paid.get("payment_error") == "", paid
    assert paid["payment_route"]["total_amt_msat"] == 1_000_500
    assert alice.msat == 20_000_000 - 1_000_500
    transaction = alice.get("/gettxs")[-1]
    assert (transaction["value"], transaction["fee"], transaction["memo"]) == (1001, 0, "coffee")
    again = alice.pay(request)
    assert (again["error"], again["code"]) == (True, 10)
    assert alice.msat == 20_000_000 - 1_000_500


def test_a_payment_between_users(pair: Pair, alice: Wallet, bob: Wallet) -> None:
    request = bob.invoice(500, "rent")
    before = alice.msat
    paid = alice.pay(request)
    assert paid.get("payment_error") == "", paid
    assert (alice.msat, bob.msat) == (before - 500_000, 500_000)
    assert pair.pay(request) == "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS", "it was canceled on lnd first"
    assert bob.msat == 500_000


def test_amountless_both_ways(pair: Pair, alice: Wallet, bob: Wallet) -> None:
    before = alice.msat
    assert alice.pay(bob.invoice(0))["code"] == 8
    assert alice.pay(bob.invoice(0), amount=7)["payment_error"] == ""
    assert alice.pay(pair.invoice(0), amount="8")["payment_error"] == ""
    assert pair.pay(bob.invoice(0), amt_msat=9_999) == ""
    until("the deposit", lambda: bob.msat == 500_000 + 7_000 + 9_999)
    assert alice.msat == before - 15_000


def test_keysend(pair: Pair, alice: Wallet) -> None:
    assert pair.client is not None
    info = pair.client.call("lnrpc.Lightning/GetInfo")
    before = alice.msat
    refused = alice.post("/v2/payments/keysend", amount=5, destination=info.identity_pubkey)
    assert refused["code"] == 10, "the node of the world takes no keysend"
    assert alice.msat == before


def test_a_payee_holds_a_payment_for_a_week_at_most(pair: Pair, alice: Wallet) -> None:
    """lnd takes the limit, and would refuse what the payee asks for beyond it; so the hub does."""
    before = alice.msat
    held = pair.hold_invoice(b"w" * 32, 1000, cltv_expiry=1900)
    answer = alice.pay(held)
    assert (answer["code"], "1900 blocks" in answer["message"]) == (4, True), answer
    with (
        Client(Connection(pair.inner.rpcserver, *pair.inner.credentials())) as client,
        pytest.raises(CallError, match="cltv limit 1008 should be greater than 1903"),
    ):
        next(
            iter(
                client.stream(
                    "routerrpc.Router/SendPaymentV2", payment_request=held, cltv_limit=1008, timeout_seconds=20
                )
            )
        )
    assert alice.msat == before
    assert alice.pay(pair.invoice(2_000))["payment_error"] == ""


def test_health_and_metrics(hub: Process) -> None:
    health = hub.http.get("/healthz")
    assert (health.status_code, health.json()) == (
        200,
        {"status": "ok", "database": "ok", "node": "ok", "signer": "ok"},
    )
    assert hub.http.get("/metrics").json()["error"] is True
    text = hub.http.get("/metrics", headers={"Authorization": "Bearer the-admin-token-of-a-test"}).text
    assert "lndhub_pending_payments 0.0" in text
    assert hub.rss_mb() < 100, "on Debian 13 less, see the bench"
