# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a wall & wallet lives: names, ports and paths that follow from the inventory variables of its hub's node. The one source of these formulas."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ._node import node

PORT = 9443
SERVICE_PORT = 4000

# What the role wall_wallet can run, and what of that is not ours and listens on a port.
PROVIDERS = ("reference", "command", "container", "none")
BROUGHT = ("command", "container")


@dataclass(frozen=True)
class Wall:
    """One wall & wallet.

    Attributes:
        host: its inventory name, which is that of its hub and of the lnd node.
        name: that node's; it tells apart units and cookies.
        machine: the address by which Ansible reaches the machine.
        provider: what runs, one of PROVIDERS.
        user: system user and group.
        unit: what runs it, without a suffix.
        config: directory of its configuration.
        articles: directory of its articles.
        run: directory of its socket.
        socket: where our own service takes requests, from the proxy alone.
        service_port: where another one does, on loopback.
        port: of the proxy, TLS.
        address: by which people reach it.
        url: where that is.
    """

    host: str
    name: str
    machine: str
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


def wall(host: str, variables: t.Mapping[str, t.Any]) -> Wall:
    """The wall & wallet that an inventory host describes.

    Args:
        host: its inventory name.
        variables: its variables: wall_wallet_provider, wall_wallet_port, wall_wallet_service_port, wall_wallet_address, and those of its node.
    """
    its = node(host, variables)
    offset = int(variables.get("lnd_port_offset", 0))
    provider = str(variables.get("wall_wallet_provider", PROVIDERS[0]))
    port = int(variables.get("wall_wallet_port", PORT + offset))
    address = str(variables.get("wall_wallet_address", its.machine))
    return Wall(
        host=host,
        name=its.name,
        machine=its.machine,
        provider=provider,
        user=f"web-{its.name}",
        # The one is written by podman's generator, and must not have the drop-ins of the other.
        unit=f"wall-container-{its.name}" if provider == "container" else f"wall-wallet@{its.name}",
        config=f"/etc/wall_wallet/{its.name}",
        articles=f"/var/lib/wall_wallet/{its.name}/articles",
        run=f"/run/wall-wallet/{its.name}",
        socket=f"/run/wall-wallet/{its.name}/http",
        service_port=int(variables.get("wall_wallet_service_port", SERVICE_PORT + offset)),
        port=port,
        address=address,
        url=f"https://{address}:{port}",
    )
