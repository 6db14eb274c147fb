# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names, ports and paths of an lnd node, which follow from its inventory variables. The one source of these
formulas.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core import endpoint
from .._core.networks import chain_directory
from .lnd_options import VERSION
from .ssh_way import ssh_way

RPC_PORT = 10009
P2P_PORT = 9735
# The role's default.
POSTGRES_MAXCONNECTIONS = 20

# How Ansible reaches one of several machines behind one address.
WAY = ("ansible_port", "ansible_ssh_common_args")

# Groups whose hosts are lnd nodes, and the shape that a host of each has unless its inventory sets another.
SHAPES = {"gateways": "own_keys", "own": "own_keys", "tenants": "watch_only", "signers": "signer"}
# Shapes of a tenant's node that the tenant runs itself, on no machine of the provider's. For an external one the
# provider runs the hub.
ELSEWHERE_SHAPES = ("external", "on_premises")


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryNode:
    """One lnd node.

    Attributes:
        host: its inventory name.
        name: instance of the unit lnd@NAME; user lnd-NAME.
        machine: the address at which Ansible reaches the machine.
        way: how Ansible reaches the machine; two nodes with the same way share a machine.
        shape: own_keys, watch_only, signer, external or on_premises.
        lnddir: lnd's directory.
        chain_directory: the part of lnddir with wallet and macaroons.
        config: directory of its configuration.
        sealed: beginning of the paths of its sealed credentials; a dot and the credential's name follow.
        credentials: directory in which systemd shows its unit the unsealed credentials.
        network: mainnet, testnet, signet or regtest.
        version: the version of its lnd.
        rpc_port: the port of gRPC.
        p2p_port: the port of the Lightning protocol.
        rpcserver: the address for a module on the node's own machine.
        connection: the options of a module there that calls it: rpcserver, lnddir and network.
        p2p_host: host:port that a peer dials.
        source_addresses: addresses and networks from which it reaches bitcoind and PostgreSQL.
        bitcoind_host: the inventory host whose bitcoind it uses; empty if there is none. If lnd_bitcoind_host is not
            known before a task runs, the first of the group.
        postgres_host: the inventory host whose PostgreSQL it uses; empty if there is none.
        postgres_maxconnections: connections of each of its two pools.
        database: PostgreSQL role and database.
        backup_host: the inventory host that keeps its backups; empty if there is none, or if lnd_backup_host is not
            known before a task runs.
    """

    host: str
    name: str
    machine: str
    way: str
    shape: str
    lnddir: str
    chain_directory: str
    config: str
    sealed: str
    credentials: str
    network: str
    version: str
    rpc_port: int
    p2p_port: int
    rpcserver: str
    connection: dict[str, str]
    p2p_host: str
    source_addresses: list[str]
    bitcoind_host: str
    postgres_host: str
    postgres_maxconnections: int
    database: str
    backup_host: str


def way(host: str, variables: t.Mapping[str, t.Any]) -> str:
    """Return how Ansible reaches a host. Two hosts that it reaches in the same way are one machine; behind one address
    there may be several.
    """
    port, arguments = (variables.get(name) or "" for name in WAY)
    leads = {"port": "22"} | ssh_way(str(arguments)) | ({"port": str(port)} if port else {})
    return " ".join((str(variables.get("ansible_host", host)), *map("=".join, sorted(leads.items()))))


def database_connections(maxconnections: int) -> int:
    """Return the connection limit of a node's role: two pools, the lock, and connections that overlap while lnd
    restarts.
    """
    return 2 * maxconnections + 1 + 4


def node(host: str, variables: t.Mapping[str, t.Any]) -> InventoryNode:
    """Return the node that an inventory host describes.

    Args:
        host: its inventory name.
        variables: its variables: those named below, and of Ansible's own ansible_host, group_names and groups.
    """
    name = str(variables.get("lnd_name", host))
    offset = int(variables.get("lnd_port_offset", 0))
    machine = str(variables.get("ansible_host", host))
    groups = variables.get("group_names", ())
    shape = variables.get("lnd_shape") or next((SHAPES[group] for group in groups if group in SHAPES), "own_keys")
    sources = variables.get("lnd_source_addresses", [machine])
    lnddir, rpcserver = f"/var/lib/lnd/{name}", f"localhost:{RPC_PORT + offset}"
    network = str(variables.get("lnd_network", "mainnet"))
    return InventoryNode(
        host=host,
        name=name,
        machine=machine,
        way=way(host, variables),
        shape=str(shape),
        lnddir=lnddir,
        chain_directory=chain_directory(lnddir, network),
        config=f"/etc/lnd/{name}",
        sealed=f"/etc/credstore.encrypted/lnd@{name}",
        credentials=f"/run/credentials/lnd@{name}.service",
        network=network,
        version=str(variables.get("lnd_version", VERSION)),
        rpc_port=RPC_PORT + offset,
        p2p_port=P2P_PORT + offset,
        rpcserver=rpcserver,
        connection={"rpcserver": rpcserver, "lnddir": lnddir, "network": network},
        p2p_host=endpoint.join(str(variables.get("lnd_address", machine)), P2P_PORT + offset),
        source_addresses=[str(one) for one in sources] if isinstance(sources, list) else [str(sources)],
        bitcoind_host=_server(variables, "bitcoind"),
        postgres_host=_server(variables, "postgres"),
        postgres_maxconnections=int(variables.get("lnd_postgres_maxconnections", POSTGRES_MAXCONNECTIONS)),
        database="lnd_" + name.replace("-", "_"),
        backup_host=str(variables.get("lnd_backup_host", "")),
    )


def _server(variables: t.Mapping[str, t.Any], group: str) -> str:
    """Return the host that a node's lnd_GROUP_host names, or else the first one of the group."""
    return str(variables.get(f"lnd_{group}_host") or next(iter(variables.get("groups", {}).get(group, ())), ""))
