# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a hub lives: names, ports and paths that follow from the inventory variables of its lnd node. The one source of these formulas."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ._node import node

PORT = 8443
GO_PORT = 3000

# What the role lndhub can run.
PROVIDERS = ("lndhub", "lndhub_go")

# Of a hub's connections, those that are not its pool's: of its role, a dump and those that overlap at a restart; and of the owner of its tables,
# a migration or a restore, and one that waits for it.
SPARE_CONNECTIONS = 5
OWNER_CONNECTIONS = 2


@dataclass(frozen=True)
class Hub:
    """One hub.

    Attributes:
        host: its inventory name, which is that of its lnd node.
        name: that node's; instance of the unit lndhub@NAME.
        machine: the address by which Ansible reaches the machine.
        user: system user and group.
        config: directory of its configuration.
        run: directory of its socket.
        socket: where the service takes requests, from the proxy alone.
        database: PostgreSQL role, as which it serves, and database.
        owner: PostgreSQL role that owns the database; no node's name makes another role's of it.
        port: of the proxy, TLS.
        go_port: where lndhub.go, if that is run, takes requests; it knows no socket.
        url: where clients reach it.
    """

    host: str
    name: str
    machine: str
    user: str
    config: str
    run: str
    socket: str
    database: str
    owner: str
    port: int
    go_port: int
    url: str


def hub(host: str, variables: t.Mapping[str, t.Any]) -> Hub:
    """The hub that an inventory host describes.

    Args:
        host: its inventory name.
        variables: its variables: lndhub_port, lndhub_go_port, lndhub_address, and those of its node.
    """
    its = node(host, variables)
    offset = int(variables.get("lnd_port_offset", 0))
    port = int(variables.get("lndhub_port", PORT + offset))
    return Hub(
        host=host,
        name=its.name,
        machine=its.machine,
        user=f"hub-{its.name}",
        config=f"/etc/lndhub/{its.name}",
        run=f"/run/lndhub/{its.name}",
        socket=f"/run/lndhub/{its.name}/http",
        database="hub_" + its.name.replace("-", "_"),
        owner="owner_hub_" + its.name.replace("-", "_"),
        port=port,
        go_port=int(variables.get("lndhub_go_port", GO_PORT + offset)),
        url=f"https://{variables.get('lndhub_address', its.machine)}:{port}",
    )
