# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lnd_hub."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.noncustodial.lightning.plugins.module_utils._hub import hub

DOCUMENTATION = r"""
name: lnd_hub
short_description: Where the hub of an inventory host's lnd node lives
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Gives the names, ports and paths that follow from a host's inventory variables.
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
    - RV(_value) has the keys C(host), C(name), C(machine), C(user), C(config), C(run), C(socket), C(database), C(owner), C(port), C(go_port) and C(url).
  type: dict
"""


def lnd_hub(host: str, hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """The hub of one inventory host, as a dictionary."""
    return asdict(hub(host, hostvars[host]))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Their names."""
        return {"lnd_hub": lnd_hub}
