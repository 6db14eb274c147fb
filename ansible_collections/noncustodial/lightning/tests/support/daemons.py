# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real daemons for tests: lnd on loopback, and a regtest bitcoind from the topology's image. Each is stopped by the
test that started it.
"""

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

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.endpoint import join
from ansible_collections.noncustodial.lightning.tests.support.apart import Apart
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "noncustodial-lightning"
CHAIN_IMAGE = "localhost/ncl-chain"
_PASSWORD = "of-this-test-alone"


def until(what: str, condition: t.Callable[[], t.Any], timeout: float = 30.0) -> t.Any:
    """Wait for the first true value of a condition, and return it."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(0.05)


def free_port(loopback: str = "127.0.0.1") -> int:
    """Return a port of loopback on which nothing listens now."""
    with socket.socket(socket.AF_INET6 if ":" in loopback else socket.AF_INET) as listener:
        listener.bind((loopback, 0))
        return int(listener.getsockname()[1])


def lnd_binary() -> Path:
    """Return the path of the lnd that the whole workspace uses, of the version in tools/lnd/go.mod, from the cache."""
    pinned = re.search(
        r"^\s*github\.com/lightningnetwork/lnd (v\S+)", (ROOT / "tools/lnd/go.mod").read_text(), re.MULTILINE
    )
    assert pinned is not None, "tools/lnd/go.mod names no version of lnd"
    binary = CACHE / "lnd" / pinned[1] / "lnd"
    if not binary.is_file():
        raise AssertionError(f"there is no {binary}: run tools/lnd/fetch")
    return binary


def chain_image() -> str:
    """Return the newest image with PostgreSQL and a bitcoind."""
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
        loopback: the address on which it serves RPC; ZMQ, for which lnd takes no address of IPv6, is always on IPv4.
    """

    def __init__(self, *options: str, blocks: int = 101, loopback: str = "127.0.0.1") -> None:
        self.name = f"ncl-real-{uuid.uuid4().hex[:8]}"
        self.loopback = loopback
        self.rpc, self.block, self.tx = free_port(loopback), free_port(), free_port()
        arguments = [
            "-regtest",
            "-server",
            "-txindex",
            "-listen=0",
            "-fallbackfee=0.0002",
            "-printtoconsole",
            f"-rpcport={self.rpc}",
            f"-rpcbind={loopback}",
            f"-rpcallowip={loopback}",
            "-rpcuser=test",
            f"-rpcpassword={_PASSWORD}",
            f"-zmqpubrawblock=tcp://127.0.0.1:{self.block}",
            f"-zmqpubrawtx=tcp://127.0.0.1:{self.tx}",
            *options,
        ]
        subprocess.run(
            [
                "podman",
                "run",
                "--detach",
                "--rm",
                "--name",
                self.name,
                "--network",
                "host",
                chain_image(),
                "bitcoind",
                *arguments,
            ],
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
        """The command with which a module asks bitcoind."""
        return [
            "podman",
            "exec",
            self.name,
            "bitcoin-cli",
            "-regtest",
            f"-rpcconnect={self.loopback}",
            f"-rpcport={self.rpc}",
            "-rpcuser=test",
            f"-rpcpassword={_PASSWORD}",
        ]

    def call(self, method: str, *arguments: t.Any) -> t.Any:
        """Return the result of one RPC."""
        body = json.dumps({"method": method, "params": arguments}).encode()
        token = base64.b64encode(f"test:{_PASSWORD}".encode()).decode()
        connection = http.client.HTTPConnection(self.loopback, self.rpc, timeout=30)
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
        """Remove the container; it holds nothing that is needed again."""
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], check=True, stdout=subprocess.DEVNULL)


def shipped_timeouts() -> dict[str, str]:
    """Return the settings by which the role's PostgreSQL gives up a client that vanished."""
    written = (COLLECTION / "roles/postgres/templates/postgresql.conf.j2").read_text()
    return dict(re.findall(r"^(tcp_\w+) = (\w+)$", written, re.MULTILINE))


