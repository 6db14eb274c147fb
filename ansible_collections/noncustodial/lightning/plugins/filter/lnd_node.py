# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lnd_node."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from jinja2.exceptions import UndefinedError

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.settings import (
    OF_NODES,
    with_known_settings,
)

DOCUMENTATION = r"""
name: lnd_node
short_description: Return names, ports and paths of an lnd node
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns the names, ports and paths that follow from a host's inventory variables.
  - With them, a task that is delegated to another node's machine can reach that node.
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
  module_defaults:
    group/noncustodial.lightning.lnd: "{{ gateway.connection }}"
  delegate_to: "{{ groups['gateways'][0] }}"
  vars:
    gateway: "{{ groups['gateways'][0] | noncustodial.lightning.lnd_node(hostvars) }}"
"""

RETURN = r"""
_value:
  description:
    - RV(_value) has the keys C(host), C(name), C(machine), C(way), C(shape), C(lnddir), C(chain_directory), C(config),
      C(sealed), C(credentials), C(network), C(version), C(rpc_port), C(p2p_port), C(rpcserver), C(connection),
      C(p2p_host), C(source_addresses), C(bitcoind_host), C(postgres_host),
      C(postgres_maxconnections), C(database) and C(backup_host).
    - C(connection) is for C(module_defaults), so that a module on the node's machine reaches the node.
  type: dict
"""


def lnd_node(host: str, hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Return the node of one inventory host as a dictionary."""
    return asdict(node(host, with_known_settings(hostvars[host], (UndefinedError,), OF_NODES)))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"lnd_node": lnd_node}
