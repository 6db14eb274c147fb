# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The making of a signer's wallet is killed at its worst moments, the module or lnd itself; the role, run again, comes
to a wallet of the seed that is kept for its owner.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node
from ansible_collections.noncustodial.lightning.tests.support import plays
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds
from ansible_collections.noncustodial.lightning.tests.support.units import Units

pytestmark = [pytest.mark.lnd, pytest.mark.faults]

PASSWORD = "of-this-test-alone"
CHAIN = "data/chain/bitcoin/regtest"
UNIT = "lnd@signer.service"


@dataclass
class Desk:
    """A signer's machine, and the owner's key."""

    folder: Path
    lnd: Lnd
    units: Units
    recipient: str

    @property
    def options(self) -> dict[str, t.Any]:
        """The options of lnd_wallet, as the role's."""
        return {
            **self.lnd.connection,
            "wallet_password_credential": f"{self.folder}/lnd.wallet-password",
            "auto_unlock": True,
            "seed_recipient": self.recipient,
            "seed_path": f"{self.folder}/etc/seed.age",
            "birthday_path": f"{self.folder}/etc/birthday",
            "wait_for": "RPC_ACTIVE",
        }

    def begin(self) -> subprocess.Popen[bytes]:
        """Begin to make the wallet; return when lnd is about to be asked for it."""
        module = subprocess.Popen(
            [sys.executable, str(COLLECTION / "plugins/modules/lnd_wallet.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert module.stdin is not None
        module.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": self.options}).encode())
        module.stdin.close()
        until("the birthday", (self.folder / "etc/birthday").exists)
        return module

    def run_role(self) -> str:
        """Run the parts of the role that start lnd and make its wallet; return what was printed."""
        itself = {
            **asdict(node("signer", {"lnd_shape": "signer", "lnd_network": "regtest"})),
            "lnddir": str(self.lnd.directory),
            "chain_directory": f"{self.lnd.directory}/{CHAIN}",
            "config": f"{self.folder}/etc",
            "sealed": f"{self.folder}/lnd",
            "connection": self.lnd.connection,
        }
        variables = {"lnd_self": itself, "lnd_seed_recipient": self.recipient}
        files = [
            {"ansible.builtin.include_vars": f"{COLLECTION}/roles/lnd/{part}/main.yml"} for part in ("defaults", "vars")
        ]
        tasks = [{"ansible.builtin.include_tasks": f"{self.folder}/tasks/{name}.yml"} for name in ("start", "wallet")]
        hosts = {"signer": {"lnd_shape": "signer", "lnd_network": "regtest"}}
        played = plays.play(
            self.folder, [*files, *tasks], hosts, f"-e{json.dumps(variables)}", groups={"signers": ["signer"]}
        )
        assert played.failed == set(), played.output
        return played.output

    def node_of_the_kept_seed(self) -> str:
        """Return the node id that the seed makes that is kept for the owner."""
        command = ["age", "-d", "-i", f"{self.folder}/identity", f"{self.folder}/etc/seed.age"]
        (self.folder / "mnemonic").write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
        (self.folder / "password").write_text(PASSWORD)
        other = Lnd(self.folder / "other", None)
        other.start()
        try:
            made = other.module(
                "lnd_wallet", wallet_password_file=f"{self.folder}/password", mnemonic_file=f"{self.folder}/mnemonic"
            )
        finally:
            other.stop()
        return str(made["node_id"])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Desk]:
    identity = tmp_path / "identity"
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
    key = subprocess.run(["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True).stdout.strip()
    for name in ("bin", "etc", "run"):
        (tmp_path / name).mkdir()
    creds = SystemdCreds(tmp_path / "creds")
    sealed = base64.b64encode(f"A\n--name=wallet-password\n{PASSWORD}".encode())
    (tmp_path / "lnd.wallet-password").write_bytes(sealed)
    (tmp_path / "run/wallet-password").write_text(PASSWORD)
    shutil.copytree(COLLECTION / "roles/lnd/tasks", tmp_path / "tasks")
    # It needs the user of a real machine, and here lnd has its options as arguments.
    (tmp_path / "tasks/config.yml").write_text("[]\n")
    lnd = Lnd(
        tmp_path / "lnd",
        None,
        f"--wallet-unlock-password-file={tmp_path}/run/wallet-password",
        "--wallet-unlock-allow-create",
    )
    units = Units(tmp_path / "bin", {UNIT: lnd.command})
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{creds.program.parent}:{os.environ['PATH']}")
    try:
        units.call("start", UNIT)
        yield Desk(tmp_path, lnd, units, key)
    finally:
        units.end()


def has_wallet(desk: Desk) -> bool:
    return (desk.lnd.directory / CHAIN / "wallet.db").exists()


def check(desk: Desk, seeds: int) -> None:
    """See that the wallet is of the seed that is kept, and that nobody else can read what is secret."""
    node_id = desk.lnd.module("lnd_info")["identity_pubkey"]
    kept = sorted((desk.folder / "etc").glob("seed.age*"))
    assert len(kept) == seeds
    for path in [*kept, desk.lnd.directory / CHAIN / "wallet.db", desk.lnd.directory / CHAIN / "macaroons.db"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    # settle, which is left out here, restarts lnd once there is a wallet.
    desk.run_role()
    log = desk.units.log
    assert "changed=0" in desk.run_role()
    assert desk.units.log == log
    assert desk.node_of_the_kept_seed() == node_id


def test_the_module_is_killed_before_lnd_is_asked(desk: Desk) -> None:
    """The seed of before is kept under another name, and there is no wallet of it."""
    module = desk.begin()
    module.kill()
    module.wait()
    # Whether lnd was asked already or not, the wallet is of the seed that is kept.
    desk.run_role()
    check(desk, len(list((desk.folder / "etc").glob("seed.age*"))))


def test_the_module_is_killed_while_lnd_makes_the_wallet(desk: Desk) -> None:
    """lnd has the wallet, and serves nobody until it is started again; no second seed is made."""
    module = desk.begin()
    until("the wallet's file", lambda: has_wallet(desk))
    module.kill()
    module.wait()
    desk.run_role()
    assert desk.units.log[1:2] == [f"restart {UNIT}"]
    check(desk, 1)


def test_lnd_is_killed_while_it_makes_the_wallet(desk: Desk) -> None:
    """The half-made wallet is set aside, and the next one is of a new seed."""
    module = desk.begin()
    until("the wallet's file", lambda: has_wallet(desk))
    desk.units.kill(UNIT)
    module.wait()
    assert "The node's data on disk is set aside" in desk.run_role()
    (aside,) = desk.lnd.directory.glob("data.incomplete_*")
    assert stat.S_IMODE(aside.stat().st_mode) & 0o077 == 0
    check(desk, 2)
