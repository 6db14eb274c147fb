# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory alone shows to be wrong with its hubs."""

from __future__ import annotations

import itertools
import typing as t

from ._hub import PROVIDERS, SPARE_CONNECTIONS, Hub, hub
from ._lnd.errors import InvalidInput
from ._lnd.versions import older
from ._node import Node

# Variables of a hub that are numbers.
NUMBERS = ("lndhub_port", "lndhub_go_port", "lndhub_postgres_maxconnections")

# Nodes of these groups may have a hub; site and provision_tenant set it up.
_NODE_GROUPS = ("own", "tenants")
# The first lnd without the call by which every released lndhub.go pays.
_WITHOUT_SEND_PAYMENT = "0.21.0-beta"

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]


def problems(
    hostvars: HostVars, groups: Groups, defaults: Variables, nodes: t.Mapping[str, Node], server: t.Callable[[str], str]
) -> t.Iterator[str]:
    """All that is wrong with the hubs.

    Args:
        hostvars: the variables of every host.
        groups: the groups of the inventory.
        defaults: the roles' defaults of the variables that a host does not set.
        nodes: the lnd nodes that run on machines of this inventory, by host.
        server: gives the inventory host whose PostgreSQL a host uses.
    """
    hosts = groups.get("hubs", ())
    with_node = {host for group in _NODE_GROUPS for host in groups.get(group, ())}
    hubs = {host: hub(host, hostvars[host]) for host in sorted(hosts) if host in with_node}
    for host in sorted(set(hosts) - with_node):
        yield f"{host} is in the group hubs and in none of {', '.join(_NODE_GROUPS)}. A hub belongs to the lnd node of its own host: put it there."
    for host in hubs:
        yield from _provider(host, {**defaults, **hostvars[host]})
    yield from _same_ports(hubs, nodes, hostvars)
    for one, other in itertools.combinations(hubs, 2):
        if server(one) == server(other) and hubs[one].database == hubs[other].database:
            yield (
                f"The hubs of {one} and {other} have the same database, {hubs[one].database} on {server(one)}. They would share their users' money: "
                f"give one of them another lnd_name."
            )


def _provider(host: str, variables: Variables) -> t.Iterator[str]:
    provider = variables.get("lndhub_provider", PROVIDERS[0])
    if provider not in PROVIDERS:
        yield f"{host}: lndhub_provider is {provider!r}. Choose one of {', '.join(PROVIDERS)}."
    connections = int(variables.get("lndhub_postgres_maxconnections", SPARE_CONNECTIONS + 1))
    if connections <= SPARE_CONNECTIONS:
        yield (
            f"{host}: lndhub_postgres_maxconnections is {connections}. {SPARE_CONNECTIONS} of them are for migrations, backups and restarts: "
            f"raise it to {SPARE_CONNECTIONS + 1} or more."
        )
    if provider != "lndhub_go":
        return
    if not variables.get("lndhub_go_binary"):
        yield f"{host}: lndhub_provider is lndhub_go, which this collection does not bring. Set lndhub_go_binary to the program on the controller."
    version = str(variables.get("lnd_version", ""))
    if not variables.get("lndhub_go_patched") and not _pays(version):
        yield (
            f"{host}: lndhub_provider is lndhub_go, and lnd_version {version}. lnd has had no SendPaymentSync since 0.21, so that every released lndhub.go "
            f"(up to 1.0.2) takes deposits and cannot pay. Leave lndhub_provider out, or set lndhub_go_patched to true for a build that pays otherwise."
        )


def _pays(version: str) -> bool:
    """Whether a released lndhub.go can pay by such an lnd. A version that cannot be read is taken for a newer one."""
    try:
        return older(version, _WITHOUT_SEND_PAYMENT)
    except InvalidInput:
        return False


def _same_ports(hubs: t.Mapping[str, Hub], nodes: t.Mapping[str, Node], hostvars: HostVars) -> t.Iterator[str]:
    used = [(f"the lnd of {host}", one.machine, {one.rpc_port, one.p2p_port}) for host, one in nodes.items()]
    used += [(f"the hub of {host}", one.machine, ports(one, hostvars[host])) for host, one in hubs.items()]
    of_hubs = range(len(nodes), len(used))
    for index, other in itertools.product(range(len(used)), of_hubs):
        (first, machine, mine), (second, its, theirs) = used[index], used[other]
        if index < other and machine == its and mine & theirs:
            both = ", ".join(str(port) for port in sorted(mine & theirs))
            yield f"{first[0].upper()}{first[1:]} and {second} on {machine} have the same ports: {both}. Give one of them another lndhub_port."


def ports(one: Hub, variables: Variables) -> set[int]:
    """The ports on which a hub's machine listens for it."""
    return {one.port, one.go_port} if variables.get("lndhub_provider") == "lndhub_go" else {one.port}
