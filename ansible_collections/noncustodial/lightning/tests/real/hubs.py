# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hubs for tests: processes as systemd would run them, each on a port of loopback, and a client of their API."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import typing as t
from concurrent.futures import Future
from pathlib import Path

import httpx

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.real.daemons import COLLECTION, IMPORT_ROOT, Lnd, Postgres, free_port, until
from lndhub.node import PERMISSIONS

FILES = [COLLECTION / f"roles/{role}/files" for role in ("lndhub", "_common")]
# Another interpreter, with other versions of the libraries, for example one in a container of Debian 13.
PYTHON = os.environ.get("LNDHUB_PYTHON", sys.executable)
ADMIN = "the-admin-token-of-a-test"


def baked(lnd: Lnd) -> bytes:
    """A macaroon of a node with just what a hub calls."""
    with Client(Connection(lnd.rpcserver, *lnd.credentials())) as client:
        wanted = [{"entity": "uri", "action": f"/{name}"} for name in PERMISSIONS]
        return bytes.fromhex(client.call("lnrpc.Lightning/BakeMacaroon", permissions=wanted).macaroon)


class Setting:
    """What all processes of one hub share: a database, a node, credentials.

    Args:
        folder: for configuration and credentials.
        postgres: where a new database is made.
        rpcserver: of the node.
        certificate: of the node, PEM.
        macaroon: what the hub is given.
        options: sections of the configuration, over those of tests.
    """

    def __init__(
        self, folder: Path, postgres: Postgres, rpcserver: str, certificate: bytes, macaroon: bytes, **options: dict[str, t.Any]
    ) -> None:
        self.folder = folder
        self.credentials = folder / "credentials"
        self.credentials.mkdir(parents=True)
        (self.credentials / "macaroon").write_bytes(macaroon)
        (self.credentials / "jwt_key").write_text(f"{secrets.token_hex(32)}\n")
        (self.credentials / "admin_token").write_text(f"{ADMIN}\n")
        (folder / "tls.cert").write_bytes(certificate)
        self.database, owner = postgres.create_owned()
        self.postgres = postgres
        self.options: dict[str, dict[str, t.Any]] = {
            "database": {
                "host": "127.0.0.1",
                "port": postgres.port,
                "name": self.database,
                "user": self.database,
                "owner": owner,
                "sslmode": "disable",
            },
            "node": {"rpcserver": rpcserver, "certificate": str(folder / "tls.cert")},
            "service": {"create": "open", "reconcile_every": 0.2},
            "limits": {
                "requests_per_second": 10_000.0,
                "burst": 10_000,
                "logins_per_minute": 10_000.0,
                "sessions_per_minute": 10_000.0,
                "creates_per_minute": 10_000.0,
            },
            "listen": {},
        }
        for section, values in options.items():
            self.options[section] |= values

    @property
    def environment(self) -> dict[str, str]:
        """Of a process of the hub."""
        return {
            **os.environ,
            "CREDENTIALS_DIRECTORY": str(self.credentials),
            "PYTHONPATH": os.pathsep.join(map(str, (*FILES, IMPORT_ROOT))),
            "PYTHONWARNINGS": "error",
            # As in the unit: what a login takes for a moment goes back to the system.
            "MALLOC_MMAP_THRESHOLD_": "131072",
            "MALLOC_ARENA_MAX": "1",
        }

    def config(self, name: str = "check", **listen: t.Any) -> Path:
        """A configuration file."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({**self.options, "listen": {**self.options["listen"], **listen}}))
        return path

    def run(self, command: str, *more: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the hub that ends.

        Args:
            typed: lines on its standard input.
        """
        arguments = [PYTHON, "-m", "lndhub", command, str(self.config()), *more]
        return subprocess.run(arguments, env=self.environment, input=typed, capture_output=True, text=True, check=False)

    def migrate(self) -> Setting:
        """Make the schema."""
        done = self.run("migrate")
        assert done.returncode == 0, done.stderr
        return self

    def start(self, closed: bool = False) -> Process:
        """One more process of this hub, serving, or closed because its ledger does not agree with lnd."""
        return Process(self, closed)


class Process:
    """One process that serves."""

    def __init__(self, setting: Setting, closed: bool = False) -> None:
        self.setting = setting
        self.port = free_port()
        self.log = setting.folder / f"{self.port}.log"
        config = setting.config(str(self.port), port=self.port)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [PYTHON, "-m", "lndhub", "serve", str(config)], env=setting.environment, stdout=log, stderr=log
            )
        self.http = httpx.Client(base_url=self.url, timeout=60)
        try:
            until(f"the hub, see {self.log}", (lambda: "the hub is closed" in self.log.read_text()) if closed else self._answers)
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            return self.http.get("/balance").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def die(self) -> None:
        """End it at once; the connections to it are left to those who use them."""
        self._process.kill()
        self._process.wait()

    def kill(self, *answers: Future[t.Any]) -> None:
        """End it at once.

        Args:
            answers: requests under way, which end by that, and before their connection is closed here.
        """
        self.die()
        for answer in answers:
            answer.result(20)
        self.http.close()

    def stop(self) -> None:
        """End it as systemd does."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        finally:
            self._process.kill()
            self.http.close()

    def rss_mb(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def user(self) -> Wallet:
        """A new account, logged in."""
        made = ok(self.http.post("/create", json={}))
        return Wallet(self, made["login"], made["password"])


class Wallet:
    """A client with an account, as a wallet app is."""

    def __init__(self, process: Process, login: str, password: str) -> None:
        self.login, self.password = login, password
        self.process = process
        tokens = ok(process.http.post("/auth?type=auth", json={"login": login, "password": password}))
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]

    @property
    def headers(self) -> dict[str, str]:
        """What proves who it is."""
        return {"Authorization": f"Bearer {self.access}"}

    def at(self, process: Process) -> Wallet:
        """The same account, at another process of the same hub."""
        other = Wallet.__new__(Wallet)
        other.__dict__ = {**self.__dict__, "process": process}
        return other

    def get(self, path: str) -> t.Any:
        """The answer to a GET."""
        return self.process.http.get(path, headers=self.headers).json()

    def post(self, path: str, **body: t.Any) -> t.Any:
        """The answer to a POST."""
        return self.process.http.post(path, json=body, headers=self.headers).json()

    @property
    def msat(self) -> int:
        """What it can spend."""
        return int(self.get("/v2/balance")["balance_msat"])

    def invoice(self, amt: int, memo: str = "") -> str:
        """A new invoice of this account."""
        return str(self.post("/addinvoice", amt=amt, memo=memo)["payment_request"])

    def pay(self, invoice: str, **more: t.Any) -> t.Any:
        """The answer to a payment."""
        return self.post("/payinvoice", invoice=invoice, **more)


def ok(response: httpx.Response) -> t.Any:
    """The body of an answer that is no error."""
    body = response.json()
    assert response.status_code == 200, body
    assert not (isinstance(body, dict) and body.get("error")), body
    return body
