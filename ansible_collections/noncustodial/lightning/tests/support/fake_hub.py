# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub of one account, for wall & wallet: it counts requests, and reports its invoices as a test sets them."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import typing as t
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Invoice:
    """An invoice of the account. Its preimage is its text."""

    preimage: bytes
    amt: int
    memo: str
    expiry: int
    made: int
    paid: int = 0

    @property
    def payment_hash(self) -> str:
        """The payment hash, in hexadecimal."""
        return hashlib.sha256(self.preimage).hexdigest()

    @property
    def text(self) -> str:
        """The payment request, which nobody can pay."""
        return f"lnfake{self.preimage.decode()}"


class FakeHub:
    """The server.

    Attributes:
        invoices: those made, the oldest first; a test sets what they were paid with, sat.
        sent: payment hashes of payments that the account itself made.
        calls: how often each route was asked for, logins aside.
        away: whether it answers nothing of use.
        refuses: why it makes no invoice; empty: it makes them.
    """

    def __init__(self) -> None:
        self.invoices: list[Invoice] = []
        self.sent: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.away, self.refuses = False, ""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                told = json.dumps(hub._of(self.path, json.loads(body) if body else {})).encode()
                self.send_response(503 if hub.away else 200)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def do_GET(self) -> None:
                """Answer."""
                self._answer()

            def do_POST(self) -> None:
                """Answer."""
                self._answer()

            def log_message(self, format: str, *args: t.Any) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _of(self, path: str, body: dict[str, t.Any]) -> t.Any:
        url = urlsplit(path)
        if url.path == "/auth":
            return {"access_token": "access", "refresh_token": "refresh"}
        name = url.path.rpartition("/")[0] if url.path.count("/") > 1 else url.path
        self.calls[name] += 1
        if self.away:
            return {}
        if name == "/addinvoice" and self.refuses:
            return {"error": True, "code": 8, "message": self.refuses}
        if name == "/addinvoice":
            one = Invoice(
                b"%032d" % len(self.invoices), body["amt"], body["memo"], body.get("expiry", 86400), int(time.time())
            )
            self.invoices.append(one)
            return {"r_hash": one.payment_hash, "payment_request": one.text}
        if name == "/getuserinvoices":
            return [_listed(one) for one in self.invoices[-int(parse_qs(url.query)["limit"][0]) :]]
        wanted = url.path.rpartition("/")[2]
        found = next((one for one in self.invoices if one.payment_hash == wanted), None)
        if found is None and wanted not in self.sent:
            return {"error": True, "code": 8, "message": "not found"}
        if name == "/checkpayment":
            return {"paid": found is None or found.paid > 0}
        kind = "user_invoice" if found else "paid_invoice"
        return {
            "payment_hash": wanted,
            "type": kind,
            "is_paid": not found or found.paid > 0,
            "amount": found.paid if found else 1_000_000,
        }


def _listed(one: Invoice) -> dict[str, t.Any]:
    return {
        "payment_hash": one.payment_hash,
        "payment_request": one.text,
        "description": one.memo,
        "amt": one.paid or one.amt,
        "ispaid": one.paid > 0,
        "timestamp": one.made,
        "expire_time": one.expiry,
    }
