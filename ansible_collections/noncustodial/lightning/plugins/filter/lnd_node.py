# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lnd_node."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.noncustodial.lightning.plugins.module_utils._node import node

DOCUMENTATION = r"""
name: lnd_node
short_description: Where the lnd node of an inventory host lives
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Gives the names, ports and paths that follow from a host's inventory variables.
  - A task that is delegated to another node's machine can reach that node by them.
options:
  _input:
    description: Name of the inventory host.
    type: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the gateway's state from the gateway's machine
  noncustodial.lightning.lnd_state_info:
    rpcserver: "{{ gateway.rpcserver }}"
    lnddir: "{{ gateway.lnddir }}"
    network: "{{ gateway.network }}"
  delegate_to: "{{ groups['gateways'][0] }}"
  vars:
    gateway: "{{ groups['gateways'][0] | noncustodial.lightning.lnd_node(hostvars) }}"
"""

RETURN = r"""
_value:
  description:
    - RV(_value) has the keys C(host), C(name), C(machine), C(shape), C(lnddir), C(config), C(network), C(rpc_port), C(p2p_port),
      C(rpcserver), C(p2p_host) and C(database).
  type: dict
"""


def lnd_node(host: str, hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """The node of one inventory host, as a dictionary."""
    return asdict(node(host, hostvars[host]))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Their names."""
        return {"lnd_node": lnd_node}
