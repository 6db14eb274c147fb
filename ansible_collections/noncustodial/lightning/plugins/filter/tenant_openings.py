# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter tenant_openings."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.onboarding import Values, openings

DOCUMENTATION = r"""
name: tenant_openings
short_description: Return the channels that the gateways are to open for tenants
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Sorts the channels of several tenants by gateway, so that each gateway opens its channels in one transaction.
options:
  _input:
    description:
      - For each tenant a dictionary with its C(gateway), an inventory host, and the C(channel) that this is to open.
    type: list
    elements: dict
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  predicted:
    description:
      - Results of M(noncustodial.lightning.lnd_channel). A gateway whose channels are all active in them is left out.
      - Without this option no gateway is left out.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show which gateway opens which channels
  ansible.builtin.debug:
    msg: "{{ channels | noncustodial.lightning.tenant_openings(hostvars) }}"
  vars:
    channels:
      - gateway: gateway1
        channel: {peer: 02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc, capacity: 1000000}
"""

RETURN = r"""
_value:
  description:
    - A list with one element for each gateway. It has the keys C(gateway), C(channels) and C(connection).
    - C(connection) is for C(module_defaults), so that a module on the gateway's machine reaches the gateway.
  type: list
  elements: dict
"""


def tenant_openings(
    wanted: t.Iterable[Values], hostvars: t.Mapping[str, Values], predicted: t.Iterable[Values] = ()
) -> list[dict[str, t.Any]]:
    """Run the filter as its documentation describes."""
    return openings(hostvars, wanted, predicted)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"tenant_openings": tenant_openings}
