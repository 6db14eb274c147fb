# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A channel that lnd put out of use, because its signer answered without signing, is used again without a person."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.daemons import lnd_binary, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.services import end
from ansible_collections.noncustodial.lightning.tests.support.watches import SignerWatch

pytestmark = pytest.mark.chain

LOOK_SECONDS = 0.5
UNLOCKED = "--noseedbackup"


class Site:
    """A watch-only node, the watch of its signer, and the program that connects again."""

    def __init__(self, folder: Path) -> None:
        self.pair = WatchOnlyPair(folder)
        self.pair.connect()
        inner, signer = self.pair.inner, self.pair.signer
        self.watch = SignerWatch(
            folder / "watch",
            endpoint=signer.rpcserver,
            certificate_file=f"{signer.directory}/tls.cert",
            macaroon_file=str(folder / "grant.macaroon"),
            node_id=inner.module("lnd_info")["identity_pubkey"],
        )
        configuration = folder / "lnd.conf"
        configuration.write_text(f"rpclisten={inner.rpcserver}\nbitcoin.regtest=true\n")
        self._log = folder / "links.log"
        command: list[str | Path] = [sys.executable, "-I", COLLECTION / "roles/lnd/files/lnd_links.py"]
        with self._log.open("wb") as log:
            self._links = subprocess.Popen(
                [*command, lnd_binary().with_name("lncli"), inner.directory, configuration, self.watch.file],
                stdout=log,
                stderr=log,
                env={**os.environ, "LND_LINKS_LOOK": str(LOOK_SECONDS)},
            )
        until("the first look at the signer", lambda: self.watch.state() == "ok")

    @property
    def journal(self) -> list[str]:
        """What the program has reported, a line each."""
        return self._log.read_text().splitlines()

    def active(self) -> int:
        """Return how many channels the node uses."""
        return int(self.pair.inner.module("lnd_info")["num_active_channels"])

    def lock_signer(self) -> None:
        """Have the signer wait for its wallet's password. It answers with that, as one does that is starting."""
        self.pair.signer.stop()
        self.pair.signer.command.remove(UNLOCKED)
        self.pair.signer.start()
        until("a signer that does not sign", lambda: "wallet_locked" in self.watch.journal)

    def unlock_signer(self) -> None:
        """Have the signer sign again."""
        self.pair.signer.stop()
        self.pair.signer.add(UNLOCKED)
        self.pair.signer.start()
        until("a signer that signs", lambda: self.watch.state() == "ok", 60)

    def stop(self) -> None:
        """Stop all of it."""
        end(self._links)
        self.watch.stop()
        self.pair.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("links"))
    try:
        yield made
    finally:
        made.stop()


def test_a_channel_is_used_again_once_the_signer_signs(site: Site) -> None:
    """Only once it signs, over a connection that the node has made; and then no more."""
    channels = site.active()
    assert channels == len(WatchOnlyPair.PRIVATE)
    site.lock_signer()
    paid = site.pair.inner.module(
        "lnd_payment", payment_request=site.pair.invoice(1_000_000), fee_limit_msat=10_000, timeout_seconds=5
    )
    assert paid.get("failed"), paid
    assert site.active() < channels
    assert not site.pair.inner.has_ended()
    assert site.journal == []
    site.unlock_signer()
    begin = time.monotonic()
    site.pair.await_channels()
    print(f"all channels in use {time.monotonic() - begin:.1f} s after the signer signed, a look each {LOOK_SECONDS} s")
    assert [line.split()[4] for line in site.journal] == [site.pair.outer.module("lnd_info")["identity_pubkey"]]
    paid = site.pair.inner.module("lnd_payment", payment_request=site.pair.invoice(2_000_000), fee_limit_msat=10_000)
    assert not paid.get("failed"), paid
    request = site.pair.inner.module("lnd_invoice", value_msat=3_000_000, private=True)["payment_request"]
    assert site.pair.pay(request) == ""
    assert len(site.journal) == 1


def test_a_peer_that_has_dialled_is_connected_again(site: Site) -> None:
    """The node dials the address that the peer announces: the one from which it has come is of no use."""
    inner, outer = site.pair.inner, site.pair.outer
    ids = {node: node.module("lnd_info")["identity_pubkey"] for node in (inner, outer)}
    with Client(Connection(inner.rpcserver, *inner.credentials())) as client:
        client.call("lnrpc.Lightning/DisconnectPeer", pub_key=ids[outer])
    assert not outer.module("lnd_peer", pubkey=ids[inner], host=inner.host).get("failed")
    site.pair.await_channels()
    site.lock_signer()
    paid = inner.module(
        "lnd_payment", payment_request=site.pair.invoice(1_000_000), fee_limit_msat=10_000, timeout_seconds=5
    )
    assert paid.get("failed"), paid
    site.unlock_signer()
    site.pair.await_channels()
    assert site.journal[-1].endswith(f"connecting again, to {outer.host}")
    paid = inner.module("lnd_payment", payment_request=site.pair.invoice(2_000_000), fee_limit_msat=10_000)
    assert not paid.get("failed"), paid