class Postgres:
    """A PostgreSQL of its own, of the version that a provider runs, in a container on the host's network; its data ends
    with it.

    Args:
        durable: whether a commit waits for the disk; only what is measured needs that.
        loopback: the address on which it serves.
        apart: the network in which it runs, in place of the host's.
        data: a folder for its data, in place of the container's own.
        settings: more settings, as in postgresql.conf.
    """

    SUPERUSER = "postgres"

    def __init__(
        self,
        durable: bool = False,
        loopback: str = "127.0.0.1",
        apart: Apart | None = None,
        data: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.name = f"ncl-real-{uuid.uuid4().hex[:8]}"
        self.loopback, self.port = loopback, free_port(loopback)
        self.host = loopback if apart is None else apart.address
        values = {
            "listen_addresses": ",".join(dict.fromkeys((loopback, self.host))),
            "port": str(self.port),
            "max_connections": "200",
            "unix_socket_directories": "/tmp",  # noqa: S108
            **(settings or {}),
        }
        if not durable:
            values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        script = (
            "set -eu; bin=$(echo /usr/lib/postgresql/*/bin); install -d -m 700 -o postgres /data; as='setpriv --reuid"
            " postgres --regid postgres --clear-groups'; cd /data; [ -e /data/PG_VERSION ] || $as $bin/initdb"
            " --auth=trust --username=postgres --encoding=UTF8 --locale=C --no-sync /data >/dev/null; echo host all all"
            " samenet trust >>pg_hba.conf; exec $as $bin/postgres -D /data"
            f" {' '.join(f'-c {name}={value}' for name, value in values.items())}"
        )
        command = [
            "podman",
            "run",
            "--detach",
            "--name",
            self.name,
            "--network",
            "host" if apart is None else f"ns:{apart.path}",
            *([] if data is None else [f"--volume={data}:/data"]),
            chain_image(),
            "sh",
            "-c",
            script,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.await_ready()

    def await_ready(self) -> None:
        """Wait until PostgreSQL answers."""
        until("PostgreSQL", lambda: self._psql("postgres", "SELECT 1").returncode == 0)

    def _psql(self, database: str, statement: str) -> subprocess.CompletedProcess[str]:
        inside = [
            "psql",
            f"--host={self.loopback}",
            f"--port={self.port}",
            "--username=postgres",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
        ]
        return subprocess.run(
            ["podman", "exec", self.name, *inside, f"--dbname={database}", "--command", statement],
            check=False,
            capture_output=True,
            text=True,
        )

    def sql(self, database: str, statement: str) -> list[list[str]]:
        """Return the rows of a statement."""
        done = self._psql(database, statement)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.strip().splitlines()]

    def create(self) -> str:
        """Make a new, empty database, and return its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._do(f"CREATE DATABASE {name}")
        return name

    def create_owned(self) -> tuple[str, str]:
        """Make a new, empty database as the playbooks do for a hub; return its name, which is that of the role that
        serves, and its owner's.
        """
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
        """Return a backup of a database, as pg_dump makes it; not compressed, so that text can be looked for in it."""
        command = [
            "pg_dump",
            f"--host={self.loopback}",
            f"--port={self.port}",
            "--username=postgres",
            "--format=custom",
            "--compress=0",
            database,
        ]
        return subprocess.run(["podman", "exec", self.name, *command], check=True, capture_output=True).stdout

    def restore(self, database: str, dump: bytes) -> None:
        """Replace a database by a backup, even while it is in use."""
        owner = self._psql(
            database, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        ).stdout.strip()
        self._do(f"DROP DATABASE {database} WITH (FORCE)")
        self._do(f"CREATE DATABASE {database} OWNER {owner}")
        if owner != self.SUPERUSER:
            self._restrict(database)
        command = [
            "pg_restore",
            f"--host={self.loopback}",
            f"--port={self.port}",
            "--username=postgres",
            "--exit-on-error",
            f"--dbname={database}",
        ]
        subprocess.run(
            ["podman", "exec", "--interactive", self.name, *command], input=dump, check=True, capture_output=True
        )

    def has_ended(self) -> bool:
        """Return whether PostgreSQL has ended by itself."""
        command = ["podman", "inspect", "--format={{.State.Running}}", self.name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "false"

    def is_back(self) -> bool:
        """Start it again if it has ended, and return whether it answers."""
        if self.has_ended():
            subprocess.run(["podman", "start", self.name], check=True, stdout=subprocess.DEVNULL)
        return self._psql("postgres", "SELECT 1").returncode == 0

    def crash(self) -> None:
        """End PostgreSQL at once, as a power cut would, and start it again on the same data."""
        subprocess.run(["podman", "kill", "--signal", "KILL", self.name], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["podman", "wait", self.name], check=True, stdout=subprocess.DEVNULL)
        until("PostgreSQL", self.is_back)

    def stop(self) -> None:
        """Remove the container and its data."""
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], check=True, stdout=subprocess.DEVNULL)


class Lnd:
    """An lnd with keys of its own, on loopback.

    Args:
        directory: its lnddir.
        bitcoind: its chain; without one it runs as a signer does.
        options: more arguments of lnd.
        loopback: the address on which it serves.
    """

    def __init__(self, directory: Path, bitcoind: Bitcoind | None, *options: str, loopback: str = "127.0.0.1") -> None:
        self.directory = directory
        self.rpcserver, self.host = (join(loopback, free_port(loopback)) for _one in range(2))
        backend = (
            ("--bitcoin.node=nochainbackend", "--nolisten")
            if bitcoind is None
            else (
                "--bitcoin.node=bitcoind",
                f"--bitcoind.rpchost={join(bitcoind.loopback, bitcoind.rpc)}",
                "--bitcoind.rpcuser=test",
                f"--bitcoind.rpcpass={_PASSWORD}",
                f"--bitcoind.zmqpubrawblock=tcp://127.0.0.1:{bitcoind.block}",
                f"--bitcoind.zmqpubrawtx=tcp://127.0.0.1:{bitcoind.tx}",
                f"--listen={self.host}",
                f"--externalip={self.host}",
                "--trickledelay=50",
                # As the role has it for every node: a hub books no money without.
                "--store-final-htlc-resolutions",
            )
        )
        self._arguments = [
            str(lnd_binary()),
            f"--lnddir={directory}",
            "--bitcoin.regtest",
            "--norest",
            # A peer that the graph names would be dialled a second time, and the channels of the first connection fall
            # silent meanwhile.
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

    def move(self, host: str) -> None:
        """Listen for peers at another address from the next start of lnd on, and name only that one."""
        self._arguments = [argument.replace(self.host, host) for argument in self._arguments]
        self.host = host

    def add(self, *options: str) -> None:
        """Add arguments for the next start of lnd."""
        self._arguments += options

    def stop(self) -> None:
        """Stop it and wait for its end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """End lnd at once, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def has_ended(self) -> bool:
        """Return whether lnd has stopped by itself."""
        return self._process is None or self._process.poll() is not None

    @property
    def exit_status(self) -> int | None:
        """The exit status of an lnd that has stopped by itself."""
        assert self._process is not None
        return self._process.returncode

    def freeze(self) -> None:
        """Freeze lnd: connections stay, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let lnd go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @property
    def command(self) -> list[str]:
        """The command that starts it."""
        return self._arguments

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def dsn(self) -> str:
        """The address of its database, if that is PostgreSQL."""
        option = "--db.postgres.dsn="
        return str(next(one for one in self._arguments if one.startswith(option))).removeprefix(option)

    def credentials(self) -> tuple[bytes, bytes]:
        """Return its certificate and its admin macaroon."""
        macaroon = self.directory / "data/chain/bitcoin/regtest/admin.macaroon"
        return (self.directory / "tls.cert").read_bytes(), macaroon.read_bytes()

    @property
    def connection(self) -> dict[str, t.Any]:
        """The options with which a module connects to it."""
        return {"rpcserver": self.rpcserver, "lnddir": str(self.directory), "network": "regtest"}

    def module(self, name: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Return the result of one module that connects to this node, run as Ansible runs it: a process of its own,
        options on its input.
        """
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
    """Return the result of one module."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    done = subprocess.run(
        [sys.executable, str(COLLECTION / f"plugins/modules/{name}.py")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if not done.stdout.strip():
        raise AssertionError(f"{name} ended without a result: {done.stderr}")
    return t.cast("dict[str, t.Any]", json.loads(done.stdout))
