# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls & wallets of the topology, as visitors see them: through their proxies."""

from __future__ import annotations

import ssl

import httpx
from regtest import NODES, Regtest, Service


class Wall(Service):
    """One wall & wallet."""

    @property
    def unit(self) -> str:
        """The unit, without a suffix."""
        return f"wall-wallet@{self.node.name}"

    @property
    def user(self) -> str:
        """The user of wall & wallet."""
        return f"web-{self.node.name}"


WALLS = {host: Wall(NODES[host], port) for host, port in (("own-node", 9443), ("acme", 9444), ("globex", 9445))}
# Of tenants that run their own node: one whose wall & wallet are the provider's, and one that has its own.
OTHER_WALLS = {"umbrella": Wall(NODES["umbrella"], 9446, "nodes"), "hooli": Wall(NODES["hooli"], 9443)}
_ALL = WALLS | OTHER_WALLS

# Connects to a host and a port, and prints the result.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5).close()
    print("connected")
except OSError as error:
    print(type(error).__name__)
"""


def url(regtest: Regtest, host: str) -> str:
    """Return the address for visitors."""
    wall = _ALL[host]
    return f"https://{regtest.address(wall.machine)}:{wall.port}"


def certificate(regtest: Regtest, host: str) -> str:
    """Return the certificate, in PEM."""
    wall = _ALL[host]
    return regtest.sh(wall.machine, f"cat /etc/wall_wallet/{wall.node.name}/tls.crt")


def visitor(regtest: Regtest, host: str) -> httpx.Client:
    """Return a client over TLS, which trusts only that certificate."""
    trusted = ssl.create_default_context(cadata=certificate(regtest, host))
    return httpx.Client(base_url=url(regtest, host), verify=trusted, timeout=60)


def connect(regtest: Regtest, machine: str, user: str, host: str, port: int) -> str:
    """Return the result of a connection by a user of a machine."""
    done = regtest.ssh(machine, "runuser", f"--user={user}", "--", "/usr/bin/python3", "-c", CONNECT, host, str(port))
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode().strip()
