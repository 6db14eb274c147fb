# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's calls to lnd, and the asynchronous client under them, against a fake lnd."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import typing as t
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import (
    AlreadyThere,
    CaveatUnmet,
    Denied,
    ResolutionsNotKept,
    Unreachable,
)
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import (
    MACAROON,
    OTHER_NODE,
    OWN_NODE,
    Abort,
    FakeLnd,
    fails,
    read,
    request,
)
from lndhub import config
from lndhub.node import HtlcEnd, Node, Payment, SettledHtlc
from lndhub.payment import PendingPayment, WantedPayment


@pytest.fixture
def lnd() -> t.Iterator[FakeLnd]:
    fake = FakeLnd()
    yield fake
    fake.stop()


def run(lnd: FakeLnd, folder: Path, body: t.Callable[[Node], t.Awaitable[None]]) -> None:
    """Run a test's body with a node."""
    (folder / "tls.cert").write_bytes(lnd.certificate)
    (folder / "macaroon").write_bytes(MACAROON)
    settings = config.Config(
        database=config.DatabaseSettings(host="", name="", user=""),
        node=config.NodeSettings(rpcserver=lnd.rpcserver, certificate=str(folder / "tls.cert"), timeout=5.0),
        credentials=folder,
    )

    async def go() -> None:
        node = Node(settings)
        try:
            await body(node)
        finally:
            await node.close()

    asyncio.run(go())


def of_invoice(text: str, seconds: float = 30.0) -> WantedPayment:
    """Return the payment of an invoice."""
    said = read(text)
    return WantedPayment(
        user_id=1,
        kind="bolt11",
        payment_hash=bytes.fromhex(said["payment_hash"]),
        payment_request=text,
        destination=said["destination"],
        amount_msat=1000,
        request_amount_msat=said["num_msat"],
        fee_limit_msat=10,
        send_before=datetime.now(UTC) + timedelta(seconds=seconds),
    )


def send(node: Node, wanted: WantedPayment) -> t.AsyncGenerator[Payment, None]:
    """Hand a payment to lnd as if the ledger had reserved for it."""
    assert wanted.send_before is not None
    pending = PendingPayment(
        id=1,
        user_id=wanted.user_id,
        payment_hash=wanted.payment_hash,
        amount_msat=wanted.amount_msat,
        send_before=wanted.send_before,
        taken=False,
        htlcs=1,
    )
    return node.send(wanted, pending, b"m" * 16)


async def sent(node: Node, wanted: WantedPayment) -> list[str]:
    """Send a payment, and return the states that lnd reports."""
    async with contextlib.aclosing(send(node, wanted)) as updates:
        return [update.status async for update in updates]


def test_invoices(lnd: FakeLnd, tmp_path: Path) -> None:
    async def body(node: Node) -> None:
        preimage = secrets.token_bytes(32)
        text = await node.add_invoice(preimage, 5000, "tea", b"", 60, True)
        decoded = await node.decode(text)
        assert decoded is not None
        assert (decoded.destination, decoded.amount_msat, decoded.memo, decoded.expired(0)) == (
            OWN_NODE,
            5000,
            "tea",
            False,
        )
        assert decoded.expired(decoded.timestamp + 60)
        assert await node.decode("nonsense") is None
        assert await node.invoice(b"0" * 32) is None
        found = await node.invoice(decoded.payment_hash)
        assert found is not None
        assert found.state == "OPEN"
        assert await node.cancel(decoded.payment_hash) is True
        assert await node.cancel(decoded.payment_hash) is True, "again is the same"
        assert await node.cancel(b"0" * 32) is True, "what is not there cannot be paid"
        paid = await node.add_invoice(secrets.token_bytes(32), 5000, "", b"", 60, False)
        assert lnd.pay_from_outside(paid)
        assert await node.cancel(bytes.fromhex(read(paid)["payment_hash"])) is False

    run(lnd, tmp_path, body)


def test_settled_invoices_come_from_an_index_on(lnd: FakeLnd, tmp_path: Path) -> None:
    async def body(node: Node) -> None:
        texts = [
            await node.add_invoice(secrets.token_bytes(32), 1000 + number, "", b"", 60, False) for number in range(4)
        ]
        for text in texts[:3]:
            assert lnd.pay_from_outside(text)
        async with contextlib.aclosing(node.settled_invoices(1)) as settled:
            seen = [await anext(settled), await anext(settled)]
            assert [(one.settle_index, one.received_msat) for one in seen] == [(2, 1001), (3, 1002)]
            assert lnd.pay_from_outside(texts[3])
            assert (await anext(settled)).settle_index == 4

    run(lnd, tmp_path, body)


