# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of nginx itself, in front of a hub and of a wall, have the form of the errors of the service behind it."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import json
import re
import socket
import ssl
import threading
import typing as t
from collections import Counter
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import free_port
from ansible_collections.noncustodial.lightning.tests.support.proxies import Proxy, hub_site, wall_file

pytestmark = pytest.mark.chain

OWN = b'{"own": true}'


class Behind(BaseHTTPRequestHandler):
    """The service: it answers with the status that the path names, or dies in the middle of a request."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/dies":
            self.connection.close()
            return
        self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
        self.send_header("Content-Length", str(len(OWN)))
        self.end_headers()
        self.wfile.write(OWN)

    def log_message(self, format: str, *arguments: t.Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def upstream() -> t.Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def running(folder: Path, site: t.Callable[[int], str]) -> t.Iterator[Proxy]:
    port = free_port()
    proxy = Proxy(folder, site(port), port)
    try:
        yield proxy
    finally:
        proxy.stop()


@pytest.fixture(scope="module")
def hub(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("hub-proxy")
    with running(
        folder,
        lambda port: hub_site(
            lndhub_self={"name": "own-node", "config": str(folder)},
            lndhub_listen=["127.0.0.1"],
            lndhub_port=port,
            lndhub_upstream=upstream,
            lndhub_metrics_addresses=["192.0.2.7"],
        ),
    ) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def wall(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("wall-proxy")
    with running(
        folder,
        lambda port: wall_file(
            "nginx.conf.j2",
            wall_wallet_self={"name": "own-node", "config": str(folder)},
            wall_wallet_listen=["127.0.0.1"],
            wall_wallet_port=port,
            wall_wallet_upstream=upstream,
        ),
    ) as proxy:
        yield proxy


def asked(proxy: Proxy, request: str, tls: bool = True) -> tuple[int, dict[str, str], bytes]:
    """Send what no client library sends; return status, headers and body of the answer."""
    with contextlib.ExitStack() as stack:
        line: socket.socket = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=30))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            line = stack.enter_context(context.wrap_socket(line))
        line.sendall(request.encode())
        answer = HTTPResponse(line)
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def get(path: str, *headers: str, method: str = "GET") -> str:
    """Return a request that closes its connection."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""))


