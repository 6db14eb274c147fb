# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The own node's hub: sandboxed, with its own credentials, behind TLS."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from hubs import HUBS, client
from regtest import Regtest

HUB = HUBS["own-node"]
# Prints the status of a request to the hub's own socket; the token comes on standard input.
BY_SOCKET = """
import http.client, socket, sys
connection = http.client.HTTPConnection("hub")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/run/lndhub/own-node/http")
connection.request("GET", sys.argv[1], headers={"Authorization": "Bearer " + sys.stdin.read()})
print(connection.getresponse().status)
"""
# Wrong logins, each said to come from somewhere else; prints what was answered.
GUESS = """
import json, ssl, sys, urllib.error, urllib.request
context = ssl._create_unverified_context()
for number in range(15):
    body = json.dumps({"login": "nobody%d" % number, "password": "wrong"}).encode()
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "192.0.2.%d" % number}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/auth", body, headers), context=context)
    except urllib.error.HTTPError as refused:
        answer = refused
    print(answer.read().decode())
"""


def test_runs_sandboxed(regtest: Regtest) -> None:
    assert regtest.machine("own").service(f"{HUB.unit}.service").is_running
    for unit in (f"lndhub{kind}@own-node.service" for kind in ("", "-migrate", "-backup", "-fill", "-restore")):
        exposure = regtest.sh("own", f"systemd-analyze --no-pager security {unit} | grep 'Overall exposure'")
        assert float(exposure.split()[-3]) <= 2.0, exposure


def test_the_sandbox_is_in_force(regtest: Regtest) -> None:
    """systemd in a container may leave a sandbox out without a message, so the test asks the kernel about the running
    process.
    """
    pid = regtest.sh("own", f"systemctl show --value --property=MainPID {HUB.unit}.service")
    facts = dict(
        line.split(":\t", 1) for line in regtest.sh("own", f"cat /proc/{pid}/status").splitlines() if ":\t" in line
    )
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert int(facts["CapBnd"], 16) == 0
    assert regtest.sh("own", f"ps -o user:40= -p {pid}").strip() == HUB.user
    assert regtest.ssh("own", "nsenter", f"--target={pid}", "--mount", "touch", "/usr/written").returncode != 0


def test_its_credentials_are_there_and_nowhere_else(regtest: Regtest) -> None:
    there = regtest.sh("own", f"ls /run/credentials/{HUB.unit}.service").split()
    assert there == ["admin_token", "jwt_key", "macaroon", "metrics_token", "pgpass", "tls.cert"]
    pid = regtest.sh("own", f"systemctl show --value --property=MainPID {HUB.unit}.service")
    seen = regtest.sh(
        "own",
        f"cat /proc/{pid}/environ /proc/{pid}/cmdline /etc/lndhub/own-node/*.json /etc/lndhub/own-node/*.conf | tr"
        " '\\0' '\\n'",
    )
    for name in ("admin_token", "jwt_key", "metrics_token"):
        assert regtest.unsealed("own", HUB.unit, name).decode() not in seen
    assert regtest.unsealed("own", HUB.unit, "pgpass").decode().strip().rpartition(":")[2] not in seen


def test_it_says_that_it_is_well(regtest: Regtest) -> None:
    with client(regtest, "own-node") as http:
        answer = http.get("/healthz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "database": "ok", "node": "ok", "signer": "ok"},
    )


def test_plain_http_is_refused(regtest: Regtest) -> None:
    own = regtest.address("own")
    assert httpx.get(f"http://{own}:{HUB.port}/healthz").status_code == 400
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own, 80), timeout=5)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/docs/../metrics"])
def test_the_proxy_passes_no_metrics(regtest: Regtest, path: str) -> None:
    token = regtest.unsealed("own", HUB.unit, "metrics_token")
    with client(regtest, "own-node") as http:
        # As it is written: //metrics would be another host's address.
        url = http.base_url.copy_with(raw_path=path.encode())
        answer = http.get(url, headers={"Authorization": f"Bearer {token.decode()}"}, follow_redirects=True)
    assert answer.status_code == 404
    assert "lndhub_books" not in answer.text
    # Though they are there, for that token.
    assert regtest.ssh("own", "/usr/bin/python3", "-c", BY_SOCKET, "/metrics", data=token).stdout == b"200\n"


def test_who_guesses_passwords_is_known_by_the_proxy(regtest: Regtest) -> None:
    """The proxy's word counts, whatever address the client names."""
    said = (
        regtest.ssh("gateway", "/usr/bin/python3", "-c", GUESS, f"https://own:{HUB.port}").stdout.decode().splitlines()
    )
    codes = [json.loads(line)["code"] for line in said]
    assert len(codes) == 15
    assert codes[0] == 1
    assert codes[-1] != 1


DENIED = [
    "lnrpc.Lightning/SendCoins",
    "lnrpc.Lightning/BakeMacaroon",
    "lnrpc.Lightning/BatchOpenChannel",
    "lnrpc.Lightning/CloseChannel",
    "lnrpc.Lightning/NewAddress",
    "lnrpc.Lightning/WalletBalance",
    "lnrpc.Lightning/ExportAllChannelBackups",
    "walletrpc.WalletKit/FinalizePsbt",
    "walletrpc.WalletKit/ListAccounts",
]


@pytest.mark.parametrize("method", DENIED)
def test_what_its_macaroon_cannot_do(regtest: Regtest, method: str) -> None:
    macaroon = regtest.unsealed("own", HUB.unit, "macaroon")
    answer = regtest.call("own", "localhost:10009", "/var/lib/lnd/own-node/tls.cert", macaroon, method)
    assert answer.get("error") == "Denied", answer


def test_what_its_macaroon_can_do(regtest: Regtest) -> None:
    macaroon = regtest.unsealed("own", HUB.unit, "macaroon")
    assert "answer" in regtest.call(
        "own", "localhost:10009", "/var/lib/lnd/own-node/tls.cert", macaroon, "lnrpc.Lightning/GetInfo"
    )
