# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of an inventory's hubs that need no connection."""

from __future__ import annotations

import itertools
import re
import typing as t

from .hub import ANSWER_WITHIN_SECONDS, SPARE_CONNECTIONS, InventoryHub

# Variables of a hub that are numbers.
NUMBERS = ("lndhub_port", "lndhub_postgres_maxconnections")

# Nodes of these groups may have a hub; site and provision_tenant set it up.
_NODE_GROUPS = ("own", "tenants")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")

Groups = t.Mapping[str, t.Sequence[str]]
HostVars = t.Mapping[str, t.Mapping[str, t.Any]]


def hosts(groups: Groups) -> list[str]:
    """Return the hosts that have a hub: those of the group hubs that have a node, too."""
    return sorted(
        {host for group in _NODE_GROUPS for host in groups.get(group, ())}.intersection(groups.get("hubs", ()))
    )


def services(hostvars: HostVars, hubs: t.Iterable[str]) -> t.Iterator[str]:
    """Report settings of a hub's service by which the hub cannot be described.

    Args:
        hostvars: the variables of every host.
        hubs: the hosts that have a hub.
    """
    for host in hubs:
        service = hostvars[host].get("lndhub_service") or {}
        if not isinstance(service, t.Mapping):
            yield f"{host}: lndhub_service must be settings of the hub's service with their values."
            continue
        within = service.get("answer_within", ANSWER_WITHIN_SECONDS)
        if not _SECONDS.fullmatch(str(within)):
            yield (
                f"{host}: lndhub_service, answer_within is {within!r}, and must be a number of seconds without a unit,"
                f" such as {ANSWER_WITHIN_SECONDS}."
            )


def problems(groups: Groups, hubs: t.Mapping[str, InventoryHub], servers: t.Mapping[str, str]) -> t.Iterator[str]:
    """Report all problems of the hubs.

    Args:
        groups: the groups of the inventory.
        hubs: all hubs, by host.
        servers: the inventory host whose PostgreSQL a host uses, for all lnd nodes.
    """
    for host in sorted(set(groups.get("hubs", ())).difference(hubs)):
        yield (
            f"{host} is in the group hubs and in none of {', '.join(_NODE_GROUPS)}. A hub belongs to the lnd node of"
            " its own host: put it there."
        )
    for host, one in hubs.items():
        if one.postgres_maxconnections <= SPARE_CONNECTIONS:
            yield (
                f"{host}: lndhub_postgres_maxconnections is {one.postgres_maxconnections}. {SPARE_CONNECTIONS} of them"
                f" are for migrations, backups and restarts: raise it to {SPARE_CONNECTIONS + 1} or more."
            )
    for one, other in itertools.combinations(hubs.values(), 2):
        server = servers[one.host]
        if server == servers[other.host] and one.database == other.database:
            yield (
                f"The hubs of {one.host} and {other.host} have the same database, {one.database} on {server}. They"
                " would share their users' money: give one of them another lnd_name."
            )
