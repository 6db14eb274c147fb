# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the shapes of an inventory's nodes that need no connection."""

from __future__ import annotations

import typing as t

from .node import ELSEWHERE_SHAPES, SHAPES, InventoryNode

_NAMES = (*dict.fromkeys(SHAPES.values()), *ELSEWHERE_SHAPES)

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]


def problems(hostvars: HostVars, groups: Groups, nodes: t.Mapping[str, InventoryNode]) -> t.Iterator[str]:
    """Report all problems of the shapes.

    Args:
        hostvars: the variables of every host.
        groups: the groups of the inventory.
        nodes: all lnd nodes, by host.
    """
    for host, one in nodes.items():
        if one.shape not in _NAMES:
            yield (
                f"{host}: lnd_shape is {one.shape!r}. Choose one of {', '.join(_NAMES)}, or leave it out to follow the"
                " host's group."
            )
    for host in sorted(host for host, one in nodes.items() if one.shape in ELSEWHERE_SHAPES):
        yield from _elsewhere(host, nodes[host].shape, hostvars[host], groups)


def _elsewhere(host: str, shape: str, variables: Variables, groups: Groups) -> t.Iterator[str]:
    """Report the problems of a node that its tenant runs."""
    its = [group for group in SHAPES if host in groups.get(group, ())]
    if its != ["tenants"]:
        yield (
            f"{host} is {shape} and in the group {' and '.join(its)}. Only a tenant runs its own node: put {host} into"
            " the group tenants alone, or leave lnd_shape out."
        )
    if int(variables.get("lnd_port_offset", 0)):
        yield (
            f"{host} is {shape} and has an lnd_port_offset. Its lnd has no ports on a machine of yours: take it out;"
            " the port of a hub is lndhub_port, and those of the node come in the tenant's bundle."
        )
    signers = sorted(name for name in variables if name.startswith("signer_"))
    if signers:
        yield (
            f"{host} is {shape} and has {', '.join(signers)}. A tenant that runs its own node has no signer: take them"
            " out."
        )
    if shape == "external" and host not in groups.get("hubs", ()):
        yield (
            f"{host} is external and not in the group hubs. What you connect to an external node is its hub: put {host}"
            " into hubs, or set lnd_shape to on_premises for a tenant to which you give a gateway alone."
        )
    if shape == "on_premises":
        for group in sorted({"hubs", "walls"} & {group for group, hosts in groups.items() if host in hosts}):
            yield (
                f"{host} is on_premises and in the group {group}. Its {group} are at the tenant's, in the tenant's own"
                f" inventory: take {host} out of {group}, or set lnd_shape to external."
            )
