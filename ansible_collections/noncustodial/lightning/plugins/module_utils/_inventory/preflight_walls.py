# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of an inventory's walls & wallets that need no connection."""

from __future__ import annotations

import itertools
import typing as t

from .._core.ids import NAME, NAME_IN_WORDS
from .wall import PROVIDERS, InventoryWall

# Variables of a wall & wallet that are numbers.
NUMBERS = ("wall_wallet_port", "wall_wallet_service_port")

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]


def hosts(groups: Groups) -> list[str]:
    """Return the hosts that have wall & wallet: those of the group walls that have a hub, too."""
    return sorted(set(groups.get("walls", ())).intersection(groups.get("hubs", ())))


def problems(hostvars: HostVars, groups: Groups, walls: t.Mapping[str, InventoryWall]) -> t.Iterator[str]:
    """Report all problems of the walls & wallets.

    Args:
        hostvars: the variables of every host.
        groups: the groups of the inventory.
        walls: all walls & wallets, by host.
    """
    for host in sorted(set(groups.get("walls", ())).difference(walls)):
        yield (
            f"{host} is in the group walls and not in hubs. Wall & wallet stand on the hub of their own host: put it"
            " there."
        )
    for host, one in walls.items():
        yield from _provider(one, hostvars[host])
    running = {host: one for host, one in walls.items() if one.provider != "none"}
    cookies = {host: _cookie(one, hostvars[host]) for host, one in running.items()}
    for host, name in cookies.items():
        # The form that wall_wallet/config.py takes; browsers and proxies read less strict forms in different ways.
        if not NAME.fullmatch(name):
            yield (
                f"{host}: the name in wall_wallet_service is {name!r}, and cookies are named by it. Set it to"
                f" {NAME_IN_WORDS}."
            )
    yield from _same_cookies(running, cookies)


def _provider(one: InventoryWall, variables: Variables) -> t.Iterator[str]:
    if one.provider not in PROVIDERS:
        yield f"{one.host}: wall_wallet_provider is {one.provider!r}. Choose one of {', '.join(PROVIDERS)}."
    needed = {"command": "wall_wallet_command", "container": "wall_wallet_image"}.get(one.provider)
    if needed and not variables.get(needed):
        yield f"{one.host}: wall_wallet_provider is {one.provider}, which this collection does not bring. Set {needed}."


def _cookie(one: InventoryWall, variables: Variables) -> str:
    """Return the name that distinguishes its cookies from those of others; the role's default is the node's name."""
    return str(dict(variables.get("wall_wallet_service") or {}).get("name", one.name))


def _same_cookies(walls: t.Mapping[str, InventoryWall], cookies: t.Mapping[str, str]) -> t.Iterator[str]:
    """Report walls & wallets that share cookies. A browser ignores the port, so a login at one would end the login at
    the other.
    """
    for one, other in itertools.combinations(walls, 2):
        if walls[one].address == walls[other].address and cookies[one] == cookies[other]:
            yield (
                f"{one} and {other} have wall & wallet at one address, {walls[one].address}, and the same name for"
                f" their cookies, {cookies[one]}. Give one of them another name in wall_wallet_service, or another"
                " wall_wallet_address."
            )
