# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bitcoind on another chain than its network is recognised: with real ones that part, and by the program itself,
which in the image is not Core.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import typing as t
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.daemons import (
    Bitcoind,
    chain_image,
    free_port,
    run_module,
    until,
)
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

pytestmark = pytest.mark.chain


@dataclass
class Three:
    """Our bitcoind, and the two that it has dialled; each starts with the same 101 blocks."""

    ours: Bitcoind
    peers: tuple[Bitcoind, Bitcoind]

    @property
    def source(self) -> str:
        """The address of the first peer as a second source."""
        return f"http://127.0.0.1:{self.peers[0].rpc}/rest"

    def ask(self, *sources: str) -> dict[str, t.Any]:
        """Return the module's answer about our bitcoind."""
        return run_module("bitcoind_chain_info", bitcoin_cli=self.ours.cli, second_sources=list(sources))

    def agree(self) -> None:
        """Wait until all have the same newest block, and ours has it from its peers."""
        tip = self.peers[0].call("getbestblockhash")
        height = self.peers[0].call("getblockcount")
        until(
            "the same newest block",
            lambda: all(one.call("getbestblockhash") == tip for one in (self.ours, *self.peers)),
        )
        until(
            "the peers' headers",
            lambda: [peer["synced_headers"] for peer in self.ours.call("getpeerinfo")] == [height, height],
        )


@pytest.fixture(scope="module")
def three() -> t.Iterator[Three]:
    """Three bitcoinds that stay connected throughout."""
    started: list[Bitcoind] = []

    def start(*options: str, blocks: int = 0) -> Bitcoind:
        started.append(Bitcoind(*options, blocks=blocks))
        return started[-1]

    ports = [free_port(), free_port()]
    try:
        one = start("-listen=1", f"-bind=127.0.0.1:{ports[0]}", "-rest", blocks=101)
        two = start("-listen=1", f"-bind=127.0.0.1:{ports[1]}", f"-connect=127.0.0.1:{ports[0]}")
        found = Three(start(*(f"-connect=127.0.0.1:{port}" for port in ports)), (one, two))
        found.agree()
        yield found
    finally:
        for bitcoind in started:
            bitcoind.stop()


def test_one_that_agrees(three: Three) -> None:
    said = three.ask(three.source)
    assert said["problems"] == [], said
    (comparison,) = said["comparisons"]
    assert (comparison["height"], comparison["blocks"]) == (95, 101)
    assert comparison["ours"] == comparison["theirs"] == three.peers[0].call("getblockhash", 95)


def test_another_branch(three: Three) -> None:
    """First it refuses what all others build on, as a program with other rules does; then it has a block of its own;
    then it looks again.
    """
    refused = three.ours.call("getblockhash", 94)
    three.ours.call("invalidateblock", refused)
    said = three.ask(three.source)
    assert [text.partition(".")[0] for text in said["problems"][:2]] == [
        "A branch up to block 101 is refused as invalid, and the own chain ends at block 93",
        "Most peers are at block 101 or later, and the own chain ends at block 93",
    ], said
    assert said["problems"][2].startswith(
        f"{three.source} is at block 101, and the own chain ends at block 93, on the same branch"
    ), said

    three.ours.call("generatetodescriptor", 1, "raw(51)")
    said = three.ask(three.source)
    assert (
        f"{three.source} has another block 94: {refused} there, {three.ours.call('getblockhash', 94)} here"
        in said["problems"][-1]
    ), said
    assert "Trust no confirmation" in said["problems"][-1]

    three.ours.call("reconsiderblock", refused)
    three.agree()
    assert three.ask(three.source)["problems"] == []


def test_a_branch_that_nobody_follows(three: Three) -> None:
    """The branch is like that of BIP 110, which was four blocks long."""
    for peer in three.peers:
        peer.call("setnetworkactive", False)
    until("both to be gone", lambda: three.ours.call("getconnectioncount") == 0)
    three.ours.call("generatetodescriptor", 4, "raw(51)")
    stray = three.ours.call("getblockhash", 102)
    for peer in three.peers:
        # What comes from us they are to refuse, so they must have seen it.
        for height in range(102, 106):
            peer.call("submitblock", three.ours.call("getblock", three.ours.call("getblockhash", height), 0))
        peer.call("invalidateblock", stray)
        peer.call("setnetworkactive", True)
    until("both to be back", lambda: three.ours.call("getconnectioncount") == 2, timeout=60)
    said = three.ask()
    assert [text.partition(".")[0] for text in said["problems"]] == [
        "No peer knows the own chain from block 103 on, and it ends at block 105"
    ], said
    for peer in three.peers:
        peer.call("reconsiderblock", stray)
    three.agree()
    assert three.ask()["problems"] == []


