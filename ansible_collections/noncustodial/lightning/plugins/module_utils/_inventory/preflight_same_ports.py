# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of an inventory that no two services of a machine listen on one port."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass

from .hub import InventoryHub
from .node import InventoryNode
from .wall import BROUGHT_PROVIDERS, InventoryWall


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    """A service of a machine, its ports, and the variable that changes them."""

    name: str
    machine: str
    way: str
    ports: set[int]
    variable: str


def _service(kind: str, on: InventoryNode | InventoryHub | InventoryWall, ports: set[int], variable: str) -> _Service:
    return _Service(name=f"{kind} of {on.host}", machine=on.machine, way=on.way, ports=ports, variable=variable)


def problems(
    nodes: t.Iterable[InventoryNode], hubs: t.Iterable[InventoryHub], walls: t.Iterable[InventoryWall]
) -> t.Iterator[str]:
    """Report all services that share a machine and a port.

    Args:
        nodes: the lnd nodes that run on machines of this inventory.
        hubs: the hubs.
        walls: the walls & wallets that run.
    """
    services = [_service("lnd", it, {it.rpc_port, it.p2p_port}, "lnd_port_offset") for it in nodes]
    services += [_service("hub", it, {it.port}, "lndhub_port") for it in hubs]
    for it in walls:
        ports = {it.port, it.service_port} if it.provider in BROUGHT_PROVIDERS else {it.port}
        services.append(_service("wall & wallet", it, ports, "wall_wallet_port"))
    for one, other in itertools.combinations(services, 2):
        ports = one.ports & other.ports
        if one.way == other.way and ports:
            yield (
                f"The {one.name} and the {other.name} on {one.machine} have the same ports:"
                f" {', '.join(map(str, sorted(ports)))}. Give one of them another {other.variable}."
            )