def test_a_payment_that_comes_too_late_is_refused_by_lnd(lnd: FakeLnd, tmp_path: Path) -> None:
    async def body(node: Node) -> None:
        text = request(b"1" * 32, 1000)
        late = of_invoice(text, seconds=-1)
        with pytest.raises(CaveatUnmet):
            await sent(node, late)
        assert not lnd.payments
        assert await node.payment(late.payment_hash) is None
        assert late.send_before is not None
        assert await node.past(late.send_before) is True
        assert await node.past(datetime.now(UTC) + timedelta(seconds=30)) is False
        lnd.clock = 60
        assert await node.past(datetime.now(UTC) + timedelta(seconds=30)) is True, "by lnd's clock, not by ours"
        lnd.broken["GetInfo"] = Abort(
            'verification failed: caveat "ipaddr 10.0.0.1" not satisfied: macaroon locked to different IP address'
        )
        with pytest.raises(CaveatUnmet):
            await node.past(datetime.now(UTC) + timedelta(seconds=30))
        lnd.broken.clear()
        lnd.clock = 0
        assert (await sent(node, of_invoice(text)))[-1] == "SUCCEEDED"

    run(lnd, tmp_path, body)


def test_the_end_of_a_payment(lnd: FakeLnd, tmp_path: Path) -> None:
    async def body(node: Node) -> None:
        text = request(b"1" * 32, 1000)
        lnd.plan = fails()
        assert (await sent(node, of_invoice(text)))[-1] == "FAILED"
        record = await node.payment(of_invoice(text).payment_hash)
        assert record is not None
        assert (record.status, record.failure, record.ended) == ("FAILED", "FAILURE_REASON_NO_ROUTE", True)
        lnd.plan = lambda _lnd, _payment: None
        updates = send(node, of_invoice(text))
        assert (await anext(updates)).status == "IN_FLIGHT"
        await updates.aclose()
        record = await node.payment(of_invoice(text).payment_hash)
        assert record is not None
        assert not record.ended, "leaving the stream does not end the payment"
        with pytest.raises(AlreadyThere):
            await sent(node, of_invoice(text))

    run(lnd, tmp_path, body)


def test_keysend_carries_its_preimage(lnd: FakeLnd, tmp_path: Path) -> None:
    async def body(node: Node) -> None:
        wanted = WantedPayment(
            user_id=1,
            kind="keysend",
            payment_hash=b"h" * 32,
            destination=OTHER_NODE,
            amount_msat=1000,
            fee_limit_msat=10,
            preimage=b"p" * 32,
            custom_records={696969: b"you"},
            send_before=datetime.now(UTC) + timedelta(seconds=30),
        )
        assert (await sent(node, wanted))[-1] == "SUCCEEDED"
        assert lnd.payments[(b"h" * 32).hex()].value_msat == 1000

    run(lnd, tmp_path, body)


def test_errors_have_their_kind(lnd: FakeLnd, tmp_path: Path) -> None:
    async def body(node: Node) -> None:
        lnd.broken["DecodePayReq"] = Abort("permission denied")
        with pytest.raises(Denied):
            await node.decode("x")
        lnd.broken["DecodePayReq"] = Abort("away", "UNAVAILABLE")
        with pytest.raises(Unreachable):
            await node.decode("x")
        lnd.broken["LookupInvoice"] = Abort("away", "UNAVAILABLE")
        with pytest.raises(Unreachable):
            await node.invoice(b"0" * 32)
        await node.sign()
        assert await node.local_balance() == 5000
        assert await node.node_id() == OWN_NODE
        assert await node.node_id() == OWN_NODE
        assert lnd.calls["GetInfo"] == 1

    run(lnd, tmp_path, body)


def test_the_end_of_an_htlc(lnd: FakeLnd, tmp_path: Path) -> None:
    lnd.htlc_ends = {(1, 7): True, (1, 8): False}
    htlcs = [SettledHtlc(chan_id=1, index=index, amount_msat=5, expires=9) for index in (7, 8, 9)]

    async def body(node: Node) -> None:
        assert [await node.htlc_end(one) for one in htlcs] == [HtlcEnd(True, True), HtlcEnd(False, True), None]
        lnd.broken["LookupHtlcResolution"] = Abort(
            "cannot lookup with flag --store-final-htlc-resolutions=false", "UNAVAILABLE"
        )
        with pytest.raises(ResolutionsNotKept, match="Set store-final-htlc-resolutions=true"):
            await node.htlc_end(htlcs[0])

    run(lnd, tmp_path, body)


def test_the_settled_htlcs_of_an_invoice(lnd: FakeLnd, tmp_path: Path) -> None:
    async def body(node: Node) -> None:
        text = await node.add_invoice(secrets.token_bytes(32), 5_000, "", b"", 60, False)
        payment_hash = bytes.fromhex(read(text)["payment_hash"])
        assert lnd.pay_from_outside(text)
        # One that lnd has refused, such as a part that came too late.
        lnd.invoices[payment_hash].htlcs.append({"chan_id": 2, "htlc_index": 3, "amt_msat": 5_000, "state": 2})
        invoice = await node.invoice(payment_hash)
        assert invoice is not None
        assert [(one.chan_id, one.index, one.amount_msat) for one in invoice.htlcs] == [(1, 10, 5_000)]

    run(lnd, tmp_path, body)
