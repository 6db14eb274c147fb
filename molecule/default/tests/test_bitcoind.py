# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's user of bitcoind may call what lnd calls, and nothing else."""

from __future__ import annotations

import pytest
from regtest import Regtest

# Prints the HTTP status of a call; user and password come on standard input.
CALL = """
import base64, http.client, json, sys
connection = http.client.HTTPConnection("chain", 18443, timeout=10)
credentials = base64.b64encode(sys.stdin.buffer.read().strip()).decode()
body = json.dumps({"method": sys.argv[1], "params": []})
connection.request("POST", "/", body, {"Authorization": "Basic " + credentials})
print(connection.getresponse().status)
"""


def status(regtest: Regtest, machine: str, method: str, credentials: bytes) -> int:
    """Return bitcoind's status for a call from a machine."""
    return int(regtest.ssh(machine, "/usr/bin/python3", "-c", CALL, method, data=credentials).stdout)


@pytest.fixture
def cookie(regtest: Regtest) -> bytes:
    """Return the gateway's user and password."""
    return regtest.unsealed("gateway", "lnd@gateway", "bitcoind-cookie")


@pytest.mark.parametrize("method", ["getblockchaininfo", "getnetworkinfo"])
def test_what_lnd_needs(regtest: Regtest, cookie: bytes, method: str) -> None:
    assert status(regtest, "gateway", method, cookie) == 200


@pytest.mark.parametrize(
    "method",
    [
        "stop",
        "listwallets",
        "getnewaddress",
        "sendtoaddress",
        "generatetoaddress",
        "addnode",
        "setban",
        "invalidateblock",
        "listdescriptors",
    ],
)
def test_what_lnd_does_not_need(regtest: Regtest, cookie: bytes, method: str) -> None:
    assert status(regtest, "gateway", method, cookie) == 403


def test_another_password(regtest: Regtest, cookie: bytes) -> None:
    assert status(regtest, "gateway", "getblockchaininfo", cookie.partition(b":")[0] + b":wrong") == 401


def test_another_nodes_user(regtest: Regtest, cookie: bytes) -> None:
    """Each has a password of its own."""
    assert status(regtest, "gateway", "getblockchaininfo", cookie.replace(b"lnd_gateway", b"lnd_own_node")) == 401


def test_bitcoind_knows_no_password(regtest: Regtest, cookie: bytes) -> None:
    password = cookie.partition(b":")[2].decode().strip()
    assert password not in regtest.sh("chain", "cat /etc/bitcoind/conf.d/*.conf /var/lib/bitcoind/bitcoin.conf")
