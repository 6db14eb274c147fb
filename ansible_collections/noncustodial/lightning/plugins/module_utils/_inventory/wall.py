# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names, ports and paths of a wall & wallet, which follow from the inventory variables of its hub's node. The one
source of these formulas.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core import endpoint
from .node import node

PORT = 9443
SERVICE_PORT = 4000

# The programs that the role wall_wallet can run, and those of them that are not ours and listen on a port.
PROVIDERS = ("reference", "command", "container", "none")
BROUGHT_PROVIDERS = ("command", "container")


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryWall:
    """One wall & wallet.

    Attributes:
        host: its inventory name, which is that of its hub and of the lnd node.
        name: that node's; it distinguishes units and cookies.
        machine: the address at which Ansible reaches the machine.
        way: how Ansible reaches the machine; two with the same way share a machine.
        provider: the program that runs, one of PROVIDERS.
        user: system user and group.
        unit: the systemd unit that runs it, without a suffix.
        config: directory of its configuration.
        articles: directory of its articles.
        run: directory of its socket.
        socket: the socket on which our own service takes requests, only from the proxy.
        service_port: the port of loopback on which another service takes requests.
        port: the port of the proxy, TLS.
        address: the one at which people reach it.
        url: the URL for people.
    """

    host: str
    name: str
    machine: str
    way: str
    provider: str
    user: str
    unit: str
    config: str
    articles: str
    run: str
    socket: str
    service_port: int
    port: int
    address: str
    url: str


def wall(host: str, variables: t.Mapping[str, t.Any]) -> InventoryWall:
    """Return the wall & wallet that an inventory host describes.

    Args:
        host: its inventory name.
        variables: its variables: wall_wallet_provider, wall_wallet_port, wall_wallet_service_port, wall_wallet_address,
            and those of its node.
    """
    its = node(host, variables)
    offset = int(variables.get("lnd_port_offset", 0))
    provider = str(variables.get("wall_wallet_provider", PROVIDERS[0]))
    port = int(variables.get("wall_wallet_port", PORT + offset))
    address = str(variables.get("wall_wallet_address", its.machine))
    return InventoryWall(
        host=host,
        name=its.name,
        machine=its.machine,
        way=its.way,
        provider=provider,
        user=f"web-{its.name}",
        # podman's generator writes one of the units, which must not get the drop-ins of the other.
        unit=f"wall-container-{its.name}" if provider == "container" else f"wall-wallet@{its.name}",
        config=f"/etc/wall_wallet/{its.name}",
        articles=f"/var/lib/wall_wallet/{its.name}/articles",
        run=f"/run/wall-wallet/{its.name}",
        socket=f"/run/wall-wallet/{its.name}/http",
        service_port=int(variables.get("wall_wallet_service_port", SERVICE_PORT + offset)),
        port=port,
        address=address,
        url=f"https://{endpoint.join(address, port)}",
    )
