# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the tunnels by which signers without an inbound port dial the provider."""

from __future__ import annotations

import itertools
import typing as t

from .._bundle import tunnel
from .._core import endpoint
from .._core.errors import InvalidInput
from .node import InventoryNode
from .settings import UNKNOWN

VARIABLES = ("signer_tunnel_endpoint",)

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]


def problems(hostvars: HostVars, groups: Groups, nodes: t.Mapping[str, InventoryNode]) -> t.Iterator[str]:
    """Report tunnels that no signer could dial, that end at no node, and those of one machine with one port.

    Args:
        hostvars: the variables of every host.
        groups: the groups of the inventory.
        nodes: all lnd nodes, by host.
    """
    ports: dict[str, int] = {}
    for host, variables in hostvars.items():
        given = variables.get("signer_tunnel_endpoint", UNKNOWN)
        if given is UNKNOWN or given == "":
            continue
        if host not in groups.get("tenants", ()) or nodes[host].shape != "watch_only":
            yield (
                f"{host}: signer_tunnel_endpoint is set, and only a tenant's watch-only node has a signer that could"
                " dial it. Take it out."
            )
            continue
        try:
            tunnel.check_endpoint(str(given))
        except InvalidInput as error:
            yield (
                f"{host}: signer_tunnel_endpoint {error.what}: {given!r}. Set it to the address and the UDP port at"
                " which the tenant reaches the machine of its node, such as 192.0.2.14:51820."
            )
        else:
            ports[host] = endpoint.parse(str(given)).port
    for one, other in itertools.combinations(ports, 2):
        if nodes[one].way == nodes[other].way and ports[one] == ports[other]:
            yield (
                f"The tunnels of {one} and {other} on {nodes[one].machine} have the same port: {ports[one]}. Give one"
                " of them another in signer_tunnel_endpoint."
            )
