# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls & wallets of the topology, as visitors see them: by their proxies."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import httpx
from hubs import address
from regtest import NODES, Node, Regtest


@dataclass(frozen=True)
class Wall:
    """One wall & wallet: the node of its hub, the port of its proxy, and its machine, where that is not the node's."""

    node: Node
    port: int
    elsewhere: str = ""

    @property
    def machine(self) -> str:
        """Its machine."""
        return self.elsewhere or self.node.machine

    @property
    def unit(self) -> str:
        """Its unit, without a suffix."""
        return f"wall-wallet@{self.node.name}"

    @property
    def user(self) -> str:
        """Its user."""
        return f"web-{self.node.name}"


WALLS = {host: Wall(NODES[host], port) for host, port in (("own-node", 9443), ("acme", 9444), ("globex", 9445))}
# Of tenants that run their own node: one whose wall & wallet are the provider's, and one that has its own.
OTHER_WALLS = {"umbrella": Wall(NODES["umbrella"], 9446, "nodes"), "hooli": Wall(NODES["hooli"], 9443)}
_ALL = WALLS | OTHER_WALLS

# Connects to a host and a port, and says what came of it.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5).close()
    print("connected")
except OSError as error:
    print(type(error).__name__)
"""


def url(regtest: Regtest, host: str) -> str:
    """Where visitors find it."""
    wall = _ALL[host]
    return f"https://{address(regtest, wall.machine)}:{wall.port}"


def certificate(regtest: Regtest, host: str) -> str:
    """Its certificate, PEM."""
    wall = _ALL[host]
    return regtest.sh(wall.machine, f"cat /etc/wall_wallet/{wall.node.name}/tls.crt")


def visitor(regtest: Regtest, host: str) -> httpx.Client:
    """Speaks to wall & wallet by TLS, and trusts its certificate alone."""
    trusted = ssl.create_default_context(cadata=certificate(regtest, host))
    return httpx.Client(base_url=url(regtest, host), verify=trusted, timeout=60)


def connect(regtest: Regtest, machine: str, user: str, host: str, port: int) -> str:
    """What comes of a connection by a user of a machine."""
    done = regtest.ssh(machine, "runuser", f"--user={user}", "--", "/usr/bin/python3", "-c", CONNECT, host, str(port))
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode().strip()
