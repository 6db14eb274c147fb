# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory alone shows to be wrong, before any machine is touched."""

from __future__ import annotations

import difflib
import ipaddress
import itertools
import re
import typing as t

from . import _preflight_hubs, _preflight_shapes, _preflight_walls
from ._lnd.kit import TENANT
from ._node import ELSEWHERE, NAME, SHAPES, Node, database_connections, node

_PROVIDER_GROUPS = ("bitcoind", "postgres", "gateways", "own", "tenants", "hubs", "walls")
# Where a node's addresses are told; bitcoind and PostgreSQL let in no others.
_ADDRESSES = ("lnd_source_addresses", "bitcoind_node_addresses", "postgres_node_addresses")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]+(/[0-9]+)?")

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]
Specs = t.Mapping[str, t.Mapping[str, t.Any]]
Origin = t.Callable[[str], str]


def problems(
    hostvars: HostVars, groups: Groups, defaults: Variables, specs: Specs | None = None, origin: Origin = lambda name: ""
) -> list[str]:
    """All that is wrong, each as one text that names the hosts and the cure.

    Args:
        hostvars: the variables of every host of the inventory, whatever the run is limited to.
        groups: the groups of the inventory.
        defaults: the roles' defaults of the variables that a host does not set.
        specs: each role's meta/argument_specs.yml; without them no variable is unknown.
        origin: where a variable's name was read, or an empty text.
    """
    # Ansible puts a host's variables together anew at each access.
    hostvars = {host: hostvars[host] for host in hostvars}
    unknown = [*_unknown(hostvars, specs or {}, origin)]
    hosts = sorted({host for group in SHAPES for host in groups.get(group, ())})
    numbers = [*_no_numbers(hosts, hostvars, ("lnd_port_offset", "lnd_postgres_maxconnections"))]
    numbers += _no_numbers(groups.get("postgres", ()), hostvars, ("postgres_max_connections", "postgres_reserved_connections"))
    numbers += _no_numbers(groups.get("hubs", ()), hostvars, ("lnd_port_offset", *_preflight_hubs.NUMBERS))
    numbers += _no_numbers(groups.get("walls", ()), hostvars, ("lnd_port_offset", *_preflight_walls.NUMBERS))
    if numbers:
        return unknown + numbers
    nodes = {host: node(host, hostvars[host]) for host in hosts}
    running = {host: one for host, one in nodes.items() if one.shape not in ELSEWHERE}
    on_chain = {host: one for host, one in running.items() if one.shape != "signer"}
    servers = {host: _server(hostvars[host], groups) for host in on_chain}
    return [
        *unknown,
        *_preflight_shapes.problems(hostvars, groups, nodes),
        *_signers(hostvars, groups),
        *_other_chain(groups.get("bitcoind", ()), hostvars),
        *_no_addresses(on_chain | {host: nodes[host] for host in groups.get("hubs", ()) if host in nodes}, hostvars),
        *_names(running, groups.get("tenants", ()), hostvars),
        *_same_name(running),
        *_same_seed_file(running, hostvars),
        *_other_versions(running, hostvars, defaults),
        *_same_ports(running),
        *_same_database(running, servers),
        *_preflight_hubs.problems(hostvars, groups, defaults, running, lambda host: _server(hostvars[host], groups)),
        *_preflight_walls.problems(hostvars, groups, running),
        *_small_servers(servers, hostvars, groups, defaults),
    ]


def _unknown(hostvars: HostVars, specs: Specs, origin: Origin) -> t.Iterator[str]:
    """Variables with a role's prefix that no role takes. What roles register or set themselves begins with an underscore, and is not among them."""
    known = sorted({name for spec in specs.values() for entry in spec["argument_specs"].values() for name in entry.get("options") or ()})
    prefixes = tuple(f"{role}_" for role in specs)
    hosts: dict[tuple[str, str], list[str]] = {}
    for host, variables in hostvars.items():
        for name in {name for name in variables if name.startswith(prefixes)}.difference(known):
            hosts.setdefault((name, origin(name)), []).append(host)
    for (name, where), its in sorted(hosts.items()):
        prefix = max(filter(name.startswith, prefixes), key=len)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        cure = f"Did you mean {near[0]}? " if near else "Take it out. "
        yield (
            f"{', '.join(sorted(its))}: {name}{where and f' ({where})'} is no variable of any role. "
            f"{cure}A variable of your own must not begin with {prefix}."
        )


