# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else reaches an lnd that waits for its wallet, and makes it: signer-init and the roles' configuration
against a real lnd.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import typing as t
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import state
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import InventoryNode
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node as as_node
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import seed
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.unit import UnitError
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, free_port, lnd_binary, until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import reaches
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from signer_init import node, pending, render, steps
from signer_init.container import Container
from signer_init.place import NAME, Place

pytestmark = pytest.mark.lnd

INIT = "lnrpc.WalletUnlocker/InitWallet"
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
"""What listens at HERE alone is not reached at the other address; what listens at all is."""


class Signer(Container):
    """A signer in a directory of the test, with a real lnd that runs with the configuration that signer-init writes.

    Args:
        folder: for its files.
    """

    def __init__(self, folder: Path) -> None:
        home, self._secrets = folder / "home", folder / "secrets"
        (home / "templates").mkdir(parents=True)
        (home / "image.json").write_text(
            json.dumps({"version": "0.21.3-beta-1", "lnd_version": "0.21.3-beta", "egress": []})
        )
        for role, name in (("lnd", "lnd.conf.j2"), ("signer", "nftables.conf.j2")):
            shutil.copy(COLLECTION / "roles" / role / "templates" / name, home / "templates")
        self._secrets.mkdir()
        (self._secrets / "wallet-password").write_text("of-this-test-alone")
        super().__init__(Place(root=str(folder / "root"), home=str(home)), str(self._secrets))
        self.port = free_port()
        self.place.desk.mkdir(parents=True)
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._runs_by = b""

    def run_lnd(self) -> None:
        """Start lnd as systemd does: afterwards it waits for a wallet or serves, or the error has its last lines."""
        wanted = self.place.lnd_conf.read_bytes()
        if self._process is not None and self._runs_by == wanted:
            return
        self.stop_lnd()
        self.place.lnddir.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            command = [str(lnd_binary()), f"--lnddir={self.place.lnddir}", f"--configfile={self.place.lnd_conf}"]
            self._process, self._runs_by = subprocess.Popen(command, stdout=log, stderr=log), wanted
        until(
            "lnd, or its end", lambda: self._process is None or self._process.poll() is not None or self._is_ready(), 60
        )
        if self._process.poll() is not None:
            raise UnitError(f"lnd has ended. Its last lines: {self.log.read_text()[-1500:]}")

    def _is_ready(self) -> bool:
        return any(
            text in self.log.read_text()
            for text in ("Waiting for wallet encryption password", "Waiting for chain backend")
        )

    def stop_lnd(self) -> None:
        """Stop lnd."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def client(self, macaroon: bytes | None = None) -> Client:
        """Return a connection, as anybody has who reaches the port."""
        return Client(Connection(f"{HERE}:{self.port}", self.place.certificate.read_bytes(), macaroon, 60))

    def admin(self) -> Client:
        """Return a connection with lnd's own macaroon."""
        return self.client(self.place.wallet("regtest").with_name("admin.macaroon").read_bytes())


@pytest.fixture
def signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Signer]:
    made = Signer(tmp_path / "signer")

    def self_node(network: str) -> InventoryNode:
        return as_node(NAME, {"lnd_network": network, "lnd_shape": "signer", "lnd_port_offset": made.port - 10009})

    for module in (node, render):
        monkeypatch.setattr(module, "self_node", self_node)
    keys = bundles.make_keys(tmp_path / "keys")
    kit = bundles.kit(age_recipient=keys.recipient)
    made.place.kit.write_text(json.dumps(kit))
    made.place.kit_fingerprint.write_text(fingerprint(kit))
    made.place.settings.write_text(json.dumps({"address": "localhost", "seed_recipient": keys.recipient}))
    yield made
    made.stop_lnd()


def init(signer: Signer) -> dict[str, t.Any]:
    return steps.run(signer, steps.Request(), lambda _text: None)