def test_a_second_source_that_is_none(three: Three) -> None:
    nobody, no_api = f"http://127.0.0.1:{free_port()}/rest", f"http://127.0.0.1:{three.peers[0].rpc}/api"
    said = three.ask(nobody, no_api)["problems"]
    assert [text for text in said if text.startswith(f"{nobody}/chaininfo.json does not answer")], said
    assert [text for text in said if text.startswith(f"{no_api}/blocks/tip/height does not answer: status 404")], said


def test_one_that_is_off(three: Three) -> None:
    said = run_module("bitcoind_chain_info", bitcoin_cli=[*three.ours.cli, f"-rpcport={free_port()}"])
    assert said["failed"]
    assert said["msg"].startswith("bitcoind does not answer to getnetworkinfo: error: "), said


@pytest.mark.parametrize("network", ["main", "signet"])
def test_a_program_with_other_rules(network: str) -> None:
    """The image's own bitcoind, without any network."""
    name = f"ncl-real-{uuid.uuid4().hex[:8]}"
    cli = ["podman", "exec", name, "bitcoin-cli", f"-chain={network}", "-datadir=/tmp"]
    daemon = ["bitcoind", f"-chain={network}", "-datadir=/tmp", "-connect=0", "-listen=0", "-dnsseed=0"]
    subprocess.run(
        ["podman", "run", "--detach", "--rm", "--name", name, "--network", "none", chain_image(), *daemon],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        until("bitcoind", lambda: not run_module("bitcoind_chain_info", bitcoin_cli=cli).get("failed"))
        said = run_module("bitcoind_chain_info", bitcoin_cli=cli)
    finally:
        subprocess.run(["podman", "rm", "--force", "--time", "0", name], check=True, stdout=subprocess.DEVNULL)
    (problem,) = said["problems"]
    assert problem.startswith(
        f"The program calls itself {said['subversion']}, and Bitcoin Core is /Satoshi:VERSION/."
    ), said
    assert "/Knots:" in said["subversion"]
    assert "bitcoind_install_method: release" in problem
    # Only on mainnet its rules show it too.
    assert (said["chain"], bool(said["other_rules"])) == (network, network == "main")


def role(folder: Path, tasks: str, variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of the role's entries here, with the folder first in PATH."""
    (folder / "book.yml").write_text(
        "- hosts: bitcoind\n  gather_facts: false\n  tasks:\n"
        f"    - ansible.builtin.import_role: {{name: noncustodial.lightning.bitcoind, tasks_from: {tasks}}}\n"
    )
    (folder / "hosts.ini").write_text("[bitcoind]\nhere ansible_connection=local\n")
    return play(folder, "hosts.ini", "-e", variables)


def play(folder: Path, inventory: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the folder's book.yml, with the folder first in PATH."""
    return subprocess.run(
        ["ansible-playbook", "-i", str(folder / inventory), *options, str(folder / "book.yml")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{folder}:{os.environ['PATH']}",
        },
    )


def users_own_cli(folder: Path, cli: list[str]) -> None:
    """Write a runuser in place of the one of bitcoind's machine: that user's bitcoin-cli is another command."""
    shim = folder / "runuser"
    shim.write_text(
        "#!/bin/sh\n"
        "[ \"$1 $2 $3 $4\" = '--user=bitcoin -- bitcoin-cli -datadir=/var/lib/bitcoind' ] || exit 9\n"
        f'shift 4\nexec {shlex.join(cli)} "$@"\n'
    )
    shim.chmod(0o755)


@pytest.mark.parametrize("on", [True, False])
def test_ready_asks_as_the_users_own(three: Three, on: bool, tmp_path: Path) -> None:
    asked = [*three.ours.cli, *([] if on else [f"-rpcport={free_port()}"])]
    users_own_cli(tmp_path, asked)
    done = role(tmp_path, "ready", "bitcoind_node_host=here")
    text = " ".join(done.stdout.split())
    assert (done.returncode == 0) is on, text
    assert ("bitcoind on here cannot be asked. bitcoind does not answer to getnetworkinfo: error:" in text) is not on, (
        text
    )


def test_playbooks_stop_at_a_wrong_chain(three: Three, tmp_path: Path) -> None:
    """Site, verify, and the onboarding of a tenant whose node believes it, stop at a chain with which the inventory's
    second source disagrees.
    """
    users_own_cli(tmp_path, three.ours.cli)
    nobody = f"http://127.0.0.1:{free_port()}/rest"
    machines = {
        "right": {"bitcoind_second_sources": [three.source]},
        "wrong": {"bitcoind_second_sources": [three.source, nobody]},
    }
    tenants = {f"tenant-{name}": {"lnd_bitcoind_host": name} for name in machines}
    (tmp_path / "hosts.json").write_text(
        json.dumps(
            {
                "all": {"vars": {"ansible_connection": "local"}},
                "bitcoind": {"hosts": machines},
                "tenants": {"hosts": tenants},
            }
        )
    )
    (first,) = (task for task in tasks_of("roles/bitcoind/tasks/main.yml") if task["name"] == "Chain")
    (verify,) = (play for play in tasks_of("playbooks/verify.yml") if play["name"] == "The chain")
    (onboard,) = (play for play in tasks_of("playbooks/onboard_tenant.yml") if play["name"] == "Onboard")
    asks = [task for task in onboard["tasks"] if task["name"] == "Bitcoind is synced"]
    site = {
        "ansible.builtin.import_role": {"name": "noncustodial.lightning.bitcoind", "tasks_from": "chain"},
        "vars": first["vars"],
    }
    plays = {"site": ("bitcoind", [site]), "verify": ("bitcoind", verify["tasks"]), "onboard": ("tenants", asks)}
    for name, (hosts, tasks) in plays.items():
        stop = {"name": "Beyond", "ansible.builtin.debug": {"msg": "{{ inventory_hostname }} goes on"}}
        (tmp_path / "book.yml").write_text(
            json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": [*tasks, stop]}])
        )
        text = " ".join(
            play(tmp_path, "hosts.json", "-e", "bitcoind_chain_retries=1 bitcoind_chain_delay=0").stdout.split()
        )
        prefix = "tenant-" if hosts == "tenants" else ""
        assert f"{prefix}right goes on" in text, (name, text)
        assert f"{prefix}wrong goes on" not in text, (name, text)
        assert "bitcoind on wrong does not follow the chain of its network as it should:" in text, (name, text)
        assert f"{nobody}/chaininfo.json does not answer" in text, (name, text)


def tasks_of(file: str) -> list[dict[str, t.Any]]:
    """Return the content of a file of the collection."""
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load((COLLECTION / file).read_text()))


@pytest.mark.parametrize(
    ("network", "line", "refused"),
    [
        ("regtest", "", False),
        ("signet", "", True),
        ("mainnet", "", True),
        ("mainnet", "Bitcoin Core daemon version v31.1.0 bitcoind", False),
    ],
)
def test_it_is_not_started(network: str, line: str, refused: bool, tmp_path: Path) -> None:
    """The role asks the program that it has installed: the image's, or one that claims to be Core."""
    program = tmp_path / "bitcoind"
    command = f"echo '{line}'" if line else f'exec podman run --rm --network none {chain_image()} bitcoind "$@"'
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)
    done = role(tmp_path, "program", f"bitcoind_bin={tmp_path} bitcoind_network={network}")
    text = " ".join(done.stdout.split())
    assert (done.returncode != 0) is refused, done.stdout + done.stderr
    assert ("is Bitcoin Knots daemon version v29" in text and "This program was not started" in text) is refused, text


def test_the_role_asks_before_it_starts() -> None:
    """Else the data would have its marks already."""
    tasks = (COLLECTION / "roles/bitcoind/tasks/main.yml").read_text()
    assert tasks.index("install.yml") < tasks.index("program.yml") < tasks.index("run.yml") < tasks.index("chain.yml")
