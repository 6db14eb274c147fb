# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules lndhub_account and lndhub_account_info against a real hub behind TLS: create, again unchanged, check
mode, closed.
"""

from __future__ import annotations

import json
import ssl
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, run_module
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Wallet
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database


class TlsProxy:
    """A proxy that terminates TLS in front of a hub, as nginx does: one request for each connection."""

    def __init__(self, folder: Path, process: Process) -> None:
        certificate, key = make_certificate()
        self.certificate, pem = folder / "proxy.crt", folder / "proxy.pem"
        self.certificate.write_bytes(certificate)
        pem.write_bytes(key + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)

        class Handler(BaseHTTPRequestHandler):
            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if self.headers[name]}
                answer = process.http.request(self.command, self.path, content=body, headers=headers)
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = forward  # noqa: N815

            def log_message(self, *_arguments: t.Any) -> None:
                """Log nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_accounts(tmp_path: Path, postgres: Postgres) -> None:
    world = World(tmp_path / "hub", postgres)
    proxy = None
    try:
        hub = world.hub()
        proxy = TlsProxy(tmp_path, hub)
        _accounts(
            tmp_path,
            hub,
            {"url": f"https://localhost:{proxy.port}", "ca_path": str(proxy.certificate), "admin_token": ADMIN_TOKEN},
        )
    finally:
        if proxy is not None:
            proxy.stop()
        world.close()


def _accounts(folder: Path, hub: Process, connection: dict[str, t.Any]) -> None:
    def account(check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        result = run_module("lndhub_account", check, **connection, **options)
        assert not result.get("failed"), result
        return result

    def info(login: str) -> dict[str, t.Any]:
        return run_module("lndhub_account_info", **connection, login=login)

    files = {"credentials_file": str(folder / "shop.json"), "qr_file": str(folder / "shop.png")}
    wanted: dict[str, t.Any] = {"login": "shop@acme", "max_balance_msat": 5_000_000, **files}
    assert account(True, **wanted)["changed"]
    assert info("shop@acme")["exists"] is False, "check mode has made nothing"
    made = account(**wanted)
    assert (made["changed"], made["account"]["max_balance_msat"]) == (True, 5_000_000)
    assert not account(**wanted)["changed"]
    kept = json.loads((folder / "shop.json").read_text())
    assert kept["connection"] == f"lndhub://shop%40acme:{kept['password']}@{connection['url']}"
    assert (folder / "shop.png").read_bytes().startswith(b"\x89PNG")
    shop = Wallet(hub, kept["login"], kept["password"])
    assert "limit" in shop.post("/addinvoice", amt=5_001)["message"]

    assert account(True, **wanted, deactivated=True)["actions"] == ["update"]
    assert shop.get("/balance")["BTC"]["AvailableBalance"] == 0, "check mode has closed nothing"
    assert account(**wanted, deactivated=True)["changed"]
    assert shop.get("/balance")["code"] == 1
    assert info("shop@acme")["account"]["deactivated"] is True
    assert account(**wanted, deactivated=False)["changed"]
    assert Wallet(hub, kept["login"], kept["password"]).msat == 0

    once = account(login="till")
    assert Wallet(hub, "till", once["password"]).msat == 0
    assert "password" not in account(login="till")
    refused = run_module("lndhub_account_info", **{**connection, "admin_token": "wrong"}, login="till")
    assert "admin token" in refused["msg"]
