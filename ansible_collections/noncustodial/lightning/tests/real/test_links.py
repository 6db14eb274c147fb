# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A channel that lnd put out of use, because its signer answered without signing, is used again without a person."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
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
        """The lines that the program has reported."""
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

    def pays(self) -> str:
        """Pay to the world; return the error if that fails."""
        request = self.pair.invoice(1_000_000)
        paid = self.pair.inner.module("lnd_payment", payment_request=request, fee_limit_msat=10_000, timeout_seconds=60)
        return str(paid.get("msg", ""))

    @contextlib.contextmanager
    def out_of_use(self) -> t.Iterator[None]:
        """Have a channel put out of use by a payment that the signer does not sign, and wait for its return. The
        payment is under way all the while, and made in the end.
        """
        channels = self.active()
        assert channels == len(WatchOnlyPair.PRIVATE)
        self.lock_signer()
        with ThreadPoolExecutor() as pool:
            payment = pool.submit(self.pays)
            until("a channel out of use", lambda: self.active() < channels)
            yield
            self.unlock_signer()
            begin = time.monotonic()
            self.pair.await_channels()
            print(f"in use again after {time.monotonic() - begin:.1f} s, at a look every {LOOK_SECONDS} s")
            assert payment.result() == ""
        assert not self.pair.inner.has_ended()

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
    outer = site.pair.outer.module("lnd_info")["identity_pubkey"]
    with site.out_of_use():
        assert site.journal == []
    assert len(site.journal) == 1
    assert f"a channel with {outer} is out of use" in site.journal[0]
    assert site.pays() == ""
    request = site.pair.inner.module("lnd_invoice", value_msat=3_000_000, private=True)["payment_request"]
    assert site.pair.pay(request) == ""
    assert len(site.journal) == 1


@pytest.mark.faults
def test_a_peer_that_has_dialled_is_connected_again(site: Site) -> None:
    """The node dials the address that the peer announces: the one from which it has come is of no use."""
    inner, outer = site.pair.inner, site.pair.outer
    ids = {node: node.module("lnd_info")["identity_pubkey"] for node in (inner, outer)}
    with Client(Connection(inner.rpcserver, *inner.credentials())) as client:
        client.call("lnrpc.Lightning/DisconnectPeer", pub_key=ids[outer])
    assert not outer.module("lnd_peer", pubkey=ids[inner], host=inner.host).get("failed")
    site.pair.await_channels()
    with site.out_of_use():
        pass
    assert site.journal[-1].endswith(f"connecting again, to {outer.host}")
    assert site.pays() == ""
