# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's close address: the gateway pays its part of a channel there and nowhere else, whatever the tenant's node
asks for later.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import TimedOut
from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind, Lnd, Network, until

pytestmark = pytest.mark.chain

CAPACITY_SAT, PUSHED_SAT = 1_000_000, 400_000


@dataclass
class Place:
    """A gateway, a tenant's node, and two addresses that belong to nobody here."""

    bitcoind: Bitcoind
    gateway: Lnd
    tenant: Lnd
    node_id: str
    home: str
    elsewhere: str

    def script(self, address: str) -> str:
        return str(self.bitcoind.call("getaddressinfo", address)["scriptPubKey"])

    def channels(self) -> dict[str, t.Any]:
        """Return the gateway's active channels, by their outpoint."""
        with client(self.gateway) as there:
            return {one.channel_point: one for one in there.call("lnrpc.Lightning/ListChannels").channels if one.active}

    def open(self, count: int) -> list[str]:
        """Open channels from the gateway; return their outpoints once both can use them."""
        before = self.channels()
        wish = [{"peer": self.node_id, "capacity": CAPACITY_SAT, "push_sat": PUSHED_SAT, "count": len(before) + count}]
        opened = self.gateway.module("lnd_channel", channels=wish, spend_unconfirmed=True)
        assert not opened.get("failed"), opened["msg"]
        self.bitcoind.mine(6)
        until("the channels", lambda: len(set(self.channels()) - set(before)) == count)
        return sorted(set(self.channels()) - set(before))

    def close(self, by: Lnd, point: str, timeout: float = 30, **more: t.Any) -> None:
        """Ask a node to close a channel in agreement; return once lnd has answered."""
        txid, _colon, index = point.partition(":")
        with client(by) as there:
            next(
                iter(
                    there.stream(
                        "lnrpc.Lightning/CloseChannel",
                        timeout=timeout,
                        channel_point={"funding_txid_str": txid, "output_index": int(index)},
                        **more,
                    )
                )
            )

    def paid(self, point: str) -> set[str]:
        """Return the scripts that the closing transaction of a channel pays, once there is one."""

        return {
            output["scriptPubKey"]["hex"]
            for output in until(f"the closing of {point}", lambda: self.spent().get(point))["vout"]
        }

    def spent(self) -> dict[str, dict[str, t.Any]]:
        """Return outpoints, with the transaction that waits for a block and spends them."""
        waiting = [self.bitcoind.call("getrawtransaction", txid, True) for txid in self.bitcoind.call("getrawmempool")]
        return {f"{one['txid']}:{one['vout']}": spender for spender in waiting for one in spender["vin"]}


def client(node: Lnd) -> Client:
    return Client(Connection(node.rpcserver, *node.credentials()))


def serving(node: Lnd, bitcoind: Bitcoind) -> str:
    """Start a node, and return its id."""
    node.start()
    state = node.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
    assert state.get("state") == "SERVER_ACTIVE", state
    until("the chain", lambda: node.module("lnd_info").get("synced_to_chain"))
    return str(node.module("lnd_info")["identity_pubkey"])


def connected(place: Place) -> None:
    """Have the tenant's node dial the gateway, as at a provider."""
    gateway_id = place.gateway.module("lnd_info")["identity_pubkey"]
    done = place.tenant.module("lnd_peer", pubkey=gateway_id, host=place.gateway.host)
    assert not done.get("failed"), done["msg"]


@pytest.fixture(scope="module")
def place(network: Network, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Place]:
    """Both nodes run, the tenant's without a close address."""
    folder: Path = tmp_path_factory.mktemp("close")
    home, elsewhere = (network.bitcoind.call("getnewaddress", "", "bech32") for _address in range(2))
    gateway, tenant = (
        Lnd(folder / name, network.bitcoind, "--noseedbackup", "--maxpendingchannels=5")
        for name in ("gateway", "tenant")
    )
    try:
        serving(gateway, network.bitcoind)
        made = Place(network.bitcoind, gateway, tenant, serving(tenant, network.bitcoind), home, elsewhere)
        network.bitcoind.pay(gateway.module("lnd_address")["address"], 1)
        gateway.module("lnd_balance_info", min_confirmed=100_000_000, wait_timeout=30)
        connected(made)
        yield made
    finally:
        tenant.stop()
        gateway.stop()


def test_the_gateway_pays_to_no_other_address(place: Place) -> None:
    (before,) = place.open(1)
    place.tenant.stop()
    place.tenant.add(f"--upfront-shutdown-address={place.home}")
    serving(place.tenant, place.bitcoind)
    connected(place)
    until("the first channel", lambda: before in place.channels())
    by_gateway, by_tenant, doctored = place.open(3)

    # A channel that was there before pays to the node's address.
    place.close(place.tenant, before, delivery_address=place.elsewhere)
    assert place.script(place.elsewhere) in place.paid(before)

    for closer, point in ((place.gateway, by_gateway), (place.tenant, by_tenant)):
        place.close(closer, point)
        assert place.script(place.home) in place.paid(point)

    # Somebody who has the node: lnd itself does not close to another address, so its database is made to say that it
    # was another.
    with pytest.raises(LightningError, match=r"does not match|mismatch"):
        place.close(place.tenant, doctored, delivery_address=place.elsewhere)
    place.tenant.stop()
    database = place.tenant.directory / "data/graph/regtest/channel.db"
    content, script = database.read_bytes(), bytes.fromhex(place.script(place.home))
    assert script in content
    database.write_bytes(content.replace(script, bytes.fromhex(place.script(place.elsewhere))))
    serving(place.tenant, place.bitcoind)
    connected(place)
    until("the channel", lambda: doctored in place.channels())
    log = place.gateway.directory.parent / "gateway.log"
    said = len(log.read_text())
    with pytest.raises(TimedOut):
        place.close(place.tenant, doctored, 5)
    until("the gateway's refusal", lambda: "does not match upfront shutdown script" in log.read_text()[said:])
    assert doctored not in place.spent()
    with client(place.gateway) as there:
        assert doctored in {one.channel_point for one in there.call("lnrpc.Lightning/ListChannels").channels}