def _no_numbers(hosts: t.Iterable[str], hostvars: HostVars, names: t.Sequence[str]) -> t.Iterator[str]:
    for host, name in itertools.product(hosts, names):
        value = hostvars[host].get(name, 0)
        if not str(value).isdecimal():
            yield f"{host}: {name} is {value!r}, and must be a whole number from 0 on."


def _signers(hostvars: HostVars, groups: Groups) -> t.Iterator[str]:
    """A signer holds a tenant's keys, and must be where the provider is not."""
    provider = [(group, host) for group in _PROVIDER_GROUPS for host in groups.get(group, ())]
    for signer in groups.get("signers", ()):
        for group, host in provider:
            if host == signer:
                yield f"{signer} is in the groups signers and {group}. The provider must not have a tenant's keys: take it out of one of them."
            elif _machine(host, hostvars) == _machine(signer, hostvars):
                yield (
                    f"The signer {signer} and {host} of the group {group} are on one machine, {_machine(host, hostvars)}. "
                    f"The provider must not have a tenant's keys: give the signer a machine of the tenant's."
                )


def _other_chain(hosts: t.Iterable[str], hostvars: HostVars) -> t.Iterator[str]:
    """By the package's name alone; the role asks the program itself before it starts it."""
    for host in hosts:
        its = hostvars[host]
        package, network = str(its.get("bitcoind_package", "")), str(its.get("bitcoind_network", "mainnet"))
        if its.get("bitcoind_install_method") == "package" and "knots" in package.lower() and network != "regtest":
            yield (
                f"{host}: bitcoind_package is {package}, and bitcoind_network {network}. Bitcoin Knots left Bitcoin's chain at block 961,632, and "
                f"what is paid on its branch is lost. Set bitcoind_install_method to release; only regtest takes another program than Bitcoin Core."
            )


def _names(nodes: t.Mapping[str, Node], tenants: t.Iterable[str], hostvars: HostVars) -> t.Iterator[str]:
    for host, one in nodes.items():
        if not NAME.fullmatch(one.name):
            yield (
                f"{host}: lnd_name is {one.name!r}, and users and databases are named by it. Set lnd_name to a letter and up to 27 letters, digits "
                f"and hyphens, all small."
            )
    for host in tenants:
        name = str(hostvars[host].get("tenant_name", host))
        if not TENANT.fullmatch(name):
            yield (
                f"{host}: tenant_name is {name!r}, and the tenant would refuse a kit for it. Set tenant_name to at most 63 small letters, digits "
                f"and hyphens, with no hyphen at either end."
            )


def _no_addresses(nodes: t.Mapping[str, Node], hostvars: HostVars) -> t.Iterator[str]:
    """bitcoind does not start with an address that it cannot read, so that of one node would stop it for all."""
    for host, one in nodes.items():
        told = {name: hostvars[host][name] for name in _ADDRESSES if name in hostvars[host]}
        for name, values in ({"lnd_source_addresses": [one.machine]} | told).items():
            if not isinstance(values, list):
                yield f"{host}: {name} must be a list of addresses or networks, and {values!r} is no list."
                continue
            origin = "" if name in told else ", by default ansible_host,"
            for value in itertools.filterfalse(_is_address, values):
                yield (
                    f"{host}: {name} must be addresses or networks; {value}{origin} is none. bitcoind takes no names, and no network with an "
                    f"address in it (10.0.0.1/24). Set {name} to the addresses from which the node comes."
                )


def _is_address(value: object) -> bool:
    """As bitcoind takes it too, which knows no zone and no inverted mask."""
    try:
        return bool(_ADDRESS.fullmatch(str(value)) and ipaddress.ip_network(str(value)))
    except ValueError:
        return False


def _machine(host: str, hostvars: HostVars) -> str:
    return str(hostvars[host].get("ansible_host", host))


