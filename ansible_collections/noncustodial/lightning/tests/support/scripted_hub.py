# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that expects certain requests and no others: a real HTTPS server in the process."""

from __future__ import annotations

import json
import ssl
import threading
import typing as t
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate

ADMIN_TOKEN = "an admin token"
ACCOUNT: dict[str, t.Any] = {
    "id": 7,
    "login": "shop",
    "deactivated": False,
    "max_receive_msat": 1000,
    "max_send_msat": 2000,
    "max_balance_msat": 3000,
    "balance_msat": 5,
    "reserved_msat": 0,
}
NO_ACCOUNT = {"error": True, "code": 8, "message": "not found"}


@dataclass
class Request:
    """A request that is expected, with its answer.

    Attributes:
        body: what must be in it; None for a request without one. A value of ... is any.
        status: 0 to close the connection without an answer.
    """

    method: str
    path: str
    body: dict[str, t.Any] | None = None
    status: int = 200
    answer: t.Any = field(default_factory=dict)


def reads(answer: dict[str, t.Any] | None = None) -> Request:
    """Return the request that reads the account; None means that there is none."""
    return Request("GET", "/v2/admin/users/shop", None, 200 if answer else 404, answer or NO_ACCOUNT)


class ScriptedHub:
    """The server.

    Args:
        folder: for its certificate.
        script: what it expects, in this order.
    """

    def __init__(self, folder: Path, *script: Request) -> None:
        folder.mkdir()
        self._left, self._wrong = list(script), list[str]()
        self.bodies: list[t.Any] = []
        # Not the one that all others share, or a test could not distinguish two hubs.
        certificate, key = make_certificate.__wrapped__()
        self.certificate, pem = folder / "hub.crt", folder / "hub.pem"
        self.certificate.write_bytes(certificate)
        pem.write_bytes(key + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                hub._answer(self)

            do_GET = do_POST = do_PUT = answer  # noqa: N815

            def log_message(self, *_arguments: t.Any) -> None:
                """Log nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the hub."""
        return f"https://localhost:{self._server.server_port}"

    @property
    def options(self) -> dict[str, str]:
        """The options with which a module connects to it."""
        return {"url": self.url, "ca_path": str(self.certificate), "admin_token": ADMIN_TOKEN}

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = json.loads(request.rfile.read(length)) if length else None
        self.bodies.append(body)
        seen = f"{request.command} {request.path}"
        if request.headers["Authorization"] != f"Bearer {ADMIN_TOKEN}" or not self._left:
            self._wrong.append(f"{seen}: nothing expected, or the wrong token")
            return
        expected = self._left.pop(0)
        wanted = expected.body
        fits = (
            (body is None)
            if wanted is None
            else body is not None and {**body, **{k: ... for k, v in wanted.items() if v is ...}} == wanted
        )
        if seen != f"{expected.method} {expected.path}" or not fits:
            self._wrong.append(f"{seen} {body}: expected was {expected}")
            return
        if expected.status:
            data = json.dumps(expected.answer).encode()
            request.send_response(expected.status)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def verify(self) -> None:
        """Fail if another request was made, or an expected one is left."""
        assert not self._wrong, self._wrong
        assert not self._left, f"never asked: {self._left}"
