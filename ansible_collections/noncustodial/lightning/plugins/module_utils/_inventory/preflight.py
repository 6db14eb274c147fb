# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of an inventory that need no connection, before any machine is changed."""

from __future__ import annotations

import difflib
import ipaddress
import itertools
import re
import typing as t

from .._bundle.kit import TENANT
from .._core.ids import NAME, NAME_IN_WORDS
from . import (
    preflight_addresses,
    preflight_hubs,
    preflight_names,
    preflight_ports,
    preflight_same_ports,
    preflight_shapes,
    preflight_taproot,
    preflight_tunnels,
    preflight_values,
    preflight_walls,
)
from .hub import InventoryHub, hub
from .node import ELSEWHERE_SHAPES, SHAPES, WAY, InventoryNode, database_connections, node, way
from .settings import SETTINGS, Undefined, with_known_settings
from .wall import wall

_PROVIDER_GROUPS = ("bitcoind", "postgres", "gateways", "own", "tenants", "hubs", "walls")
# The variables with a node's addresses; bitcoind and PostgreSQL let in no others.
_ADDRESSES = ("lnd_source_addresses", "bitcoind_node_addresses", "postgres_node_addresses")
# Defaults of the role postgres.
POSTGRES = {"postgres_max_connections": 400, "postgres_reserved_connections": 20}
# Of a role's name that is mistyped, from 0 to 1.
_LIKENESS = 0.8
_DOUBLED = re.compile(r"(.)\1+")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]+(/[0-9]+)?")

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]
Specs = t.Mapping[str, t.Mapping[str, t.Any]]
Origin = t.Callable[[str], str]


def problems(
    hostvars: HostVars,
    groups: Groups,
    specs: Specs | None = None,
    origin: Origin = lambda name: "",
    undefined: Undefined = (),
) -> list[str]:
    """Return all problems, each as one text that names the hosts and the cure.

    Args:
        hostvars: the variables of every host of the inventory, whatever the run is limited to.
        groups: the groups of the inventory.
        specs: each role's meta/argument_specs.yml; without them no variable is unknown.
        origin: returns the place where a variable's name was read, or an empty text.
        undefined: the errors of a value that refers to a variable which is not there.
    """
    # Ansible collects a host's variables anew at each access.
    names = (
        *SETTINGS,
        *preflight_ports.VARIABLES,
        *preflight_addresses.VARIABLES,
        *preflight_names.VARIABLES,
        *preflight_tunnels.VARIABLES,
        *WAY,
    )
    hostvars = {host: with_known_settings(hostvars[host], undefined, names) for host in hostvars}
    unknown = [*_unknown(hostvars, specs or {}, origin)]
    hosts = sorted({host for group in SHAPES for host in groups.get(group, ())})
    numbers = [*_no_numbers(hosts, hostvars, ("lnd_port_offset", "lnd_postgres_maxconnections"))]
    numbers += _no_numbers(groups.get("postgres", ()), hostvars, POSTGRES)
    numbers += _no_numbers(groups.get("hubs", ()), hostvars, ("lnd_port_offset", *preflight_hubs.NUMBERS))
    numbers += preflight_hubs.services(hostvars, preflight_hubs.hosts(groups))
    numbers += _no_numbers(groups.get("walls", ()), hostvars, ("lnd_port_offset", *preflight_walls.NUMBERS))
    if numbers:
        return unknown + numbers
    nodes = {host: node(host, hostvars[host]) for host in hosts}
    running = {host: one for host, one in nodes.items() if one.shape not in ELSEWHERE_SHAPES}
    on_chain = {host: one for host, one in running.items() if one.shape != "signer"}
    hubs = {host: hub(host, hostvars[host]) for host in preflight_hubs.hosts(groups)}
    walls = {host: wall(host, hostvars[host]) for host in preflight_walls.hosts(groups)}
    servers = {host: _server(one, hostvars, groups) for host, one in nodes.items()}
    on = [one for one in walls.values() if one.provider != "none"]
    return [
        *unknown,
        *preflight_shapes.problems(hostvars, groups, nodes),
        *preflight_ports.problems(hostvars, groups, nodes),
        *preflight_names.problems(hostvars),
        *preflight_addresses.problems(hostvars, nodes),
        *preflight_taproot.problems(hostvars, nodes),
        *preflight_tunnels.problems(hostvars, groups, nodes),
        *preflight_values.problems(hostvars, nodes, groups.get("bitcoind", ())),
        *_signers(hostvars, groups),
        *_other_chain(groups.get("bitcoind", ()), hostvars),
        *_no_addresses(on_chain | {host: nodes[host] for host in groups.get("hubs", ()) if host in nodes}, hostvars),
        *_names(running, groups.get("tenants", ()), hostvars),
        *_same_name(running),
        *_same_seed_file(running, hostvars),
        *_other_versions(running),
        *preflight_same_ports.problems(running.values(), hubs.values(), on),
        *_one_machine_twice(hostvars, groups),
        *_same_database(on_chain, servers),
        *preflight_hubs.problems(groups, hubs, servers),
        *preflight_walls.problems(hostvars, groups, walls),
        *itertools.chain.from_iterable(
            _small_server(
                server,
                hostvars[server],
                [one for one in on_chain.values() if servers[one.host] == server],
                [one for one in hubs.values() if servers[one.host] == server],
            )
            for server in sorted(groups.get("postgres", ()))
        ),
    ]


