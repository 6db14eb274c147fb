# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lnd that is killed after it has settled an invoice, and before the commitments that pay it, gives the money back.
The hub of that invoice books nothing.
"""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.books import Books
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import Setting, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair

pytestmark = [pytest.mark.chain, pytest.mark.database]

# lnd keeps the replays of onions, then settles the invoices and sends the preimages, and notes only after that that the
# HTLCs are processed (htlcswitch/link.go, processRemoteAdds). PostgreSQL holds this note up, by lnd's own key for it
# (channeldb/forwarding_package.go, fwdFilterKey), so that lnd can be killed before it.
HOLD_SQL = """
CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER hold_up BEFORE INSERT OR UPDATE ON channeldb_kv
  FOR EACH ROW WHEN (NEW.key = 'fwd-filter-key'::bytea) EXECUTE FUNCTION hold_up();
"""
# The session that sleeps outlives the lnd that it is of.
RELEASE_SQL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DROP FUNCTION hold_up CASCADE;
"""


class PublicPair(Pair):
    """Nodes with one channel."""

    PRIVATE = (False,)


class Site:
    """The pair, and a hub on one of its nodes."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self._postgres = postgres
        self.pair = PublicPair(folder, postgres)
        self.pair.connect()
        inner = self.pair.inner
        certificate, _admin = inner.credentials()
        self.setting = Setting(folder / "hub", postgres, inner.rpcserver, certificate, baked(inner)).migrate()
        self.hub = self.setting.start()
        self.books = Books(self.setting, inner)
        self.alice = self.hub.user()

    def local_msat(self, node: Lnd) -> int:
        """Return what a node owns in its channel."""
        with Client(Connection(node.rpcserver, *node.credentials())) as client:
            return int(client.call("lnrpc.Lightning/ChannelBalance").local_balance.msat)

    def sql(self, statements: str) -> None:
        """Change the database of the node with the hub."""
        done = self._postgres._psql(self.pair.databases["inner"], statements)
        assert done.returncode == 0, done.stderr

    def state(self, payment_hash: bytes) -> str:
        """Return the state of an invoice of the node with the hub."""
        inner = self.pair.inner
        with Client(Connection(inner.rpcserver, *inner.credentials())) as client:
            found = client.call("lnrpc.Lightning/LookupInvoice", r_hash=payment_hash)
        return messages.enum_name("lnrpc.Invoice.InvoiceState", found.state)

    def has(self, msat: int) -> bool:
        """Return whether the user has this much."""
        return self.alice.msat == msat

    def stop(self) -> None:
        """Stop all of it."""
        self.hub.kill()
        self.pair.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> t.Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("replay"), postgres)
    try:
        yield made
    finally:
        made.stop()


def test_a_receipt_is_booked_soon(site: Site) -> None:
    """A payment counts for its payer when it has the preimage, and for its payee when the commitments are exchanged."""
    waited = []
    for number in range(1, 11):
        assert site.pair.pay(site.alice.invoice(10_000)) == ""
        began = time.monotonic()
        until("the deposit", partial(site.has, number * 10_000_000))
        waited.append(time.monotonic() - began)
    print(
        f"booked {sorted(waited)[5] * 1000:.0f} ms after the payer had the preimage, at most {max(waited) * 1000:.0f}"
    )


def test_money_that_went_back_is_not_booked(site: Site) -> None:
    inner, outer = site.pair.inner, site.pair.outer
    request = site.alice.invoice(200_000)
    payment_hash = bytes.fromhex(site.alice.get(f"/decodeinvoice?invoice={request}")["payment_hash"])
    before = {node: site.local_msat(node) for node in (inner, outer)}
    site.sql(HOLD_SQL)
    with ThreadPoolExecutor() as pool:
        payment = pool.submit(site.pair.pay, request)
        until("a settled invoice", lambda: site.state(payment_hash) == "SETTLED")
        assert payment.result() == "", "the payer has the preimage"
    inner.kill()
    assert site.alice.msat == 100_000_000, "nothing is booked yet"
    site.sql(RELEASE_SQL)
    inner.start()
    inner.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
    until("the payer's money", lambda: site.local_msat(outer) == before[outer])
    assert site.state(payment_hash) == "SETTLED", "lnd itself still says that it was paid"
    assert site.local_msat(inner) == before[inner]
    until("the end of the invoice", lambda: "has brought nothing" in site.hub.log.read_text())
    assert site.alice.msat == 100_000_000
    assert site.books.sql("SELECT sum(msat) FROM entries") == [["0"]]
    shown = {one["payment_request"]: one["ispaid"] for one in site.alice.get("/getuserinvoices")}
    assert (shown[request], sum(shown.values())) == (False, 10)
    # What comes next is booked as before.
    site.pair.await_channels()
    assert site.pair.pay(site.alice.invoice(10_000)) == ""
    until("the deposit", lambda: site.alice.msat == 110_000_000)
