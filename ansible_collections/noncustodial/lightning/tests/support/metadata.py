# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of EC2's metadata service (IMDSv2): it answers only requests with a token,
which must be requested first.

Run as a program with a port, it joins its standard input and output with the service there; QEMU does that for each
connection of the machine.
"""

from __future__ import annotations

import http.server
import os
import re
import secrets
import socket
import sys
import threading
import typing as t

ADDRESS = "169.254.169.254"
_TTL_HEADER, _TOKEN_HEADER = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
_PATH = re.compile(r"/(?:latest|\d{4}-\d\d-\d\d)/(.*)")

Tree = t.Mapping[str, t.Any]


class Metadata:
    """The service, on loopback.

    Args:
        tree: of its answers, from meta-data, dynamic and user-data on; a mapping is a folder.

    Attributes:
        asked: method, path and status of each request.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._tokens: set[str] = set()
        self.asked: list[tuple[str, str, int]] = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One request."""

            def do_PUT(self) -> None:
                self._answer(*service._token(self.path, self.headers.get(_TTL_HEADER, "")))

            def do_GET(self) -> None:
                self._answer(*service._told(self.path, self.headers.get(_TOKEN_HEADER, "")))

            def _answer(self, status: int, text: str) -> None:
                service.asked.append((self.command, self.path, status))
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_arguments: t.Any) -> None:
                """Keep the request; print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._server.server_address[1])

    @property
    def options(self) -> tuple[str, ...]:
        """The options of QEMU's network with which the machine finds the service."""
        ends = ("net=169.254.0.0/16", "host=169.254.0.2", "dns=169.254.0.3", "dhcpstart=169.254.10.15")
        return (*ends, f"guestfwd=tcp:{ADDRESS}:80-cmd:{sys.executable} -I {__file__} {self.port}")

    def close(self) -> None:
        """End the service."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _token(self, path: str, seconds: str) -> tuple[int, str]:
        if path != "/latest/api/token":
            return 404, ""
        if not seconds.isdecimal() or not 1 <= int(seconds) <= 21600:
            return 400, ""
        token = secrets.token_urlsafe(40)
        self._tokens.add(token)
        return 200, token

    def _told(self, path: str, token: str) -> tuple[int, str]:
        if token not in self._tokens:
            return 401, ""
        asked = _PATH.fullmatch(path)
        if asked is None:
            return 404, ""
        found: t.Any = self._tree
        for name in asked[1].strip("/").split("/"):
            found = found.get(name) if isinstance(found, dict) else None
        if found is None:
            return 404, ""
        return 200, found if isinstance(found, str) else "\n".join(_entry(name, found[name]) for name in found)


def _entry(name: str, value: t.Any) -> str:
    """Return a line of a folder. For keys, which are numbered, it has the names too."""
    if isinstance(value, dict):
        return f"{name}=signer" if "openssh-key" in value else f"{name}/"
    return name


def join(port: int) -> None:
    """Pass bytes on, in both directions."""

    def onward() -> None:
        while data := os.read(0, 65536):
            service.sendall(data)

    with socket.create_connection(("127.0.0.1", port)) as service:
        threading.Thread(target=onward, daemon=True).start()
        while data := service.recv(65536):
            os.write(1, data)


if __name__ == "__main__":
    join(int(sys.argv[1]))
