# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wall & wallet for tests: a process as systemd would run it, TLS in front of it, and visitors with and without a browser."""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import typing as t
from pathlib import Path

import httpx

from ansible_collections.noncustodial.lightning.tests.real.daemons import COLLECTION, IMPORT_ROOT, free_port, until
from ansible_collections.noncustodial.lightning.tests.real.hubs import Wallet
from ansible_collections.noncustodial.lightning.tests.unit.scripted import make_certificate

FILES = [COLLECTION / f"roles/{role}/files" for role in ("wall_wallet", "_common")]
# Another interpreter, with other versions of the libraries, for example one in a container of Debian 13.
PYTHON = os.environ.get("WALL_WALLET_PYTHON", sys.executable)
ARTICLES = {
    "signer.md": "title: What a signer is for\nprice: 100\nteaser: Two machines, one key, and why.\n\n"
    "The provider runs the node, and **the tenant keeps the key**.\n\n| who | has |\n| --- | --- |\n| tenant | keys |\n\n<script>alert(1)</script>\n",
    "channels.html": "title: Channels & their <money>\nprice: 21\nteaser: How much can pass.\n\n<p>What is <em>yours</em> can leave.</p>\n",
}


class Front:
    """TLS on localhost before a port, as the proxy is."""

    def __init__(self, folder: Path, behind: int) -> None:
        self.port, self.certificate, key = free_port(), folder / "front.crt", folder / "front.key"
        for path, pem in zip((self.certificate, key), make_certificate(), strict=True):
            path.write_bytes(pem)
        program = Path(__file__).with_name("front.py")
        self._process = subprocess.Popen([sys.executable, program, str(self.port), str(behind), self.certificate, key])
        until("the front", self._listens)

    def _listens(self) -> bool:
        assert self._process.poll() is None, "the front has ended"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Stop serving."""
        self._process.kill()
        self._process.wait()


class Wall:
    """One process that serves, behind TLS.

    Args:
        folder: for configuration, credentials and articles.
        hub: the address of its hub.
        account: of the wall, at that hub; without one there are no articles.
        options: sections of the configuration, over those of tests.
    """

    def __init__(self, folder: Path, hub: str, account: Wallet | None, options: t.Mapping[str, dict[str, t.Any]] | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.articles, self.credentials = folder / "articles", folder / "credentials"
        for path in (self.articles, self.credentials):
            path.mkdir(parents=True)
        for name, text in ARTICLES.items():
            (self.articles / name).write_text(text)
        self.options: dict[str, dict[str, t.Any]] = {
            "hub": {"url": hub, "timeout": 10.0},
            "listen": {"port": self.port},
            "wallet": {"signup": True},
            "wall": {},
            "service": {"name": "test", "title": "Acme wallet"},
        }
        if account is not None:
            self.options["wall"] = {"articles": str(self.articles), "login": account.login}
            (self.credentials / "hub_password").write_text(f"{account.password}\n")
            (self.credentials / "token_key").write_text(f"{secrets.token_hex(32)}\n")
        for section, values in (options or {}).items():
            self.options[section] |= values
        self.front = Front(folder, self.port)
        self.url = f"https://localhost:{self.front.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._visitors: list[Visitor] = []

    def command(self, name: str) -> list[str]:
        """A command of the service."""
        config = self.folder / "config.json"
        config.write_text(json.dumps(self.options))
        return [PYTHON, "-m", "wall_wallet", name, str(config)]

    @property
    def environment(self) -> dict[str, str]:
        """Of a process of it."""
        return {
            **os.environ,
            "CREDENTIALS_DIRECTORY": str(self.credentials),
            "PYTHONPATH": os.pathsep.join(map(str, (*FILES, IMPORT_ROOT))),
            "PYTHONWARNINGS": "error",
        }

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """A command of it that ends."""
        return subprocess.run(self.command(name), env=self.environment, capture_output=True, text=True, check=False)

    def start(self) -> Wall:
        """Serve."""
        self.log = self.folder / "log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command("serve"), env=self.environment, stdout=log, stderr=log)
        until(f"the wall, see {self.log}", self._answers)
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/static/style.css").status_code == 200
        except httpx.TransportError:
            return False

    def rss_mb(self) -> float:
        """Its resident memory."""
        assert self._process is not None
        return int(Path(f"/proc/{self._process.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> None:
        """End it as systemd does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(40)
            finally:
                self._process.kill()
                self._process = None

    def close(self) -> None:
        """End all of it."""
        for visitor in self._visitors:
            visitor.http.close()
        self.stop()
        self.front.stop()

    def visitor(self, **headers: str) -> Visitor:
        """Somebody without a browser."""
        self._visitors.append(Visitor(self.url, self.front.certificate, headers))
        return self._visitors[-1]


class Account(t.Protocol):
    """Whoever has a login and a password at a hub."""

    @property
    def login(self) -> str:
        """Its name."""

    @property
    def password(self) -> str:
        """Its password."""


class Visitor:
    """A client that keeps cookies and fills in forms, as a browser does, and follows no redirect by itself.

    Args:
        url: of the wall.
        certificate: by which that is verified; without one as the system does.
    """

    def __init__(self, url: str, certificate: Path | None, headers: dict[str, str] | None = None) -> None:
        self.url = url
        context = ssl.create_default_context(cafile=certificate)
        self.http = httpx.Client(base_url=url, verify=context, headers={"Accept": "text/html", **(headers or {})}, timeout=30)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_ignored: object) -> None:
        self.http.close()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """A page."""
        return self.http.get(path, headers=headers)

    def post(self, path: str, fields: dict[str, str] | None = None, origin: str | None = "", **headers: str) -> httpx.Response:
        """What a form would send. By default it is a form of ours: its origin and its csrf field are right."""
        data = dict(fields or {})
        if origin == "":
            origin = self.url
            # Of a page for which the hub is not asked: it limits requests.
            found = re.search(r'name="csrf" value="([^"]+)"', self.http.get("/wallet/receive").text)
            data.setdefault("csrf", found[1] if found else "")
        if origin is not None:
            headers["Origin"] = origin
        return self.http.post(path, data=data, headers=headers)

    def login(self, account: Account) -> Visitor:
        """Log in."""
        done = self.post("/login", {"login": account.login, "password": account.password})
        assert (done.status_code, done.headers["location"]) == (303, "/wallet"), done.text
        return self

    def receive(self, amount: str, memo: str = "") -> tuple[str, str]:
        """A new invoice by the pages: where it is, and its text."""
        made = self.post("/wallet/receive", {"amount": amount, "memo": memo})
        assert made.status_code == 303, made.text
        shown = self.get(made.headers["location"])
        return made.headers["location"], html.unescape(re.search(r"<textarea[^>]*>([^<]+)<", shown.text)[1])

    def preview(self, invoice: str, amount: str = "") -> str:
        """Where an invoice is shown that is to be confirmed."""
        made = self.post("/wallet/send", {"invoice": invoice, "amount": amount})
        assert made.status_code == 303, made.text
        return str(made.headers["location"])

    def pay(self, invoice: str, amount: str = "") -> None:
        """Pay an invoice by the pages, and wait for its end."""
        preview = self.preview(invoice, amount)
        assert self.post(preview).status_code == 303
        until("the end of a payment", lambda: self.state(preview) not in ("preview", "paying", "unclear"))
        assert self.state(preview) == "paid", self.get(preview).text

    def state(self, path: str) -> str:
        """What a waiting page is told."""
        return str(self.get(f"{path}/status").json()["state"])
