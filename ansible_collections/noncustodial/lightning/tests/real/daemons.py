# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real daemons for tests: lnd on loopback, and a regtest bitcoind from the topology's image. Each is stopped by whoever started it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import typing as t
import uuid
from dataclasses import dataclass
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]
IMPORT_ROOT = COLLECTION.parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "noncustodial-lightning"
CHAIN_IMAGE = "localhost/ncl-chain"
_PASSWORD = "of-this-test-alone"


def until(what: str, condition: t.Callable[[], t.Any], timeout: float = 30.0) -> t.Any:
    """The first true value of a condition."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(0.05)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def lnd_binary() -> Path:
    """The lnd that the whole workspace uses, of the version in tools/lnd/go.mod, from the cache."""
    pinned = re.search(r"^\s*github\.com/lightningnetwork/lnd (v\S+)", (IMPORT_ROOT / "tools/lnd/go.mod").read_text(), re.MULTILINE)
    assert pinned is not None, "tools/lnd/go.mod names no version of lnd"
    binary = CACHE / "lnd" / pinned[1] / "lnd"
    if not binary.is_file():
        raise AssertionError(f"there is no {binary}: run tools/lnd/fetch")
    return binary


def chain_image() -> str:
    """The newest image with PostgreSQL and a bitcoind."""
    images = subprocess.run(
        ["podman", "images", "--sort", "created", "--format", "{{.Repository}}:{{.Tag}}", CHAIN_IMAGE],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    if not images:
        raise AssertionError(f"there is no image {CHAIN_IMAGE}: run tools/image chain trixie")
    return images[0]


class Bitcoind:
    """A regtest chain, in a container on the host's network.

    Args:
        options: more arguments of bitcoind.
        blocks: how many it makes for itself; without any it has no wallet.
    """

    def __init__(self, *options: str, blocks: int = 101) -> None:
        self.name = f"ncl-real-{uuid.uuid4().hex[:8]}"
        self.rpc, self.block, self.tx = free_port(), free_port(), free_port()
        arguments = [
            "-regtest",
            "-server",
            "-txindex",
            "-listen=0",
            "-fallbackfee=0.0002",
            "-printtoconsole",
            f"-rpcport={self.rpc}",
            "-rpcuser=test",
            f"-rpcpassword={_PASSWORD}",
            f"-zmqpubrawblock=tcp://127.0.0.1:{self.block}",
            f"-zmqpubrawtx=tcp://127.0.0.1:{self.tx}",
            *options,
        ]
        subprocess.run(
            ["podman", "run", "--detach", "--rm", "--name", self.name, "--network", "host", chain_image(), "bitcoind", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        until("bitcoind", self._answers)
        if blocks:
            self.call("createwallet", "miner")
            self._reward = self.call("getnewaddress")
            self.mine(blocks)

    @property
    def cli(self) -> list[str]:
        """The command by which a module asks it."""
        return [
            "podman",
            "exec",
            self.name,
            "bitcoin-cli",
            "-regtest",
            f"-rpcport={self.rpc}",
            "-rpcuser=test",
            f"-rpcpassword={_PASSWORD}",
        ]

    def call(self, method: str, *arguments: t.Any) -> t.Any:
        """The result of one RPC."""
        body = json.dumps({"method": method, "params": arguments}).encode()
        token = base64.b64encode(f"test:{_PASSWORD}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.rpc, timeout=30)
        try:
            connection.request("POST", "/", body, {"Authorization": f"Basic {token}"})
            answer = json.load(connection.getresponse())
        finally:
            connection.close()
        assert answer["error"] is None, answer["error"]
        return answer["result"]

    def _answers(self) -> bool:
        try:
            return self.call("getblockchaininfo") is not None
        except (OSError, ValueError, AssertionError):
            return False

    def mine(self, blocks: int) -> None:
        """Make blocks."""
        self.call("generatetoaddress", blocks, self._reward)

    def pay(self, address: str, bitcoin: float) -> None:
        """Send coins and confirm them."""
        self.call("sendtoaddress", address, bitcoin)
        self.mine(1)

    def stop(self) -> None:
        """Remove the container; it holds nothing worth keeping."""
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], check=True, stdout=subprocess.DEVNULL)


class Postgres:
    """A PostgreSQL of its own, of the version that a provider runs, in a container on the host's network; its data ends with it.

    Args:
        durable: whether a commit waits for the disk; only what is measured needs that.
    """

    SUPERUSER = "postgres"

    def __init__(self, durable: bool = False) -> None:
        self.name = f"ncl-real-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        settings = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c max_connections=200 -c unix_socket_directories=/tmp"
        if not durable:
            settings += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        script = (
            "set -eu; bin=$(echo /usr/lib/postgresql/*/bin); install -d -m 700 -o postgres /data; "
            "as='setpriv --reuid postgres --regid postgres --clear-groups'; cd /data; "
            "[ -e /data/PG_VERSION ] || $as $bin/initdb --auth=trust --username=postgres --encoding=UTF8 --locale=C --no-sync /data >/dev/null; "
            f"exec $as $bin/postgres -D /data {settings}"
        )
        command = ["podman", "run", "--detach", "--name", self.name, "--network", "host", chain_image(), "sh", "-c", script]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.await_ready()

    def await_ready(self) -> None:
        """Wait until it answers."""
        until("PostgreSQL", lambda: self._psql("postgres", "SELECT 1").returncode == 0)

    def _psql(self, database: str, statement: str) -> subprocess.CompletedProcess[str]:
        inside = ["psql", "--host=127.0.0.1", f"--port={self.port}", "--username=postgres", "--no-psqlrc", "--tuples-only", "--no-align"]
        return subprocess.run(
            ["podman", "exec", self.name, *inside, f"--dbname={database}", "--command", statement],
            check=False,
            capture_output=True,
            text=True,
        )

    def create(self) -> str:
        """A new, empty database; gives its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._do(f"CREATE DATABASE {name}")
        return name

    def create_owned(self) -> tuple[str, str]:
        """A new, empty database, as the playbooks make one for a hub; gives its name, which is that of the role that serves, and its owner's."""
        name = f"t{uuid.uuid4().hex[:12]}"
        owner = f"owner_{name}"
        for role in (name, owner):
            self._do(f"CREATE ROLE {role} LOGIN")
        self._do(f"CREATE DATABASE {name} OWNER {owner}")
        self._restrict(name)
        return name, owner

    def _restrict(self, name: str) -> None:
        self._do(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        self._do(f"GRANT CONNECT ON DATABASE {name} TO {name}")

    def _do(self, statement: str) -> None:
        done = self._psql("postgres", statement)
        assert done.returncode == 0, done.stderr

    def dump(self, database: str) -> bytes:
        """A backup of a database, as pg_dump makes it."""
        command = ["pg_dump", "--host=127.0.0.1", f"--port={self.port}", "--username=postgres", "--format=custom", database]
        return subprocess.run(["podman", "exec", self.name, *command], check=True, capture_output=True).stdout

    def restore(self, database: str, dump: bytes) -> None:
        """Put a backup in the place of a database, whoever uses it."""
        owner = self._psql(database, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()").stdout.strip()
        self._do(f"DROP DATABASE {database} WITH (FORCE)")
        self._do(f"CREATE DATABASE {database} OWNER {owner}")
        if owner != self.SUPERUSER:
            self._restrict(database)
        command = [
            "pg_restore",
            "--host=127.0.0.1",
            f"--port={self.port}",
            "--username=postgres",
            "--exit-on-error",
            f"--dbname={database}",
        ]
        subprocess.run(["podman", "exec", "--interactive", self.name, *command], input=dump, check=True, capture_output=True)

    def crash(self) -> None:
        """End it at once, as a power cut would, and start it again on the same data."""
        subprocess.run(["podman", "kill", "--signal", "KILL", self.name], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["podman", "wait", self.name], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["podman", "start", self.name], check=True, stdout=subprocess.DEVNULL)
        self.await_ready()

    def stop(self) -> None:
        """Remove the container and its data."""
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], check=True, stdout=subprocess.DEVNULL)


