# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topology under test, as its tests use it: its machines by ssh, its nodes by lncli, and the playbooks as a person
runs them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import typing as t
import zipfile
from dataclasses import dataclass
from pathlib import Path

import testinfra
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(__file__).resolve().parent
CORE = Path("ansible_collections/noncustodial/lightning/plugins/module_utils")
# Where a machine keeps our client for the tests that call lnd from there.
CLIENT = "/run/ncl-client.zip"

T = t.TypeVar("T")


@dataclass(frozen=True)
class Node:
    """One lnd node: its inventory host, its machine, its name there, and the port of its gRPC."""

    host: str
    machine: str
    name: str
    port: int = 10009

    @property
    def lnddir(self) -> str:
        """The node's directory."""
        return f"/var/lib/lnd/{self.name}"

    @property
    def unit(self) -> str:
        """The node's unit."""
        return f"lnd@{self.name}.service"


@dataclass(frozen=True)
class Service:
    """A service of a node: the port of its proxy, and its machine if that is not the node's."""

    node: Node
    port: int
    elsewhere: str = ""

    @property
    def machine(self) -> str:
        """The machine of the service."""
        return self.elsewhere or self.node.machine


NODES = {
    node.host: node
    for node in (
        Node("gateway", "gateway", "gateway"),
        Node("own-node", "own", "own-node"),
        Node("acme", "nodes", "acme", 10010),
        Node("globex", "nodes", "globex", 10011),
        Node("world-node", "world", "world-node"),
        Node("signer-acme", "signer-acme", "signer"),
        Node("signer-globex", "signer-globex", "signer"),
        Node("umbrella", "umbrella", "umbrella"),
        Node("hooli", "hooli", "hooli"),
        Node("initech", "nodes", "initech", 10013),
        Node("vandelay", "nodes", "vandelay", 10014),
    )
}
# Machines of the provider, on which no tenant's secret may be.
PROVIDER = ("chain", "gateway", "own", "nodes")


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook: its exit code and its whole output."""

    status: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """The number of changed tasks on each host."""
        _before, recapped, recap = self.output.rpartition("PLAY RECAP")
        if not recapped:
            raise AssertionError(f"no playbook came to its end: {self.output}")
        return {
            host: int(number) for host, number in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", recap, re.MULTILINE)
        }

    @property
    def text(self) -> str:
        """The output, with no line folded."""
        return " ".join(self.output.split())


def until(what: str, condition: t.Callable[[], T], timeout: float = 30.0) -> T:
    """Wait for the first true value of a condition, and return it."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:g} s for {what}; last seen: {value!r}")
        time.sleep(0.2)
    return value


