# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wall of one's own that sells one sentence for 100 sat. It needs only Python and what the role sets up for it."""

from __future__ import annotations

import json
import os
import re
import ssl
import typing as t
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = json.loads(Path(os.environ["WALL_WALLET_CONFIG"]).read_text())
PASSWORD = Path(os.environ["CREDENTIALS_DIRECTORY"], "hub_password").read_text().strip()
TRUST = ssl.create_default_context(cafile=CONFIG["hub"]["ca_file"] or None)


def hub(path: str, body: dict[str, t.Any] | None = None, token: str = "") -> t.Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(CONFIG["hub"]["url"] + path, data, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30, context=TRUST) as response:  # noqa: S310
        answer = json.load(response)
    if answer.get("error"):
        raise RuntimeError(answer["message"])
    return answer


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        token = hub("/auth", {"login": CONFIG["wall"]["login"], "password": PASSWORD})["access_token"]
        if self.path == "/":
            made = hub("/addinvoice", {"amt": 100, "memo": "A sentence"}, token)
            status, text = 402, f"Pay {made['payment_request']} and come back to /{made['r_hash']}\n"
        elif re.fullmatch("/[0-9a-f]{64}", self.path):
            paid = hub(f"/checkpayment{self.path}", token=token)["paid"]
            status, text = (200, "The tenant keeps the key.\n") if paid else (402, "It is not paid yet.\n")
        else:
            status, text = 404, "There is nothing here.\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer((CONFIG["listen"]["host"], CONFIG["listen"]["port"]), Page).serve_forever()
