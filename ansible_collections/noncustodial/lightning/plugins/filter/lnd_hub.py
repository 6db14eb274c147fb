# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lnd_hub."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from jinja2.exceptions import UndefinedError

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.hub import hub
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.settings import (
    OF_HUBS,
    with_known_settings,
)

DOCUMENTATION = r"""
name: lnd_hub
short_description: Return names, ports and paths of the hub of an lnd node
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
- name: The hub of acme answers
  ansible.builtin.uri:
    url: "{{ ('acme' | noncustodial.lightning.lnd_hub(hostvars)).url }}/healthz"
"""

RETURN = r"""
_value:
  description:
    - RV(_value) has the keys C(host), C(name), C(machine), C(way), C(user), C(config), C(run), C(socket), C(database),
      C(owner), C(postgres_maxconnections), C(port), C(url), C(local_name) and C(payment_timeout).
  type: dict
"""


def lnd_hub(host: str, hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Return the hub of one inventory host as a dictionary."""
    return asdict(hub(host, with_known_settings(hostvars[host], (UndefinedError,), OF_HUBS)))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"lnd_hub": lnd_hub}