class Regtest:
    """The topology of this environment."""

    def __init__(self) -> None:
        self.name = os.environ.get("TOPOLOGY", "test")
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
        self.state = home / "noncustodial-lightning" / self.name
        self._carries_client: set[str] = set()

    def machine(self, name: str) -> Host:
        """Return a machine by its name in machines.yml, reached as root."""
        return testinfra.get_host(f"ssh://{name}", ssh_config=str(self.state / "ssh/config"))

    def address(self, machine: str) -> str:
        """Return the address of a machine, as this host reaches it."""
        command = ["ssh", "-F", str(self.state / "ssh/config"), "-G", machine]
        lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
        return next(line.split()[1] for line in lines if line.startswith("hostname "))

    def sh(self, machine: str, command: str) -> str:
        """Run a shell command on a machine, and return its output."""
        return str(self.machine(machine).check_output(command))

    def ssh(self, machine: str, *command: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command on a machine with input, so that no secret of the input can be seen."""
        run = ["ssh", "-F", str(self.state / "ssh/config"), machine, shlex.join(command)]
        return subprocess.run(run, input=data, capture_output=True, check=False, timeout=120)

    def denies(self, machine: str, user: str, path: str) -> bool:
        """Return whether a user of a machine is denied a file that is there."""
        if self.ssh(machine, "test", "-e", path).returncode:
            raise AssertionError(f"{machine} has no {path}")
        return b"Permission denied" in self.ssh(machine, "runuser", f"--user={user}", "--", "cat", path).stderr

    def python(self, machine: str, program: str, **question: t.Any) -> t.Any:
        """Run one of our programs beside this file with a machine's own Python, and return the answer."""
        source = (SHARED / program).read_text()
        done = self.ssh(machine, "/usr/bin/python3", "-c", source, data=json.dumps(question).encode())
        if done.returncode:
            raise AssertionError(f"{program} on {machine} failed: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def lncli(self, host: str | Node, *arguments: str) -> t.Any:
        """Return a node's answer to lncli."""
        node = NODES[host] if isinstance(host, str) else host
        common = ["lncli", "--network=regtest", f"--lnddir={node.lnddir}", f"--rpcserver=localhost:{node.port}"]
        return json.loads(self.sh(node.machine, shlex.join([*common, *arguments])))

    def unsealed(self, machine: str, unit: str, credential: str) -> bytes:
        """Return a credential that is sealed on a machine. It is only for comparison, and never printed."""
        path = f"/etc/credstore.encrypted/{unit}.{credential}"
        done = self.ssh(machine, "systemd-creds", "decrypt", f"--name={credential}", path, "-")
        if done.returncode:
            raise AssertionError(done.stderr.decode())
        return done.stdout

    def seed(self, desk: str, file: str) -> list[str]:
        """Return the words of a seed, decrypted by its owner at its desk."""
        command = ["age", "--decrypt", "--identity", str(self.state / desk / "age_identity"), str(self.state / file)]
        text = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        words = [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]
        if len(words) != 24:
            raise AssertionError(f"{file} holds {len(words)} words")
        return words

    def call(
        self, machine: str, endpoint: str, certificate_file: str, macaroon: bytes, method: str, **fields: t.Any
    ) -> dict[str, t.Any]:
        """Call lnd with our own client from a machine; return {"answer": …}, or {"error": class, "text": …}. Bytes are
        written as hex:…
        """
        if machine not in self._carries_client:
            self._carry_client(machine)
        answer = self.python(
            machine,
            "lnd_call.py",
            client=CLIENT,
            endpoint=endpoint,
            certificate_file=certificate_file,
            macaroon=macaroon.hex(),
            method=method,
            fields=fields,
        )
        return t.cast("dict[str, t.Any]", answer)

    def _carry_client(self, machine: str) -> None:
        archive = self.state / "client.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            # From an archive Python takes a package only by such a file.
            for package in (CORE, *CORE.parents[:-1]):
                packed.writestr(f"{package}/__init__.py", "")
            for folder in ("_core", "_keys", "_grpc"):
                for file in (ROOT / CORE / folder).glob("*.py"):
                    packed.write(file, file.relative_to(ROOT))
        if self.ssh(machine, "sh", "-c", f"cat > {CLIENT}", data=archive.read_bytes()).returncode:
            raise AssertionError(f"cannot write {CLIENT} on {machine}")
        self._carries_client.add(machine)

    def play(self, playbook: str, *options: str, inventory: str = "provider", folder: str = "playbooks") -> Run:
        """Run a playbook as a person does; several inventories are joined by a +."""
        return self._ansible("ansible-playbook", inventory, f"{folder}/{playbook}.yml", *options)

    def module(self, inventory: str, host: str, module: str, **options: t.Any) -> Run:
        """Run one module on a host of an inventory."""
        name = f"noncustodial.lightning.{module}"
        return self._ansible("ansible", inventory, host, f"--module-name={name}", f"--args={json.dumps(options)}")

    def _ansible(self, program: str, inventory: str, *arguments: str) -> Run:
        inventories = [f"--inventory=inventories/regtest/{name}" for name in inventory.split("+")]
        command = [str(Path(sys.executable).parent / program), *inventories, *arguments]
        environment = os.environ | {
            "TOPOLOGY": self.name,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
        }
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        return Run(done.returncode, done.stdout + done.stderr)
