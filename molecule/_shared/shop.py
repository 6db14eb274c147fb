# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider's own wall & wallet, as small as possible: it shows visitors the balance of its account at the hub, and
what it sees of the machine.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import sys
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

CONFIG = json.loads(Path(os.environ["WALL_WALLET_CONFIG"]).read_text())
CREDENTIALS = Path(os.environ["CREDENTIALS_DIRECTORY"])


def hub(path: str, address: str, token: str = "", body: dict[str, t.Any] | None = None) -> t.Any:
    """Send a request to the hub for somebody at an address, and return the answer."""
    url = urlsplit(CONFIG["hub"]["url"])
    trusted = ssl.create_default_context(cafile=CONFIG["hub"]["ca_file"])
    connection = http.client.HTTPSConnection(url.hostname, url.port, timeout=30, context=trusted)
    headers = {"Content-Type": "application/json", "X-Forwarded-For": address, "Authorization": f"Bearer {token}"}
    connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    return json.loads(connection.getresponse().read())


def tried(action: t.Callable[[], object]) -> str:
    """Return the result of an action, or its error."""
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "done"


class Shop(BaseHTTPRequestHandler):
    """Answer every GET."""

    def do_GET(self) -> None:
        """Answer with everything."""
        address = self.headers["X-Forwarded-For"]
        password = (CREDENTIALS / "hub_password").read_text()
        token = hub("/auth", address, body={"login": CONFIG["wall"]["login"], "password": password})["access_token"]
        told = {
            "balance": hub("/balance", address, token)["BTC"]["AvailableBalance"],
            "address": address,
            "host": self.headers["Host"],
            "uid": os.getuid(),
            "credentials": sorted(path.name for path in CREDENTIALS.iterdir()),
            "articles": sorted(os.listdir(CONFIG["wall"]["articles"])),
            "lnd": tried(lambda: socket.create_connection(("127.0.0.1", 10009), timeout=5)),
            "write": tried(lambda: Path("/usr/written").write_text("")),
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())


# The first process of a container is not ended by a signal that it does not take.
signal.signal(signal.SIGTERM, lambda *_what: sys.exit())
HTTPServer((CONFIG["listen"]["host"], CONFIG["listen"]["port"]), Shop).serve_forever()
