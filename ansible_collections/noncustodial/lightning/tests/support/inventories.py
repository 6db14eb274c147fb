# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider's inventory without a fault, for tests of the preflight, each of which makes one fault."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight import problems

GROUPS = {
    "bitcoind": ["chain"],
    "postgres": ["chain"],
    "gateways": ["gateway"],
    "own": ["own-node"],
    "tenants": ["acme", "globex"],
    "signers": ["signer-acme"],
}
HOSTS: dict[str, dict[str, t.Any]] = {
    "chain": {"ansible_host": "192.0.2.11"},
    "gateway": {"ansible_host": "192.0.2.12"},
    "own-node": {"ansible_host": "192.0.2.13"},
    "acme": {"ansible_host": "192.0.2.14", "lnd_port_offset": 1},
    "globex": {"ansible_host": "192.0.2.14", "lnd_port_offset": "2"},
    "signer-acme": {"ansible_host": "192.0.2.74"},
}
# A node that runs on no machine of the provider's.
ON_PREMISES = {"lnd_shape": "on_premises", "lnd_port_offset": 0}
EXTERNAL = {"lnd_shape": "external", "lnd_port_offset": 0}


def found(changes: dict[str, dict[str, t.Any]], **groups: list[str]) -> list[str]:
    """Return the problems of an inventory that differs in these values from a good one."""
    membership = {**GROUPS, **groups}
    hosts = copy.deepcopy(HOSTS)
    for host, variables in changes.items():
        hosts.setdefault(host, {}).update(variables)
    for host, variables in hosts.items():
        variables["group_names"] = sorted(group for group, members in membership.items() if host in members)
        variables["groups"] = membership
    return problems(hosts, membership)
