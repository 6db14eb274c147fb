# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""verify names a node with a remote signer that runs with options of taproot channels, whatever the inventory has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

pytestmark = pytest.mark.chain

# Of taproot channels, and of the overlay's. lnd does not start with a bit that two options set.
OPTIONS = ("--protocol.simple-taproot-chans", "--protocol.custom-init=29", "--protocol.custom-init=2026")
NAMED = "runs with protocol.custom-init=[29 2026], protocol.simple-taproot-chans=true, and has a remote signer"


class Nodes(WatchOnlyPair):
    """A node on a signer and one with keys of its own. There are no channels."""

    def connect(self) -> None:
        """Start them."""
        self.start_signer()
        self.inner.start()
        self.open_inner()
        self.outer.start()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("taproot"))
    try:
        made.connect()
        yield made
    finally:
        made.stop()


def verify(node: Lnd, folder: Path) -> tuple[int, str]:
    """Return the playbook's result for one node."""
    (play,) = [
        play
        for play in yaml.safe_load((COLLECTION / "playbooks/verify.yml").read_text())
        if play["name"] == "Every node of the provider"
    ]
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    groups = {"tenants": {"hosts": {"acme": host}}, "gateways": {}, "own": {}}
    (folder / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
    itself = {
        "connection": node.connection,
        "shape": "watch_only",
        "machine": "here",
        "lnddir": str(node.directory),
        "chain_directory": f"{node.directory}/data/chain/bitcoin/regtest",
    }
    given = json.dumps({"lnd_self": itself})
    done = subprocess.run(
        ["ansible-playbook", "-i", str(folder / "hosts.json"), str(folder / "play.yml"), "-e", given],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join(done.stdout.split())


def test_a_running_node_with_taproot_options_is_named(nodes: Nodes, tmp_path: Path) -> None:
    nodes.bitcoind.mine(1)
    status, said = verify(nodes.inner, tmp_path)
    assert status == 0, said
    for node in (nodes.inner, nodes.outer):
        node.stop()
        node.add(*OPTIONS)
        node.start()
    nodes.open_inner()
    status, said = verify(nodes.inner, tmp_path)
    assert status == 2
    assert NAMED in said
    # One with keys of its own shares them with nobody.
    status, said = verify(nodes.outer, tmp_path)
    assert status == 0, said