def _unknown(hostvars: HostVars, specs: Specs, origin: Origin) -> t.Iterator[str]:
    """Report variables with a role's prefix that no role takes, and those whose prefix is a role's, mistyped. Names
    that roles register or set themselves begin with an underscore, and are not included.
    """
    known = sorted(
        {
            name
            for spec in specs.values()
            for entry in spec["argument_specs"].values()
            for name in entry.get("options") or ()
        }
    )
    prefixes = tuple(f"{role}_" for role in specs)
    # The rest of a variable's name, after its role's, and the roles that have such a variable.
    rests: dict[str, set[str]] = {}
    for name in known:
        for role in specs:
            if name.startswith(f"{role}_"):
                rests.setdefault(name.removeprefix(role), set()).add(role)
    hosts: dict[tuple[str, str], list[str]] = {}
    slips: dict[str, str] = {}
    for host, variables in hostvars.items():
        for name in set(variables).difference(known):
            if not name.startswith(prefixes):
                if name not in slips:
                    # One with an underscore is what a task of an earlier play has registered.
                    slips[name] = "" if name.startswith("_") else _meant(name, rests)
                if not slips[name]:
                    continue
            hosts.setdefault((name, origin(name)), []).append(host)
    for (name, where), its in sorted(hosts.items()):
        if slips.get(name):
            yield (
                f"{', '.join(sorted(its))}: {name}{where and f' ({where})'} is no variable of any role. Did you mean"
                f" {slips[name]}? A variable of your own must have another name."
            )
            continue
        prefix = max(filter(name.startswith, prefixes), key=len)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        cure = f"Did you mean {near[0]}? " if near else "Take it out. "
        yield (
            f"{', '.join(sorted(its))}: {name}{where and f' ({where})'} is no variable of any role. "
            f"{cure}A variable of your own must not begin with {prefix}."
        )


def _meant(name: str, rests: t.Mapping[str, t.Collection[str]]) -> str:
    """Return the variable that is meant, if only its role's name is mistyped; else an empty text."""
    for cut in (at for at, character in enumerate(name) if character == "_" and at):
        prefix, rest = name[:cut], name[cut:]
        for role in sorted(rests.get(rest, ())):
            if _is_slip(prefix, role):
                return role + rest
    return ""


def _is_slip(prefix: str, role: str) -> bool:
    """Return whether a prefix is a role's name, mistyped. A longer or shorter name may be that of a role of others:
    postgresql, bitcoin; a letter that is doubled is a slip.
    """
    if _DOUBLED.sub(r"\1", prefix) == _DOUBLED.sub(r"\1", role):
        return True
    if prefix.startswith(role) or role.startswith(prefix):
        return False
    like = difflib.SequenceMatcher(None, prefix, role).ratio() >= _LIKENESS
    return like or sorted(prefix) == sorted(role)


