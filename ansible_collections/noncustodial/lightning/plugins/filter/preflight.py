# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter preflight."""

from __future__ import annotations

import typing as t

from jinja2.exceptions import UndefinedError

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight import (
    Groups,
    HostVars,
    Specs,
    problems,
)

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # before ansible-core 2.19
    Origin = None

DOCUMENTATION = r"""
name: preflight
short_description: Check an inventory without connecting to any machine
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Checks all hosts of the inventory, whatever a run is limited to, and connects to no machine.
  - Finds nodes of one machine with the same ports or name, or with different versions of lnd; nodes with the same
    database; a signer on one of the provider's machines; an unknown shape of a node, or one that does not fit its
    groups or variables; names that a machine, PostgreSQL or the tenant would refuse; a name where bitcoind takes only
    addresses; a package of Bitcoin Knots on another network than regtest; a PostgreSQL that has too few connections for
    its nodes; and variables that begin like a role's but that no role has.
options:
  _input:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  groups:
    description: Ansible's C(groups).
    type: dict
    required: true
  specs:
    description:
      - The content of each role's C(meta/argument_specs.yml), by the role's name. A variable whose name begins with
        that of a role, and which is an option of no role, is a problem.
      - Without this option no variable is a problem.
    type: dict
"""

EXAMPLES = r"""
- name: The inventory has no problem
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ hostvars | noncustodial.lightning.preflight(groups) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: One text for each problem, which names the hosts and the cure. Empty if there is none.
  type: list
  elements: str
"""


def preflight(hostvars: HostVars, groups: Groups, specs: Specs | None = None) -> list[str]:
    """Return the problems of an inventory."""
    return problems(hostvars, groups, specs, _origin, (UndefinedError,))


def _origin(name: str) -> str:
    """Return file and line of a variable's name, where Ansible records them."""
    origin = Origin.get_tag(name) if Origin else None
    return f"{origin.path}:{origin.line_num}" if origin and origin.path else ""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"preflight": preflight}