def _pairs(hosts: t.Iterable[str]) -> t.Iterator[tuple[str, str]]:
    return itertools.combinations(sorted(hosts), 2)


def _same_name(nodes: t.Mapping[str, Node]) -> t.Iterator[str]:
    for one, other in _pairs(nodes):
        if nodes[one].machine == nodes[other].machine and nodes[one].name == nodes[other].name:
            yield f"{one} and {other} on {nodes[one].machine} have the same lnd_name, {nodes[one].name}. Give one of them another."


def _same_seed_file(nodes: t.Mapping[str, Node], hostvars: HostVars) -> t.Iterator[str]:
    """The file on the controller would hold the seed of one, and the other would be refused its own, or be left without a copy."""
    for one, other in _pairs(host for host, its in nodes.items() if its.shape != "watch_only"):
        path = hostvars[one].get("lnd_seed_dest")
        if path and path == hostvars[other].get("lnd_seed_dest"):
            yield f"{one} and {other} have the same lnd_seed_dest, {path}. Each has a seed of its own: name the file by the host."


def _other_versions(nodes: t.Mapping[str, Node], hostvars: HostVars, defaults: Variables) -> t.Iterator[str]:
    """The lnd of a machine is that of all its nodes, so that one would be upgraded by another, and be newer than its signer."""
    versions = {host: str(hostvars[host].get("lnd_version", defaults.get("lnd_version", ""))) for host in nodes}
    for machine in sorted({one.machine for one in nodes.values()}):
        its = {host: versions[host] for host, one in nodes.items() if one.machine == machine}
        if len(set(its.values())) > 1:
            told = ", ".join(f"{host} {version}" for host, version in its.items())
            yield f"The nodes on {machine} have one lnd, and different lnd_version: {told}. Give them the same, or machines of their own."


def _same_ports(nodes: t.Mapping[str, Node]) -> t.Iterator[str]:
    for one, other in _pairs(nodes):
        mine, theirs = ({nodes[host].rpc_port, nodes[host].p2p_port} for host in (one, other))
        if nodes[one].machine == nodes[other].machine and mine & theirs:
            ports = ", ".join(str(port) for port in sorted(mine & theirs))
            yield f"{one} and {other} on {nodes[one].machine} have the same ports: {ports}. Give one of them another lnd_port_offset."


def _server(variables: Variables, groups: Groups) -> str:
    return str(variables.get("lnd_postgres_host") or next(iter(groups.get("postgres", ())), ""))


def _same_database(nodes: t.Mapping[str, Node], servers: t.Mapping[str, str]) -> t.Iterator[str]:
    for one, other in _pairs(servers):
        if servers[one] == servers[other] and nodes[one].database == nodes[other].database:
            yield (
                f"{one} and {other} have the same database, {nodes[one].database} on {servers[one]}. Two nodes on one database lose money: "
                f"give one of them another lnd_name."
            )


def _small_servers(servers: t.Mapping[str, str], hostvars: HostVars, groups: Groups, defaults: Variables) -> t.Iterator[str]:
    for server in sorted(set(servers.values()) & set(groups.get("postgres", ()))):
        users = [host for host, its in servers.items() if its == server]
        needed = sum(database_connections(_number(hostvars[host], defaults, "lnd_postgres_maxconnections")) for host in users)
        hubs = [host for host in groups.get("hubs", ()) if _server(hostvars[host], groups) == server]
        needed += sum(_number(hostvars[host], defaults, "lndhub_postgres_maxconnections") for host in hubs)
        reserved = _number(hostvars[server], defaults, "postgres_reserved_connections")
        limit = _number(hostvars[server], defaults, "postgres_max_connections")
        if needed + reserved > limit:
            yield (
                f"PostgreSQL on {server} has postgres_max_connections {limit}, and {', '.join(sorted(users + hubs))} need {needed} "
                f"(2 x lnd_postgres_maxconnections + 5 for each lnd) beside {reserved} in reserve. "
                f"Raise postgres_max_connections to {needed + reserved} or more, or lower lnd_postgres_maxconnections."
            )


def _number(variables: Variables, defaults: Variables, name: str) -> int:
    return int(variables.get(name, defaults.get(name, 0)))