def _no_numbers(hosts: t.Iterable[str], hostvars: HostVars, names: t.Iterable[str]) -> t.Iterator[str]:
    for host, name in itertools.product(hosts, names):
        value = hostvars[host].get(name, 0)
        if not str(value).isdecimal():
            yield f"{host}: {name} is {value!r}, and must be a whole number from 0 on."


def _signers(hostvars: HostVars, groups: Groups) -> t.Iterator[str]:
    """Report signers on the provider's machines. A signer holds a tenant's keys, and must be out of the provider's
    reach: no other machine behind an address of the provider's will do.
    """
    provider = [(group, host) for group in _PROVIDER_GROUPS for host in groups.get(group, ())]
    for signer in groups.get("signers", ()):
        for group, host in provider:
            if host == signer:
                yield (
                    f"{signer} is in the groups signers and {group}. The provider must not have a tenant's keys: take"
                    " it out of one of them."
                )
            elif _machine(host, hostvars) == _machine(signer, hostvars):
                yield (
                    f"The signer {signer} and {host} of the group {group} are on one machine,"
                    f" {_machine(host, hostvars)}. The provider must not have a tenant's keys: give the signer a"
                    " machine of the tenant's."
                )


def _other_chain(hosts: t.Iterable[str], hostvars: HostVars) -> t.Iterator[str]:
    """Report a package that follows another chain, according only to its name. The role asks the program itself before
    it starts it.
    """
    for host in hosts:
        its = hostvars[host]
        package, network = str(its.get("bitcoind_package", "")), str(its.get("bitcoind_network", "mainnet"))
        if its.get("bitcoind_install_method") == "package" and "knots" in package.lower() and network != "regtest":
            yield (
                f"{host}: bitcoind_package is {package}, and bitcoind_network {network}. Bitcoin Knots left Bitcoin's"
                " chain at block 961,632, and what is paid on its branch is lost. Set bitcoind_install_method to"
                " release; only regtest takes another program than Bitcoin Core."
            )


def _names(nodes: t.Mapping[str, InventoryNode], tenants: t.Iterable[str], hostvars: HostVars) -> t.Iterator[str]:
    for host, one in nodes.items():
        if not NAME.fullmatch(one.name):
            yield (
                f"{host}: lnd_name is {one.name!r}, and users and databases are named by it. Set lnd_name to"
                f" {NAME_IN_WORDS}."
            )
    for host in tenants:
        name = str(hostvars[host].get("tenant_name", host))
        if not TENANT.fullmatch(name):
            yield (
                f"{host}: tenant_name is {name!r}, and the tenant would refuse a kit for it. Set tenant_name to at most"
                " 63 small letters, digits and hyphens, with no hyphen at either end."
            )


def _no_addresses(nodes: t.Mapping[str, InventoryNode], hostvars: HostVars) -> t.Iterator[str]:
    """Report addresses that bitcoind cannot read. It does not start with such an address, so one node's would stop it
    for all.
    """
    for host, one in nodes.items():
        told = {name: hostvars[host][name] for name in _ADDRESSES if name in hostvars[host]}
        for name, values in ({"lnd_source_addresses": [one.machine]} | told).items():
            if not isinstance(values, list):
                yield f"{host}: {name} must be a list of addresses or networks, and {values!r} is no list."
                continue
            origin = "" if name in told else ", by default ansible_host,"
            for value in itertools.filterfalse(_is_address, values):
                yield (
                    f"{host}: {name} must be addresses or networks; {value}{origin} is none. bitcoind takes no names,"
                    f" and no network with an address in it (10.0.0.1/24). Set {name} to the addresses from which the"
                    " node comes."
                )


def _is_address(value: object) -> bool:
    """Return whether bitcoind accepts a value as an address or network, without a zone or an inverted mask, and
    PostgreSQL meets it, which takes nobody for one of IPv4 that is written as IPv6.
    """
    try:
        network = ipaddress.ip_network(str(value))
    except ValueError:
        return False
    mapped = isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None
    return bool(_ADDRESS.fullmatch(str(value))) and not mapped


def _machine(host: str, hostvars: HostVars) -> str:
    return str(hostvars[host].get("ansible_host", host))


