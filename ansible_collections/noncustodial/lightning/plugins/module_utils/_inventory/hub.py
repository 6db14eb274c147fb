# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names, ports and paths of a hub, which follow from the inventory variables of its lnd node. The one source of
these formulas.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core import endpoint
from .node import node

PORT = 8443
# Defaults of the role lndhub and of lndhub/config.py.
POSTGRES_MAXCONNECTIONS = 15
ANSWER_WITHIN_SECONDS = 15

# A hub's connections outside of its pool. Those of its role: a dump, and those that overlap at a restart. Those of the
# owner of its tables: a migration or a restore, and one that waits for it.
SPARE_CONNECTIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryHub:
    """One hub.

    Attributes:
        host: its inventory name, which is that of its lnd node.
        name: that node's; instance of the unit lndhub@NAME.
        machine: the address at which Ansible reaches the machine.
        way: how Ansible reaches the machine; two with the same way share a machine.
        user: system user and group.
        config: directory of its configuration.
        run: directory of its socket.
        socket: the socket on which the service takes requests, only from the proxy.
        database: the PostgreSQL role that it uses, and its database.
        owner: the PostgreSQL role that owns the database; no other role can get this name, whatever its node is called.
        postgres_maxconnections: connections of both roles.
        port: the port of the proxy, TLS.
        url: the URL for clients.
        local_name: the name in its certificate by which services of its own machine call it.
        payment_timeout: seconds within which it answers a payment.
    """

    host: str
    name: str
    machine: str
    way: str
    user: str
    config: str
    run: str
    socket: str
    database: str
    owner: str
    postgres_maxconnections: int
    port: int
    url: str
    local_name: str
    payment_timeout: float


def hub(host: str, variables: t.Mapping[str, t.Any]) -> InventoryHub:
    """Return the hub that an inventory host describes.

    Args:
        host: its inventory name.
        variables: its variables: those named below, and those of its node.
    """
    its = node(host, variables)
    offset = int(variables.get("lnd_port_offset", 0))
    port = int(variables.get("lndhub_port", PORT + offset))
    address = str(variables.get("lndhub_address", its.machine))
    service = variables.get("lndhub_service") or {}
    return InventoryHub(
        host=host,
        name=its.name,
        machine=its.machine,
        way=its.way,
        user=f"hub-{its.name}",
        config=f"/etc/lndhub/{its.name}",
        run=f"/run/lndhub/{its.name}",
        socket=f"/run/lndhub/{its.name}/http",
        database="hub_" + its.name.replace("-", "_"),
        owner="owner_hub_" + its.name.replace("-", "_"),
        postgres_maxconnections=int(variables.get("lndhub_postgres_maxconnections", POSTGRES_MAXCONNECTIONS)),
        port=port,
        url=f"https://{endpoint.join(address, port)}",
        # A brought certificate has only the hub's own name; a self-signed one has localhost, too.
        local_name=address if variables.get("lndhub_tls_certificate") else "localhost",
        # The hub answers in time even if lnd does not, and its proxy waits somewhat longer.
        payment_timeout=float(service.get("answer_within", ANSWER_WITHIN_SECONDS)) + 30,
    )