def strangers_wallet(signer: Signer) -> bytes:
    """Make a wallet as a stranger who reaches the port; return its admin macaroon."""
    with closing(signer.client()) as client:
        words = list(client.call("lnrpc.WalletUnlocker/GenSeed").cipher_seed_mnemonic)
        made = client.call(INIT, wallet_password=b"of-a-stranger", cipher_seed_mnemonic=words)
    return bytes(made.admin_macaroon)


def while_the_seed_is_handed_over(monkeypatch: pytest.MonkeyPatch, done: t.Callable[[], object]) -> None:
    """lnd waits for its wallet as long as its owner writes down 24 words."""
    hand_over = seed.hand_over

    def then(*arguments: t.Any) -> str | None:
        done()
        return hand_over(*arguments)

    monkeypatch.setattr(seed, "hand_over", then)


def test_nobody_else_reaches_it_until_its_wallet_is_made(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []
    while_the_seed_is_handed_over(
        monkeypatch, lambda: seen.append((reaches(HERE, signer.port), reaches(ELSEWHERE, signer.port)))
    )
    made = init(signer)
    assert seen == [(True, False)]
    assert reaches(ELSEWHERE, signer.port)
    assert not signer.place.pending_seed.exists()
    with closing(signer.admin()) as admin:
        assert admin.call("lnrpc.Lightning/GetInfo").identity_pubkey == made["node_id"]
    # A wallet that is lost meanwhile is not a stranger's to make.
    signer.stop_lnd()
    shutil.rmtree(signer.place.lnddir / "data")
    with pytest.raises(UnitError, match="initialize the wallet before using auto unlocking"):
        signer.run_lnd()


def test_a_strangers_wallet_is_never_taken_for_ours(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run in which he comes fails, and the next, which finds lnd serving with his wallet. Their cures work."""
    his: list[bytes] = []
    with monkeypatch.context() as patch:
        while_the_seed_is_handed_over(patch, lambda: his.append(strangers_wallet(signer)))
        with pytest.raises(LightningError):
            init(signer)
    found = pending.read(signer)
    assert found is not None
    with closing(signer.client(his[0])) as stranger:
        # He has it all. He would have it of a signer that is handed over.
        state.await_state(stranger, "RPC_ACTIVE", 60)
        his_node = stranger.call("lnrpc.Lightning/GetInfo").identity_pubkey
    with pytest.raises(
        Refused,
        match=(
            f"somebody else made it.*{signer.place.lnddir}/data, and run signer-init again, which continues with"
            " your seed"
        ),
    ):
        init(signer)
    assert pending.read(signer) == found
    assert not signer.place.macaroon.exists()
    assert not signer.place.bundle.exists()
    assert not reaches(HERE, signer.port)
    with pytest.raises(Refused, match="somebody else made it"):
        init(signer)
    shutil.rmtree(signer.place.lnddir / "data")
    made = init(signer)
    assert made["node_id"] != his_node
    with (
        closing(signer.client(his[0])) as stranger,
        pytest.raises(LightningError, match=r"cannot get macaroon|verification failed"),
    ):
        stranger.call("lnrpc.Lightning/GetInfo")


def test_of_two_initwallets_lnd_takes_one_and_says_to_both_that_it_is_done(tmp_path: Path) -> None:
    """The reason why the answer proves nothing; if that changes, the docstring of have_wallet must change."""
    lnd = Lnd(tmp_path / "lnd", None)
    lnd.start()
    try:
        until("the certificate", (tmp_path / "lnd/tls.cert").exists)

        def connect() -> Client:
            return Client(Connection(lnd.rpcserver, (tmp_path / "lnd/tls.cert").read_bytes(), None, 60))

        with closing(state.started(connect, "NON_EXISTING", 30)) as client:
            seeds = [list(client.call("lnrpc.WalletUnlocker/GenSeed").cipher_seed_mnemonic) for _each in range(2)]
        answered: list[int] = []

        def make(words: list[str]) -> None:
            with closing(connect()) as client:
                client.call(INIT, wallet_password=os.urandom(16), cipher_seed_mnemonic=words)
            answered.append(1)

        threads = [threading.Thread(target=make, args=(words,)) for words in seeds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answered == [1, 1]
    finally:
        lnd.stop()
