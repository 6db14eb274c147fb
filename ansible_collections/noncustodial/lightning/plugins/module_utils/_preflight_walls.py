# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory alone shows to be wrong with its walls & wallets."""

from __future__ import annotations

import itertools
import re
import typing as t

from ._hub import hub
from ._node import Node
from ._preflight_hubs import ports as hub_ports
from ._wall import BROUGHT, PROVIDERS, Wall, wall

# Variables of a wall & wallet that are numbers.
NUMBERS = ("wall_wallet_port", "wall_wallet_service_port")
# As wall_wallet/config.py takes it; browsers and proxies take what is less strict differently.
_COOKIE = re.compile("[a-z][a-z0-9-]{0,27}")

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]


def problems(hostvars: HostVars, groups: Groups, nodes: t.Mapping[str, Node]) -> t.Iterator[str]:
    """All that is wrong with the walls & wallets.

    Args:
        hostvars: the variables of every host.
        groups: the groups of the inventory.
        nodes: the lnd nodes that run on machines of this inventory, by host.
    """
    hosts, with_hub = groups.get("walls", ()), set(groups.get("hubs", ()))
    for host in sorted(set(hosts) - with_hub):
        yield f"{host} is in the group walls and not in hubs. Wall & wallet stand on the hub of their own host: put it there."
    walls = {host: wall(host, hostvars[host]) for host in sorted(hosts) if host in with_hub}
    for host, one in walls.items():
        yield from _provider(one, hostvars[host])
    running = {host: one for host, one in walls.items() if one.provider != "none"}
    for host in running:
        if not _COOKIE.fullmatch(_cookie(host, hostvars)):
            yield (
                f"{host}: the name in wall_wallet_service is {_cookie(host, hostvars)!r}, and cookies are named by it. Set it to a letter and up to 27 "
                f"letters, digits and hyphens, all small."
            )
    yield from _same_ports(running, nodes, hostvars, groups)
    yield from _same_cookies(running, hostvars)


def _provider(one: Wall, variables: Variables) -> t.Iterator[str]:
    if one.provider not in PROVIDERS:
        yield f"{one.host}: wall_wallet_provider is {one.provider!r}. Choose one of {', '.join(PROVIDERS)}."
    needed = {"command": "wall_wallet_command", "container": "wall_wallet_image"}.get(one.provider)
    if needed and not variables.get(needed):
        yield f"{one.host}: wall_wallet_provider is {one.provider}, which this collection does not bring. Set {needed}."
    if one.provider != "none" and variables.get("lndhub_provider") == "lndhub_go":
        yield (
            f"{one.host}: wall & wallet need an account at the hub, made by its administration, which lndhub.go has not. Leave lndhub_provider out, or "
            f"set wall_wallet_provider to none."
        )


def _cookie(host: str, hostvars: HostVars) -> str:
    """What tells its cookies from those of others; the role's default is the node's name."""
    return str(dict(hostvars[host].get("wall_wallet_service") or {}).get("name", wall(host, hostvars[host]).name))


def _same_ports(walls: t.Mapping[str, Wall], nodes: t.Mapping[str, Node], hostvars: HostVars, groups: Groups) -> t.Iterator[str]:
    used = [(f"the lnd of {host}", one.machine, {one.rpc_port, one.p2p_port}) for host, one in nodes.items()]
    used += [
        (f"the hub of {host}", one.machine, hub_ports(one, hostvars[host]))
        for host in sorted(groups.get("hubs", ()))
        for one in [hub(host, hostvars[host])]
    ]
    before = len(used)
    used += [
        (f"the wall & wallet of {host}", one.machine, {one.port, one.service_port} if one.provider in BROUGHT else {one.port})
        for host, one in walls.items()
    ]
    for index, other in itertools.product(range(len(used)), range(before, len(used))):
        (first, machine, mine), (second, its, theirs) = used[index], used[other]
        if index < other and machine == its and mine & theirs:
            ports = ", ".join(str(port) for port in sorted(mine & theirs))
            yield f"{first[0].upper()}{first[1:]} and {second} on {machine} have the same ports: {ports}. Give one of them another wall_wallet_port."


def _same_cookies(walls: t.Mapping[str, Wall], hostvars: HostVars) -> t.Iterator[str]:
    """A browser does not keep apart by port: with the one's cookies it would be logged out of the other."""
    for one, other in itertools.combinations(walls, 2):
        name = _cookie(one, hostvars)
        if walls[one].address == walls[other].address and name == _cookie(other, hostvars):
            yield (
                f"{one} and {other} have wall & wallet at one address, {walls[one].address}, and the same name for their cookies, {name}. Give one of "
                f"them another name in wall_wallet_service, or another wall_wallet_address."
            )