# What is larger than one record of TLS may be cut off while it is sent.
REQUESTS = {
    "two Host headers": (get("/", "Host: y"), 400),
    "no HTTP": ("\r\n\r\nnonsense\r\n\r\n", 400),
    "no path": ("GET  HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    "large headers": (get("/", f"X: {'x' * 9_000}"), 400),
    "long path": (get(f"/{'x' * 9_000}"), 414),
    "TRACE": (get("/", method="TRACE"), 405),
    "large body": (get("/", "Content-Length: 2000000", method="POST"), 413),
    "its own error page": (get("/proxy-error"), 404),
    "unknown transfer encoding": (get("/", "Transfer-Encoding: odd"), 501),
    "HTTP 3.0": ("GET / HTTP/3.0\r\nHost: x\r\nConnection: close\r\n\r\n", 505),
    "a service that dies": (get("/dies"), 502),
}
OF_HUBS = {
    **REQUESTS,
    "metrics": (get("/metrics"), 403),
}
OF_WALLS = {
    **{name: case for name, case in REQUESTS.items() if name != "its own error page"},
    "two Authorization headers": (get("/", "Authorization: LSAT a:b", "Authorization: L402 a:b"), 400),
    "its own error page": (get("/proxy-error/json"), 404),
}


@pytest.mark.parametrize("case", OF_HUBS)
def test_a_hubs_proxy(hub: Proxy, case: str) -> None:
    request, expected = OF_HUBS[case]
    status, headers, body = asked(hub, request)
    assert (status, headers["content-type"], headers["cache-control"]) == (expected, "application/json", "no-store")
    answer = json.loads(body)
    codes = {403: 1, 502: 6}
    assert (list(answer), answer["code"], answer["error"]) == (
        ["message", "code", "error"],
        codes.get(expected, 8),
        True,
    )


@pytest.mark.parametrize("case", OF_WALLS)
def test_a_walls_proxy_and_programs(wall: Proxy, case: str) -> None:
    request, expected = OF_WALLS[case]
    status, headers, body = asked(wall, request)
    assert (status, headers["content-type"], headers["cache-control"]) == (expected, "application/json", "no-store")
    assert list(json.loads(body)) == ["error"]
    if case == "two Authorization headers":
        assert "join two Authorization headers by a comma" in json.loads(body)["error"]


@pytest.mark.parametrize("case", ["TRACE", "large body", "a service that dies"])
def test_a_walls_proxy_and_people(wall: Proxy, case: str) -> None:
    request, expected = OF_WALLS[case]
    for_people = request.replace("Host: x", "Host: x\r\nAccept: text/html,*/*;q=0.8")
    status, headers, body = asked(wall, for_people)
    assert (status, headers["content-type"]) == (expected, "text/html; charset=utf-8")
    (text,) = re.findall(r'<p role="alert">(.+)</p><p>', body.decode())
    assert ("look at your history" in text) == (expected == 502)


def test_plain_http_is_answered_in_the_form_too(hub: Proxy, wall: Proxy) -> None:
    for proxy, names in ((hub, ["message", "code", "error"]), (wall, ["error"])):
        status, _headers, body = asked(proxy, get("/"), tls=False)
        assert (status, list(json.loads(body))) == (400, names)


@pytest.mark.parametrize("status", [200, 404, 413, 429, 500, 502])
def test_what_the_service_answers_stays(hub: Proxy, wall: Proxy, status: int) -> None:
    for proxy in (hub, wall):
        found, _headers, body = asked(proxy, get(f"/{status}"))
        assert (found, body) == (status, OWN)


def test_too_many_requests(wall: Proxy) -> None:
    """The limit of logins is twenty a minute, and ten more at once."""
    answers = [asked(wall, get("/login")) for _turn in range(15)]
    refused = [json.loads(body) for status, _headers, body in answers if status == 429]
    assert refused
    assert all(body == {"error": "Too many requests. Try again in a while."} for body in refused)


@pytest.fixture(scope="module")
def far(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[tuple[Proxy, int]]:
    """A wall's proxy and a hub's in one nginx, which believes the test whom it asks for; and a port that answers with
    the keys of their limits.
    """
    folder, keys, hubs_port = tmp_path_factory.mktemp("far-proxy"), free_port(), free_port()

    def site(port: int) -> str:
        return "\n".join(
            (
                "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;",
                wall_file(
                    "nginx.conf.j2",
                    wall_wallet_self={"name": "own-node", "config": str(folder)},
                    wall_wallet_listen=["127.0.0.1"],
                    wall_wallet_port=port,
                    wall_wallet_upstream=upstream,
                ),
                hub_site(
                    lndhub_self={"name": "own-node", "config": str(folder)},
                    lndhub_listen=["127.0.0.1"],
                    lndhub_port=hubs_port,
                    lndhub_upstream=upstream,
                ),
                f"server {{ listen 127.0.0.1:{keys};",
                f'return 200 "$remote_addr $wall_{port}_from $lndhub_{hubs_port}_from"; }}',
            )
        )

    with running(folder, site) as proxy:
        yield proxy, keys


def keys_of(port: int, addresses: t.Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the keys by which wall and hub limit each address."""
    found = {}
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=30)) as line:
        for address in addresses:
            line.request("GET", "/", headers={"X-Forwarded-For": address})
            seen, walls, hubs = line.getresponse().read().decode("latin-1").split(" ")
            assert ipaddress.ip_address(seen) == ipaddress.ip_address(address)
            found[address] = walls, hubs
    return found


def test_the_limits_count_a_64_of_ipv6_once(far: tuple[Proxy, int]) -> None:
    """Wherever an address has zeros, which nginx leaves out when it writes it."""
    addresses = [
        f"2001:{':'.join(groups)}"
        for values in (("0", "db8"), ("0", "7"))
        for groups in itertools.product(values, repeat=7)
    ]
    networks: dict[str, set[str]] = {}
    for address, (walls, hubs) in keys_of(far[1], addresses).items():
        assert walls == hubs
        networks.setdefault(walls, set()).add(str(ipaddress.IPv6Network(f"{address}/64", strict=False)))
    # No key is that of two networks, and no network has more than two.
    assert [its for its in networks.values() if len(its) != 1] == []
    counts = Counter(network for its in networks.values() for network in its)
    assert len(counts) == 15
    assert max(counts.values()) == 2
    assert counts["2001:7:7:7::/64"] == 1


def test_the_limits_count_each_address_of_ipv4(far: tuple[Proxy, int]) -> None:
    found = keys_of(far[1], ["192.0.2.65", "192.0.2.66", "::ffff:192.0.2.65", "::ffff:192.0.2.66"])
    assert len(set(found.values())) == 4
    assert found["192.0.2.65"] == ("\xc0\x00\x02A",) * 2


def test_the_hub_does_not_count_its_own_machine(far: tuple[Proxy, int]) -> None:
    found = keys_of(far[1], ["127.0.0.1", "::1", "::2", "127.0.0.2"])
    assert [address for address, (_walls, hubs) in found.items() if not hubs] == ["127.0.0.1", "::1"]


def test_too_many_requests_of_a_64(far: tuple[Proxy, int]) -> None:
    proxy, _keys = far
    answers = [asked(proxy, get("/login", f"X-Forwarded-For: 2001:db8:1:2::{last}"))[0] for last in range(1, 16)]
    assert 429 in answers
    assert asked(proxy, get("/login", "X-Forwarded-For: 2001:db8:1:3::1"))[0] == 200
