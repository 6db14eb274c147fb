# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an lnd node lives: names, ports and paths that follow from its inventory variables. The one source of these formulas."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

RPC_PORT = 10009
P2P_PORT = 9735

# A node's name. With lnd- before it, it is a user, which has at most 32 characters.
NAME = re.compile(r"[a-z][a-z0-9-]{0,27}")

# Groups whose hosts are lnd nodes, and the shape that a host of each has unless its inventory says otherwise.
SHAPES = {"gateways": "own_keys", "own": "own_keys", "tenants": "watch_only", "signers": "signer"}
# Shapes of a tenant's node that the tenant runs itself, on no machine of the provider's. Of one that is external the provider runs the hub.
ELSEWHERE = ("external", "on_premises")


@dataclass(frozen=True)
class Node:
    """One lnd node.

    Attributes:
        host: its inventory name.
        name: instance of the unit lnd@NAME; user lnd-NAME.
        machine: the address by which Ansible reaches the machine; two nodes with the same one share a machine.
        shape: own_keys, watch_only, signer, external or on_premises.
        lnddir: lnd's directory.
        config: directory of its configuration.
        network: mainnet, testnet, signet or regtest.
        rpc_port: of gRPC.
        p2p_port: of the Lightning protocol.
        rpcserver: where a module on the node's own machine reaches it.
        p2p_host: host:port that a peer dials.
        database: PostgreSQL role and database.
    """

    host: str
    name: str
    machine: str
    shape: str
    lnddir: str
    config: str
    network: str
    rpc_port: int
    p2p_port: int
    rpcserver: str
    p2p_host: str
    database: str


def database_connections(maxconnections: int) -> int:
    """How many connections a node's role may have: two pools, the lock, and those that overlap while lnd restarts."""
    return 2 * maxconnections + 1 + 4


def node(host: str, variables: t.Mapping[str, t.Any]) -> Node:
    """The node that an inventory host describes.

    Args:
        host: its inventory name.
        variables: its variables: lnd_name, lnd_port_offset, lnd_network, lnd_shape, lnd_address, ansible_host, group_names.
    """
    name = str(variables.get("lnd_name", host))
    offset = int(variables.get("lnd_port_offset", 0))
    machine = str(variables.get("ansible_host", host))
    groups = variables.get("group_names", ())
    shape = variables.get("lnd_shape") or next((SHAPES[group] for group in groups if group in SHAPES), "own_keys")
    return Node(
        host=host,
        name=name,
        machine=machine,
        shape=str(shape),
        lnddir=f"/var/lib/lnd/{name}",
        config=f"/etc/lnd/{name}",
        network=str(variables.get("lnd_network", "mainnet")),
        rpc_port=RPC_PORT + offset,
        p2p_port=P2P_PORT + offset,
        rpcserver=f"localhost:{RPC_PORT + offset}",
        p2p_host=f"{variables.get('lnd_address', machine)}:{P2P_PORT + offset}",
        database="lnd_" + name.replace("-", "_"),
    )
