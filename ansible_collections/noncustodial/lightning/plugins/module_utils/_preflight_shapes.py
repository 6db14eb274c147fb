# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory alone shows to be wrong with the shapes of its nodes."""

from __future__ import annotations

import typing as t

from ._node import ELSEWHERE, SHAPES, Node

_NAMES = (*dict.fromkeys(SHAPES.values()), *ELSEWHERE)

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]
Groups = t.Mapping[str, t.Sequence[str]]


def problems(hostvars: HostVars, groups: Groups, nodes: t.Mapping[str, Node]) -> t.Iterator[str]:
    """All that is wrong with the shapes.

    Args:
        hostvars: the variables of every host.
        groups: the groups of the inventory.
        nodes: all lnd nodes, by host.
    """
    for host, one in nodes.items():
        if one.shape not in _NAMES:
            yield f"{host}: lnd_shape is {one.shape!r}. Choose one of {', '.join(_NAMES)}, or leave it out to follow the host's group."
    for host in sorted(host for host, one in nodes.items() if one.shape in ELSEWHERE):
        yield from _elsewhere(host, nodes[host].shape, hostvars[host], groups)


def _elsewhere(host: str, shape: str, variables: Variables, groups: Groups) -> t.Iterator[str]:
    """A node that its tenant runs."""
    its = [group for group in SHAPES if host in groups.get(group, ())]
    if its != ["tenants"]:
        yield (
            f"{host} is {shape} and in the group {' and '.join(its)}. Only a tenant runs its own node: put {host} into the group tenants alone, "
            f"or leave lnd_shape out."
        )
    if int(variables.get("lnd_port_offset", 0)):
        yield (
            f"{host} is {shape} and has an lnd_port_offset. Its lnd has no ports on a machine of yours: take it out; the port of a hub is lndhub_port, "
            f"and those of the node come in the tenant's bundle."
        )
    signers = sorted(name for name in variables if name.startswith("signer_"))
    if signers:
        yield f"{host} is {shape} and has {', '.join(signers)}. A tenant that runs its own node has no signer: take them out."
    if shape == "external" and host not in groups.get("hubs", ()):
        yield (
            f"{host} is external and not in the group hubs. What you connect to an external node is its hub: put {host} into hubs, or set lnd_shape to "
            f"on_premises for a tenant to which you give a gateway alone."
        )
    if shape == "external" and variables.get("lndhub_go_permissions"):
        yield (
            f"{host} is external and has lndhub_go_permissions. Its tenant bakes the macaroon, for what our own hub calls and no more: take them out, "
            f"and lndhub_provider too if that program cannot do without."
        )
    if shape == "on_premises":
        for group in sorted({"hubs", "walls"} & {group for group, hosts in groups.items() if host in hosts}):
            yield (
                f"{host} is on_premises and in the group {group}. Its {group} are at the tenant's, in the tenant's own inventory: take {host} out of {group}, "
                f"or set lnd_shape to external."
            )