def _pairs(hosts: t.Iterable[str]) -> t.Iterator[tuple[str, str]]:
    return itertools.combinations(sorted(hosts), 2)


def _same_name(nodes: t.Mapping[str, InventoryNode]) -> t.Iterator[str]:
    for one, other in _pairs(nodes):
        if nodes[one].way == nodes[other].way and nodes[one].name == nodes[other].name:
            yield (
                f"{one} and {other} on {nodes[one].machine} have the same lnd_name, {nodes[one].name}. Give one of them"
                " another."
            )


def _same_seed_file(nodes: t.Mapping[str, InventoryNode], hostvars: HostVars) -> t.Iterator[str]:
    """Report nodes with the same seed file. It would hold the seed of one; the other would be refused a seed of its
    own, or have no copy.
    """
    for one, other in _pairs(host for host, its in nodes.items() if its.shape != "watch_only"):
        path = hostvars[one].get("lnd_seed_dest")
        if path and path == hostvars[other].get("lnd_seed_dest"):
            yield (
                f"{one} and {other} have the same lnd_seed_dest, {path}. Each has a seed of its own: name the file by"
                " the host."
            )


def _other_versions(nodes: t.Mapping[str, InventoryNode]) -> t.Iterator[str]:
    """Report different versions on one machine. Its nodes share one lnd, so one node would upgrade another, which might
    then be newer than its signer.
    """
    for its_way in sorted({one.way for one in nodes.values()}):
        its = {host: one for host, one in nodes.items() if one.way == its_way}
        if len({one.version for one in its.values()}) > 1:
            told = ", ".join(f"{host} {one.version}" for host, one in its.items())
            yield (
                f"The nodes on {min(one.machine for one in its.values())} have one lnd, and different lnd_version:"
                f" {told}. Give them the same, or machines of their own."
            )


def _server(one: InventoryNode, hostvars: HostVars, groups: Groups) -> str:
    """Return the inventory name of the machine whose PostgreSQL a node uses; of several names the first of the group
    postgres.
    """
    if one.postgres_host not in hostvars:
        return one.postgres_host
    its_way = way(one.postgres_host, hostvars[one.postgres_host])
    return next(
        (host for host in groups.get("postgres", ()) if way(host, hostvars[host]) == its_way), one.postgres_host
    )


def _one_machine_twice(hostvars: HostVars, groups: Groups) -> t.Iterator[str]:
    """Report machines that a group of shared services has under two names, each with variables of its own."""
    for group in ("bitcoind", "postgres"):
        for one, other in _pairs(groups.get(group, ())):
            if way(one, hostvars[one]) == way(other, hostvars[other]):
                yield (
                    f"{one} and {other} of the group {group} are one machine, {_machine(one, hostvars)}. The settings"
                    " of one would replace those of the other: leave one of them."
                )


def _same_database(nodes: t.Mapping[str, InventoryNode], servers: t.Mapping[str, str]) -> t.Iterator[str]:
    for one, other in _pairs(nodes):
        if servers[one] == servers[other] and nodes[one].database == nodes[other].database:
            yield (
                f"{one} and {other} have the same database, {nodes[one].database} on {servers[one]}. Two nodes on one"
                " database lose money: give one of them another lnd_name."
            )


def _small_server(
    server: str, variables: Variables, nodes: t.Sequence[InventoryNode], hubs: t.Sequence[InventoryHub]
) -> t.Iterator[str]:
    """Report a PostgreSQL that has too few connections for its nodes and hubs."""
    needed = sum(database_connections(one.postgres_maxconnections) for one in nodes)
    needed += sum(one.postgres_maxconnections for one in hubs)
    limit, reserved = (int(variables.get(name, default)) for name, default in POSTGRES.items())
    if needed + reserved > limit:
        yield (
            f"PostgreSQL on {server} has postgres_max_connections {limit}, and"
            f" {', '.join(sorted([*(one.host for one in nodes), *(one.host for one in hubs)]))} need {needed}"
            f" (2 x lnd_postgres_maxconnections + 5 for each lnd) beside {reserved} in reserve. Raise"
            f" postgres_max_connections to {needed + reserved} or more, or lower lnd_postgres_maxconnections."
        )
