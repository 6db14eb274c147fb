# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hubs for tests: processes run as by systemd, each on a port of loopback, and a client of their API."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import typing as t
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support import services
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, Postgres, free_port, until
from lndhub import db
from lndhub.config import load
from lndhub.hub import Hub
from lndhub.node import PERMISSIONS

# Another interpreter, with other versions of the libraries, for example one in a container of Debian 13.
PYTHON = os.environ.get("LNDHUB_PYTHON", sys.executable)
ADMIN_TOKEN = "the-admin-token-of-a-test"


def baked(lnd: Lnd) -> bytes:
    """Bake a macaroon of a node with only the calls of a hub."""
    with Client(Connection(lnd.rpcserver, *lnd.credentials())) as client:
        wanted = [{"entity": "uri", "action": f"/{name}"} for name in PERMISSIONS]
        return bytes.fromhex(client.call("lnrpc.Lightning/BakeMacaroon", permissions=wanted).macaroon)


class Setting:
    """The parts that all processes of one hub share: a database, a node, credentials.

    Args:
        folder: for configuration and credentials.
        postgres: where a new database is made.
        rpcserver: of the node.
        certificate: of the node, PEM.
        macaroon: what the hub is given.
        options: sections of the configuration, over those of tests.
    """

    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        rpcserver: str,
        certificate: bytes,
        macaroon: bytes,
        **options: dict[str, t.Any],
    ) -> None:
        self.folder = folder
        self.credentials = folder / "credentials"
        self.credentials.mkdir(parents=True)
        (self.credentials / "macaroon").write_bytes(macaroon)
        (self.credentials / "jwt_key").write_text(f"{secrets.token_hex(32)}\n")
        (self.credentials / "admin_token").write_text(f"{ADMIN_TOKEN}\n")
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
        """The environment of a process of the hub."""
        return {
            **services.environment("lndhub", self.credentials),
            # As in the unit: what a login takes for a moment goes back to the system.
            "MALLOC_MMAP_THRESHOLD_": "131072",
            "MALLOC_ARENA_MAX": "1",
        }

    def config(self, name: str = "check", **listen: t.Any) -> Path:
        """Write a configuration file, and return its path."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({**self.options, "listen": {**self.options["listen"], **listen}}))
        return path

    def run(self, command: str, *more: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of the hub that ends.

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
        """Start one more process of this hub, serving, or closed because its ledger does not agree with lnd."""
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
            if closed:
                until(f"the hub, see {self.log}", lambda: "the hub is closed" in self.log.read_text())
            else:
                services.await_answer("the hub", self._process, self.log, lambda: self.http.get("/balance"), 401)
        except BaseException:
            self.kill()
            raise

    @property
    def url(self) -> str:
        """The address of the process."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def die(self) -> None:
        """End it at once; its open connections are left to their users."""
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
        try:
            services.end(self._process)
        finally:
            self.http.close()

    def rss_mb(self) -> float:
        """The resident memory, in MB."""
        return services.rss_mb(self._process)

    def user(self) -> Wallet:
        """Make a new account, and log it in."""
        made = ok(self.http.post("/create", json={}))
        return Wallet(self, made["login"], made["password"])


class Wallet:
    """A client with an account, like a wallet app."""

    def __init__(self, process: Process, login: str, password: str) -> None:
        self.login, self.password = login, password
        self.process = process
        tokens = ok(process.http.post("/auth?type=auth", json={"login": login, "password": password}))
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]

    @property
    def headers(self) -> dict[str, str]:
        """The headers that authenticate the account."""
        return {"Authorization": f"Bearer {self.access}"}

    def at(self, process: Process) -> Wallet:
        """Return the same account, at another process of the same hub."""
        other = Wallet.__new__(Wallet)
        other.__dict__ = {**self.__dict__, "process": process}
        return other

    def get(self, path: str) -> t.Any:
        """Return the answer to a GET."""
        return self.process.http.get(path, headers=self.headers).json()

    def post(self, path: str, **body: t.Any) -> t.Any:
        """Return the answer to a POST."""
        return self.process.http.post(path, json=body, headers=self.headers).json()

    @property
    def msat(self) -> int:
        """The balance that the account can spend."""
        return int(self.get("/v2/balance")["balance_msat"])

    def invoice(self, amt: int, memo: str = "") -> str:
        """Make an invoice of this account."""
        return str(self.post("/addinvoice", amt=amt, memo=memo)["payment_request"])

    def pay(self, invoice: str, **more: t.Any) -> t.Any:
        """Return the answer to a payment."""
        return self.post("/payinvoice", invoice=invoice, **more)


def ok(response: httpx.Response) -> t.Any:
    """Return the body of an answer that is no error."""
    body = response.json()
    assert response.status_code == 200, body
    assert not (isinstance(body, dict) and body.get("error")), body
    return body


def in_process(setting: Setting, monkeypatch: pytest.MonkeyPatch, body: t.Callable[[Hub], t.Awaitable[None]]) -> None:
    """Run a test's body with the parts of a hub that serves no requests."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(setting.credentials))
    config = load(setting.config())

    async def go() -> None:
        pool = await db.open_pool(config)
        parts = Hub(config, pool)
        try:
            await body(parts)
        finally:
            await parts.node.close()
            await pool.close()

    asyncio.run(go())
