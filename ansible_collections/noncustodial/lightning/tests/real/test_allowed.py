# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pinned lnd works with a user of bitcoind that may call only what the role allows a node."""

from __future__ import annotations

import hashlib
import hmac
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind, Lnd, until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

pytestmark = pytest.mark.chain

METHODS: list[str] = yaml.safe_load((COLLECTION / "roles/bitcoind/vars/main.yml").read_text())["bitcoind_node_methods"]


class Allowing(Bitcoind):
    """A bitcoind with a user `node`, of the password `node`, that may call some methods."""

    def __init__(self, methods: list[str]) -> None:
        verifier = hmac.new(b"00", b"node", hashlib.sha256).hexdigest()
        super().__init__(
            f"-rpcauth=node:00${verifier}", f"-rpcwhitelist=node:{','.join(methods)}", "-rpcwhitelistdefault=0"
        )

    def denied(self) -> set[str]:
        """Return the calls that bitcoind has refused the user, according to its log."""
        log = subprocess.run(["podman", "logs", self.name], check=True, capture_output=True, text=True)
        return set(re.findall(r"RPC User node not allowed to call method (\w+)", log.stdout + log.stderr))


@pytest.fixture
def started() -> t.Iterator[list[t.Any]]:
    """Daemons that are stopped at the end, the last one first."""
    everything: list[t.Any] = []
    yield everything
    for one in reversed(everything):
        one.stop()


def node(bitcoind: Allowing, folder: Path) -> Lnd:
    """Return an lnd that uses that user."""
    return Lnd(folder / "node", bitcoind, "--noseedbackup", "--bitcoind.rpcuser=node", "--bitcoind.rpcpass=node")


def test_lnd_opens_a_channel_with_what_the_role_allows(started: list[t.Any], tmp_path: Path) -> None:
    bitcoind = Allowing(METHODS)
    started.append(bitcoind)
    ours, peer = node(bitcoind, tmp_path), Lnd(tmp_path / "peer", bitcoind, "--noseedbackup")
    for one in (ours, peer):
        started.append(one)
        one.start()
    for one in (ours, peer):
        assert one.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60).get("state") == "SERVER_ACTIVE"
    bitcoind.pay(ours.module("lnd_address")["address"], 1)
    ours.module("lnd_balance_info", min_confirmed=100_000_000, wait_timeout=30)
    their_id = peer.module("lnd_info")["identity_pubkey"]
    ours.module("lnd_peer", pubkey=their_id, host=peer.host)
    channel = [{"peer": their_id, "capacity": 10_000_000}]
    ours.module("lnd_channel", channels=channel)
    bitcoind.mine(6)
    opened = ours.module("lnd_channel", channels=channel, wait=True, wait_timeout=60)
    assert not opened.get("failed"), opened
    assert opened["channels"][0]["active"], opened
    assert bitcoind.denied() == set()


@pytest.mark.parametrize("method", ["getnetworkinfo", "getblockchaininfo"])
def test_lnd_is_refused_what_is_not_in_the_list(method: str, started: list[t.Any], tmp_path: Path) -> None:
    """The positive control: the log would show a refusal, and the list is the one that is used."""
    bitcoind = Allowing([one for one in METHODS if one != method])
    started.append(bitcoind)
    started.append(node(bitcoind, tmp_path))
    started[-1].start()
    until(f"{method} to be refused", lambda: bitcoind.denied() == {method})
