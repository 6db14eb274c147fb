# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch-only node leaves: its channels are closed cooperatively to its tenant's address, once no payment is under
way.
"""

from __future__ import annotations

import hashlib
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair

pytestmark = pytest.mark.chain

HELD_SAT = 20_000


class Nodes(WatchOnlyPair):
    """A watch-only node whose tenant has named a close address, and a node of the world.

    Attributes:
        home: that address, which is of neither node.
    """

    PRIVATE = (False, False)

    def watch_only(self, name: str, *options: str) -> Lnd:
        """Return a node that asks the signer, and has its peers agree on the address."""
        self.home: str = self.bitcoind.call("getnewaddress", "", "bech32")
        return super().watch_only(name, f"--upfront-shutdown-address={self.home}", *options)


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("offboard"))
    try:
        made.connect()
        made.await_channels()
        yield made
    finally:
        made.stop()


def test_channels_close_to_the_tenants_address_when_no_payment_is_under_way(nodes: Nodes) -> None:
    inner = nodes.inner

    def pays() -> bool:
        small = inner.module("lnd_payment", payment_request=nodes.invoice(1_000), fee_limit_msat=10_000)
        return not small.get("failed")

    # As it does once it knows the peer's policy.
    until("a payment", pays)
    payment_hash = hashlib.sha256(b"held").digest()
    invoice = nodes.hold_invoice(payment_hash, HELD_SAT * 1000)
    opened = inner.module("lnd_channel_info")["channels"]
    gone: dict[str, t.Any] = {"state": "absent", "channels": [{"peer": opened[0]["remote_pubkey"]}]}
    with Client(Connection(inner.rpcserver, *inner.credentials())) as payer:
        next(
            iter(
                payer.stream(
                    "routerrpc.Router/SendPaymentV2", payment_request=invoice, fee_limit_msat=10_000, timeout_seconds=60
                )
            )
        )
        until("the payee to hold it", lambda: nodes.held(payment_hash) == "ACCEPTED")

    refused = inner.module("lnd_channel", **gone)
    assert refused.get("failed"), refused
    assert "1 HTLC(s) under way" in refused["msg"]
    waited = inner.module("lnd_channel_info", no_htlcs=True, wait_timeout=1)
    assert waited.get("failed"), waited
    assert f"out {payment_hash.hex()} of {HELD_SAT} sat in " in waited["msg"]
    assert {one["status"] for one in inner.module("lnd_channel_info")["channels"]} == {"open"}

    nodes.cancel(invoice)
    drained = inner.module("lnd_channel_info", no_htlcs=True, wait_timeout=30)
    assert not drained.get("failed"), drained
    assert inner.module("lnd_channel", check=True, **gone)["changed"]
    closed = inner.module("lnd_channel", **gone)
    assert not closed.get("failed"), closed
    assert closed["actions"] == ["close", "close"]
    # Interrupted here, the next run finds nothing to close, and waits for the confirmations.
    assert inner.module("lnd_channel", **gone)["changed"] is False
    first = nodes.bitcoind.call("getblockcount") + 1
    nodes.bitcoind.mine(6)
    again = inner.module("lnd_channel", wait=True, wait_timeout=30, **gone)
    assert (again.get("failed"), again.get("changed")) == (None, False), again

    found = inner.module("lnd_channel_info")
    assert found["channels"] == []
    script = nodes.bitcoind.call("getaddressinfo", nodes.home)["scriptPubKey"]
    block = nodes.bitcoind.call("getblockhash", first)
    for one in found["closed_channels"]:
        assert one["close_type"] == "COOPERATIVE_CLOSE"
        outputs = nodes.bitcoind.call("getrawtransaction", one["closing_tx_hash"], True, block)["vout"]
        paid = {output["scriptPubKey"]["hex"]: round(output["value"] * 100_000_000) for output in outputs}
        assert paid[script] == one["settled_balance"]
    assert {one["channel_point"] for one in found["closed_channels"]} == {one["channel_point"] for one in opened}
