# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lnd_wall."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from jinja2.exceptions import UndefinedError

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.settings import (
    OF_NODES,
    with_known_settings,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.wall import wall

DOCUMENTATION = r"""
name: lnd_wall
short_description: Return names, ports and paths of the wall & wallet of an lnd node's hub
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns the names, ports and paths that follow from a host's inventory variables.
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
- name: The pages of acme answer
  ansible.builtin.uri:
    url: "{{ ('acme' | noncustodial.lightning.lnd_wall(hostvars)).url }}/login"
"""

RETURN = r"""
_value:
  description:
    - RV(_value) has the keys C(host), C(name), C(machine), C(way), C(provider), C(user), C(unit), C(config),
      C(articles), C(run), C(socket), C(service_port), C(port), C(address) and C(url).
  type: dict
"""


def lnd_wall(host: str, hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Return the wall & wallet of one inventory host as a dictionary."""
    return asdict(wall(host, with_known_settings(hostvars[host], (UndefinedError,), OF_NODES)))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"lnd_wall": lnd_wall}
