# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of ports by themselves: whether there is such a port."""

from __future__ import annotations

import typing as t

from . import hub, node, wall
from .node import ELSEWHERE_SHAPES, InventoryNode
from .settings import UNKNOWN

_LARGEST_PORT = 65535
# Variables that are ports, of any host.
VARIABLES = (
    "bitcoind_zmq_block_port",
    "bitcoind_zmq_tx_port",
    "handover_port",
    "lnd_bitcoind_rpc_port",
    "lnd_bitcoind_zmq_block_port",
    "lnd_bitcoind_zmq_tx_port",
    "lndhub_port",
    "signer_port",
    "signer_ssh_port",
    "wall_wallet_port",
    "wall_wallet_service_port",
)

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]


def problems(hostvars: HostVars, groups: Groups, nodes: t.Mapping[str, InventoryNode]) -> t.Iterator[str]:
    """Report ports that no machine has.

    Args:
        hostvars: the variables of every host.
        groups: the groups of the inventory.
        nodes: all lnd nodes, by host.
    """
    for host, variables in hostvars.items():
        for name in VARIABLES:
            if variables.get(name, UNKNOWN) is not UNKNOWN and not _is_port(variables[name]):
                yield f"{host}: {name} is {variables[name]!r}, and must be a port from 1 to {_LARGEST_PORT}."
    for host, one in nodes.items():
        variables = hostvars[host]
        ports = {} if one.shape in ELSEWHERE_SHAPES else {"of peers": node.P2P_PORT, "of gRPC": node.RPC_PORT}
        if host in groups.get("hubs", ()) and "lndhub_port" not in variables:
            ports["of its hub"] = hub.PORT
        if host in groups.get("walls", ()):
            if "wall_wallet_port" not in variables:
                ports["of its wall & wallet"] = wall.PORT
            if "wall_wallet_service_port" not in variables:
                ports["of its wall & wallet on loopback"] = wall.SERVICE_PORT
        offset = int(variables.get("lnd_port_offset", 0))
        beyond = {what: port + offset for what, port in ports.items() if port + offset > _LARGEST_PORT}
        if beyond:
            told = ", ".join(f"{port} {what}" for what, port in beyond.items())
            yield (
                f"{host}: lnd_port_offset is {offset}, and there are no such ports: {told}. Set lnd_port_offset to at"
                f" most {_LARGEST_PORT - max(ports.values())}; a small number for each node of a machine is enough."
            )


def _is_port(value: object) -> bool:
    return str(value).isascii() and str(value).isdecimal() and 1 <= int(str(value)) <= _LARGEST_PORT
