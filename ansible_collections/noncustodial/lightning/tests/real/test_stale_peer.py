# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node is made again from its seed and its channel backup, and the peer has moved since the backup was made."""

from __future__ import annotations

import subprocess
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, free_port, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair

pytestmark = [pytest.mark.chain, pytest.mark.faults]

CHAIN = "data/chain/bitcoin/regtest"
FEES_SAT = 50_000


class Seeded(Pair):
    """A node with a seed that its owner has, and one of the world, with one channel."""

    PRIVATE = (False,)

    def make_inner(self) -> Lnd:
        (self.folder / "password").write_text("of-this-test-alone")
        return self.node("inner")

    @property
    def opens(self) -> dict[str, t.Any]:
        """The options by which lnd_wallet opens a wallet."""
        return {"wallet_password_file": f"{self.folder}/password", "wait_for": "SERVER_ACTIVE"}

    def open_inner(self) -> None:
        identity = self.folder / "identity"
        subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
        shown = subprocess.run(["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True)
        made = self.inner.module(
            "lnd_wallet",
            seed_recipient=shown.stdout.strip(),
            seed_path=f"{self.folder}/seed.age",
            birthday_path=f"{self.folder}/birthday",
            **self.opens,
        )
        assert not made.get("failed"), made
        words = subprocess.run(
            ["age", "-d", "-i", str(identity), f"{self.folder}/seed.age"], check=True, capture_output=True
        )
        (self.folder / "mnemonic").write_bytes(words.stdout)

    def mine_one(self, node: Client) -> None:
        """Make a block, and wait until a node has seen it."""
        self.bitcoind.mine(1)
        height = self.bitcoind.call("getblockcount")
        until("the block", lambda: node.call("lnrpc.Lightning/GetInfo").block_height == height)


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Seeded]:
    made = Seeded(tmp_path_factory.mktemp("stale"))
    try:
        made.connect()
        yield made
    finally:
        made.stop()


def test_a_peer_that_has_moved_is_connected_by_hand(nodes: Seeded) -> None:
    """The backup has only the old address, where nobody listens; nothing is closed until the new one is named."""
    old = nodes.outer.host
    channel = nodes.inner.module("lnd_balance_info")["channel_balance"]["local_balance"]["sat"]
    peer = nodes.outer.module("lnd_info")["identity_pubkey"]
    (nodes.folder / "channel.backup").write_bytes((nodes.inner.directory / CHAIN / "channel.backup").read_bytes())
    nodes.inner.stop()
    nodes.outer.stop()
    nodes.outer.move(f"127.0.0.1:{free_port()}")
    nodes.outer.start()
    restored = nodes.node("restored")
    nodes.nodes.append(restored)
    restored.start()
    made = restored.module(
        "lnd_wallet",
        mnemonic_file=f"{nodes.folder}/mnemonic",
        channel_backup=f"{nodes.folder}/channel.backup",
        recovery_window=10,
        recovery_window_path=f"{nodes.folder}/recovery_window",
        birthday=1,
        birthday_path=f"{nodes.folder}/restored.birthday",
        **nodes.opens,
    )
    assert not made.get("failed"), made
    with Client(Connection(restored.rpcserver, *restored.credentials(), 60)) as node:
        log = nodes.folder / "restored.log"
        until("the old address", lambda: f"{peer}@{old} for SCB restore" in log.read_text())
        nodes.mine_one(node)
        (waits,) = node.call("lnrpc.Lightning/PendingChannels").waiting_close_channels
        assert (waits.channel.remote_node_pub, waits.closing_txid) == (peer, "")
        assert not node.call("lnrpc.Lightning/ListPeers").peers
        assert not nodes.bitcoind.call("getrawmempool")
        assert "refused" in restored.module("lnd_peer", pubkey=peer, host=old)["msg"]

        before = restored.module("lnd_balance_info")["wallet_balance"]["confirmed_balance"]
        assert restored.module("lnd_peer", pubkey=peer, host=nodes.outer.host)["address"] == nodes.outer.host
        until("the peer's closing", lambda: nodes.bitcoind.call("getrawmempool"), 60)

        def is_closed() -> bool:
            nodes.mine_one(node)
            pending = node.call("lnrpc.Lightning/PendingChannels")
            return not pending.waiting_close_channels and not pending.pending_force_closing_channels

        until("the channel's coins", is_closed, 60)
        came = restored.module("lnd_balance_info")["wallet_balance"]["confirmed_balance"] - before
    assert channel - FEES_SAT < came <= channel
