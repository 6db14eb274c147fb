# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch-only node whose signer grants four methods gets its coins out of its channels: it closes one in agreement and
one by force with payments under way in both directions, and gets a third one back after its database was lost.
"""

from __future__ import annotations

import hashlib
import secrets
import subprocess
import typing as t
from functools import partial

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant, macaroon
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, lnd_binary, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair

pytestmark = pytest.mark.chain

# Blocks: after which a node may sweep its part of a commitment of its own, and within which a payment has to end.
DELAY_BLOCKS, EXPIRY_BLOCKS = 6, 25
SMALL_SAT, HELD_SAT, FEES_SAT = 1_000, 300_000, 50_000


class Nodes(WatchOnlyPair):
    """A watch-only node and one of the world, with three channels."""

    PRIVATE = (False, False, False)

    def node(self, name: str, *options: str) -> Lnd:
        """Return an lnd on the pair's chain, which asks its peers for a short delay."""
        return super().node(name, *options, "--maxpendingchannels=3", f"--bitcoin.defaultremotedelay={DELAY_BLOCKS}")

    def granted(self) -> macaroon.Macaroon:
        """Return the macaroon with which the node asks its signer."""
        return macaroon.decode(self._macaroon.read_bytes())

    def mine_until(self, node: Client, what: str, holds: t.Callable[[], t.Any]) -> None:
        """Make blocks, each after the node has seen the one before, until a condition holds."""

        def mined() -> bool:
            self.bitcoind.mine(1)
            height = self.bitcoind.call("getblockcount")
            until("the block", lambda: node.call("lnrpc.Lightning/GetInfo").block_height == height)
            return bool(holds())

        until(what, mined, 120)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("closings"))
    try:
        made.connect()
        yield made
    finally:
        made.stop()


def client(node: Lnd) -> Client:
    return Client(Connection(node.rpcserver, *node.credentials(), 60))


def lncli(node: Lnd, *arguments: str) -> None:
    """Run a command that the docs have people type."""
    options = [f"--rpcserver={node.rpcserver}", f"--lnddir={node.directory}", "--network=regtest"]
    subprocess.run([str(lnd_binary().with_name("lncli")), *options, *arguments], check=True, capture_output=True)


def channels(node: Client) -> list[dict[str, t.Any]]:
    return list(messages.plain(node.call("lnrpc.Lightning/ListChannels"))["channels"])


def confirmed(node: Client) -> int:
    """Return the coins of a node's wallet, in sat."""
    return int(node.call("lnrpc.Lightning/WalletBalance").confirmed_balance)


def is_closed(node: Client, left: int) -> bool:
    """Return whether a node has so many channels left, and waits for no coins of another one."""
    pending = node.call("lnrpc.Lightning/PendingChannels")
    waits = [*pending.waiting_close_channels, *pending.pending_force_closing_channels]
    return not waits and len(channels(node)) == left


def close(node: Client, channel: dict[str, t.Any], **more: t.Any) -> None:
    """Close a channel; return once lnd has answered."""
    txid, _colon, index = channel["channel_point"].partition(":")
    point = {"funding_txid_str": txid, "output_index": int(index)}
    next(iter(node.stream("lnrpc.Lightning/CloseChannel", channel_point=point, **more)))


def send(payer: Client, channel: dict[str, t.Any], invoice: str, **more: t.Any) -> dict[str, t.Any]:
    """Pay an invoice over one channel; return what lnd reports first."""
    sent = payer.stream(
        "routerrpc.Router/SendPaymentV2",
        payment_request=invoice,
        fee_limit_msat=10_000,
        timeout_seconds=60,
        outgoing_chan_ids=[int(channel["chan_id"])],
        max_parts=1,
        **more,
    )
    return dict(messages.plain(next(iter(sent))))


def is_paid(payer: Client, payee: Client, channel: dict[str, t.Any]) -> bool:
    """Make a small payment over a channel; return whether it succeeded, as it does once the payer knows the channel."""
    invoice = payee.call("lnrpc.Lightning/AddInvoice", value_msat=SMALL_SAT * 1000).payment_request
    return bool(send(payer, channel, invoice, no_inflight_updates=True)["status"] == "SUCCEEDED")


def under_way(payer: Client, payee: Client, channel: dict[str, t.Any]) -> bytes:
    """Make a payment over a channel that its payee holds; return its preimage."""
    preimage = secrets.token_bytes(32)
    payment_hash = hashlib.sha256(preimage).digest()
    invoice = payee.call(
        "invoicesrpc.Invoices/AddHoldInvoice", hash=payment_hash, value_msat=HELD_SAT * 1000, cltv_expiry=EXPIRY_BLOCKS
    ).payment_request
    assert send(payer, channel, invoice)["status"] == "IN_FLIGHT"

    def state() -> str:
        found = payee.call("lnrpc.Lightning/LookupInvoice", r_hash=payment_hash)
        return messages.enum_name("lnrpc.Invoice.InvoiceState", found.state)

    until("the payee to hold it", lambda: state() == "ACCEPTED")
    return preimage


def test_channels_are_closed_in_agreement_and_by_force(nodes: Nodes) -> None:
    """The second one has a payment that comes in and is claimed on the chain, and one that goes out and comes back."""
    assert nodes.granted().permissions == frozenset(grant.PERMISSIONS)
    assert len(grant.PERMISSIONS) == 4
    with client(nodes.inner) as inner, client(nodes.outer) as outer:
        agreed, forced, kept = channels(inner)
        had = confirmed(inner) + sum(int(one["local_balance"]) for one in (agreed, forced))
        close(inner, agreed)
        nodes.mine_until(inner, "the first closing", lambda: is_closed(inner, 2))

        for payer, payee in ((outer, inner), (inner, outer)):
            until("a payment", partial(is_paid, payer, payee, forced))
        comes_in, _goes_out = under_way(outer, inner, forced), under_way(inner, outer, forced)
        close(inner, forced, force=True)
        inner.call("invoicesrpc.Invoices/SettleInvoice", preimage=comes_in)
        nodes.mine_until(inner, "the coins of the second closing", lambda: is_closed(inner, 1))
        assert [one["channel_point"] for one in channels(inner)] == [kept["channel_point"]]
        assert had + HELD_SAT - FEES_SAT < confirmed(inner) < had + HELD_SAT


def test_a_channel_is_restored_from_its_backup(nodes: Nodes) -> None:
    """A node with an empty database has the peer close the channel, and sweeps its part."""
    with client(nodes.inner) as inner:
        (channel,) = channels(inner)
    backup = nodes.inner.directory / "data/chain/bitcoin/regtest/channel.backup"
    nodes.inner.stop()
    restored = nodes.watch_only("restored")
    nodes.nodes.append(restored)
    restored.start()
    nodes.open_watch_only(restored)
    with client(restored) as node:
        until("the chain", lambda: node.call("lnrpc.Lightning/GetInfo").synced_to_chain, 60)
        before = confirmed(node)
        lncli(restored, "restorechanbackup", "--multi_file", str(backup))
        until("the peer's closing", lambda: nodes.bitcoind.call("getrawmempool"), 60)
        nodes.mine_until(node, "its coins", lambda: is_closed(node, 0))
        came = confirmed(node) - before
    assert int(channel["local_balance"]) - FEES_SAT < came <= int(channel["local_balance"])
