# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wall & wallet for tests: a process run as by systemd, TLS in front of it, and visitors with and without a browser."""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import typing as t
from pathlib import Path

import httpx

from ansible_collections.noncustodial.lightning.tests.support import services
from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate
from ansible_collections.noncustodial.lightning.tests.support.daemons import free_port, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import Wallet

# Another interpreter, with other versions of the libraries, for example one in a container of Debian 13.
PYTHON = os.environ.get("WALL_WALLET_PYTHON", sys.executable)
ARTICLES = {
    "signer.md": (
        "title: What a signer is for\nprice: 100\nteaser: Two machines, one key, and why.\n\nThe provider runs the"
        " node, and **the tenant keeps the key**.\n\n| who | has |\n| --- | --- |\n| tenant | keys"
        " |\n\n<script>alert(1)</script>\n"
    ),
    "channels.html": (
        "title: Channels & their <money>\nprice: 21\nteaser: How much can pass.\n\n<p>What is <em>yours</em> can"
        " leave.</p>\n"
    ),
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

    def __init__(
        self, folder: Path, hub: str, account: Wallet | None, options: t.Mapping[str, dict[str, t.Any]] | None = None
    ) -> None:
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
        """Return the command line of the service."""
        config = self.folder / "config.json"
        config.write_text(json.dumps(self.options))
        return [PYTHON, "-m", "wall_wallet", name, str(config)]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process of the service."""
        return services.environment("wall_wallet", self.credentials)

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the service that ends."""
        return subprocess.run(self.command(name), env=self.environment, capture_output=True, text=True, check=False)

    def start(self) -> Wall:
        """Serve."""
        self.log = self.folder / "log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command("serve"), env=self.environment, stdout=log, stderr=log)
        page = f"http://127.0.0.1:{self.port}/static/style.css"
        services.await_answer("the wall", self._process, self.log, lambda: httpx.get(page))
        return self

    def rss_mb(self) -> float:
        """The resident memory, in MB."""
        assert self._process is not None
        return services.rss_mb(self._process)

    def stop(self) -> None:
        """End it as systemd does."""
        if self._process is not None:
            process, self._process = self._process, None
            services.end(process)

    def close(self) -> None:
        """End the process, and TLS in front of it."""
        for visitor in self._visitors:
            visitor.http.close()
        self.stop()
        self.front.stop()

    def visitor(self, **headers: str) -> Visitor:
        """Return a visitor without a browser."""
        self._visitors.append(Visitor(self.url, self.front.certificate, headers))
        return self._visitors[-1]


class Account(t.Protocol):
    """A person with a login and a password at a hub."""

    @property
    def login(self) -> str:
        """The name of the login."""

    @property
    def password(self) -> str:
        """The password of the login."""


class Visitor:
    """A client that keeps cookies and fills in forms, as a browser does, and follows no redirect by itself.

    Args:
        url: of the wall.
        certificate: by which that is verified; without one as the system does.
    """

    def __init__(self, url: str, certificate: Path | None, headers: dict[str, str] | None = None) -> None:
        self.url = url
        context = ssl.create_default_context(cafile=certificate)
        self.http = httpx.Client(
            base_url=url, verify=context, headers={"Accept": "text/html", **(headers or {})}, timeout=30
        )

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_ignored: object) -> None:
        self.http.close()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Return a page."""
        return self.http.get(path, headers=headers)

    def post(
        self, path: str, fields: dict[str, str] | None = None, origin: str | None = "", **headers: str
    ) -> httpx.Response:
        """Send a form. By default it is a form of ours: its origin and its csrf field are right."""
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

    def ask(self, article: str) -> str:
        """Press the button of an article for an invoice; returns the invoice."""
        done = self.post(f"/articles/{article}/offer", origin=self.url)
        assert (done.status_code, done.headers["location"]) == (303, f"/articles/{article}"), done.text
        return self.offered(article)

    def offered(self, article: str) -> str:
        """Return the invoice that an article's page shows."""
        return html.unescape(re.findall(r"<textarea[^>]*>([^<]+)<", self.get(f"/articles/{article}").text)[0])

    def receive(self, amount: str, memo: str = "") -> tuple[str, str]:
        """Make an invoice with the pages; return its page's path, and its text."""
        made = self.post("/wallet/receive", {"amount": amount, "memo": memo})
        assert made.status_code == 303, made.text
        shown = self.get(made.headers["location"])
        return made.headers["location"], html.unescape(re.findall(r"<textarea[^>]*>([^<]+)<", shown.text)[0])

    def preview(self, invoice: str, amount: str = "") -> str:
        """Return the path of the page on which an invoice is shown to be confirmed."""
        made = self.post("/wallet/send", {"invoice": invoice, "amount": amount})
        assert made.status_code == 303, made.text
        return str(made.headers["location"])

    def pay(self, invoice: str, amount: str = "") -> None:
        """Pay an invoice with the pages, and wait for its end."""
        preview = self.preview(invoice, amount)
        assert self.post(preview).status_code == 303
        until("the end of a payment", lambda: self.state(preview) not in ("preview", "paying", "unclear"))
        assert self.state(preview) == "paid", self.get(preview).text

    def state(self, path: str) -> str:
        """Return the state that a waiting page gets."""
        return str(self.get(f"{path}/status").json()["state"])
