# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A payment that lnd leaves under way for ever, because it was killed while its signer did not sign: the hub ends it
when it is proven that it can never be claimed, and not before.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.books import Books
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Setting, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair

# It takes a minute, and the rule's own tests are in tests/unit.
pytestmark = [pytest.mark.chain, pytest.mark.database, pytest.mark.faults]

MARGIN_BLOCKS = 144
IN_TRANSIT = 9


class OneChannel(WatchOnlyPair):
    """A watch-only node with a hub, and one channel."""

    PRIVATE = (False,)


class Site:
    """A hub on a watch-only node."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.pair = OneChannel(folder)
        self.pair.connect()
        inner = self.pair.inner
        certificate, _admin = inner.credentials()
        self.setting = Setting(
            folder / "hub", postgres, inner.rpcserver, certificate, baked(inner), service={"answer_within": 1.0}
        ).migrate()
        self.hub = self.setting.start()
        self.books = Books(self.setting, inner)
        self.alice = self.hub.user()
        assert self.pair.pay(self.alice.invoice(100_000)) == ""
        until("the deposit", lambda: self.alice.msat == 100_000_000)

    def record(self) -> dict[str, t.Any]:
        """Return lnd's record of the only payment."""
        inner = self.pair.inner
        with Client(Connection(inner.rpcserver, *inner.credentials())) as client:
            answer = messages.plain(client.call("lnrpc.Lightning/ListPayments", include_incomplete=True))
        payments = answer["payments"]
        return dict(payments[0]) if payments else {}

    def parts(self) -> list[dict[str, t.Any]]:
        """Return its parts that are under way."""
        return [one for one in self.record().get("htlcs", []) if one["status"] == "IN_FLIGHT"]

    def looks(self) -> float:
        """Return how often the hub has looked at what is pending."""
        text = self.hub.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
        return float(next(line for line in text.splitlines() if line.startswith("lndhub_reconcile_rounds ")).split()[1])

    def two_looks(self) -> None:
        """Wait until the hub has looked twice, one look from beginning to end."""
        before = self.looks()
        until("two looks", lambda: self.looks() >= before + 2, 60)

    def stop(self) -> None:
        """Stop all of it."""
        self.hub.kill()
        self.pair.stop()


@pytest.fixture
def site(tmp_path: Path, postgres: Postgres) -> t.Iterator[Site]:
    made = Site(tmp_path, postgres)
    try:
        yield made
    finally:
        made.stop()


def test_a_payment_that_was_never_sent(site: Site) -> None:
    pair, alice = site.pair, site.alice
    request = pair.invoice(20_000_000)
    pair.signer.freeze()
    assert alice.pay(request)["code"] == IN_TRANSIT
    until("an attempt", site.parts)
    pair.inner.kill()
    pair.signer.thaw()
    pair.inner.start()
    pair.open_inner()
    pair.await_channels()
    reserved = alice.msat
    assert reserved < 80_000_000
    (part,) = site.parts()
    height = int(pair.inner.module("lnd_info")["block_height"])
    # The proof is there, but for the time lock.
    assert pair.pay(alice.invoice(1_000)) == ""
    until("the deposit", lambda: alice.msat == reserved + 1_000_000)
    pair.bitcoind.mine(int(part["route"]["total_time_lock"]) + MARGIN_BLOCKS - height)
    until("the node to be synced", lambda: pair.inner.module("lnd_info")["synced_to_chain"], 60)
    site.two_looks()
    assert alice.msat == reserved + 1_000_000
    assert alice.pay(request)["code"] == IN_TRANSIT
    pair.bitcoind.mine(1)
    until("the money", lambda: alice.msat == 101_000_000, 60)
    assert "was never sent, and can never be claimed" in site.hub.log.read_text()
    assert site.parts() == [part], "lnd itself still waits"
    assert site.books.sql("SELECT sum(msat) FROM entries") == [["0"]]