class Lnd:
    """An lnd with keys of its own, on loopback.

    Args:
        directory: its lnddir.
        bitcoind: its chain; without one it runs as a signer does.
        options: more arguments of lnd.
    """

    def __init__(self, directory: Path, bitcoind: Bitcoind | None, *options: str) -> None:
        self.directory = directory
        self.rpcserver = f"127.0.0.1:{free_port()}"
        self.host = f"127.0.0.1:{free_port()}"
        backend = (
            ("--bitcoin.node=nochainbackend", "--nolisten")
            if bitcoind is None
            else (
                "--bitcoin.node=bitcoind",
                f"--bitcoind.rpchost=127.0.0.1:{bitcoind.rpc}",
                "--bitcoind.rpcuser=test",
                f"--bitcoind.rpcpass={_PASSWORD}",
                f"--bitcoind.zmqpubrawblock=tcp://127.0.0.1:{bitcoind.block}",
                f"--bitcoind.zmqpubrawtx=tcp://127.0.0.1:{bitcoind.tx}",
                f"--listen={self.host}",
                f"--externalip={self.host}",
                "--trickledelay=50",
            )
        )
        self._arguments = [
            str(lnd_binary()),
            f"--lnddir={directory}",
            "--bitcoin.regtest",
            "--norest",
            # A peer that the graph names would be dialled a second time, and the channels of the first connection fall silent meanwhile.
            "--nobootstrap",
            f"--rpclisten={self.rpcserver}",
            *backend,
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            self._process = subprocess.Popen(self._arguments, stdout=log, stderr=log)

    def stop(self) -> None:
        """Stop it and wait for its end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def has_ended(self) -> bool:
        """Whether it has stopped by itself."""
        return self._process is None or self._process.poll() is not None

    def freeze(self) -> None:
        """Let it hang: connections stay, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @property
    def pid(self) -> int:
        """Its process number."""
        assert self._process is not None
        return self._process.pid

    def credentials(self) -> tuple[bytes, bytes]:
        """Its certificate and its admin macaroon."""
        macaroon = self.directory / "data/chain/bitcoin/regtest/admin.macaroon"
        return (self.directory / "tls.cert").read_bytes(), macaroon.read_bytes()

    @property
    def connection(self) -> dict[str, t.Any]:
        """The options by which a module connects to it."""
        return {"rpcserver": self.rpcserver, "lnddir": str(self.directory), "network": "regtest"}

    def module(self, name: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """The result of one module that connects to this node, run as Ansible runs it: a process of its own, options on its input."""
        return run_module(name, check, **self.connection, **options)


@dataclass
class Network:
    """A chain and three nodes with keys of their own; alice has coins."""

    bitcoind: Bitcoind
    alice: Lnd
    bob: Lnd
    carol: Lnd
    ids: dict[str, str]


def run_module(name: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """The result of one module."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    done = subprocess.run(
        [sys.executable, str(COLLECTION / f"plugins/modules/{name}.py")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(IMPORT_ROOT)},
    )
    if not done.stdout.strip():
        raise AssertionError(f"{name} ended without a result: {done.stderr}")
    return t.cast("dict[str, t.Any]", json.loads(done.stdout))
