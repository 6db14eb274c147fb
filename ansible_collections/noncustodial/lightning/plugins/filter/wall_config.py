# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter wall_config."""

from __future__ import annotations

import typing as t
from collections import ChainMap

from jinja2.exceptions import UndefinedError

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.settings import (
    OF_WALLS,
    with_known_settings,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.wall_config import config

DOCUMENTATION = r"""
name: wall_config
short_description: Return the configuration of a wall & wallet
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns the content of the file C(config.json) of a wall & wallet.
  - Settings that its hub has too, such as the fees, are read from the hub's variables.
options:
  _input:
    description: Name of the inventory host.
    type: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  credentials:
    description: The directory in which the service finds its credentials.
    type: str
    required: true
  login:
    description: The account of wall & wallet at the hub.
    type: str
    required: true
  wallet: &section
    description: Further settings of this section.
    type: dict
    required: true
  wall: *section
  service: *section
  hub:
    description:
      - The hub's variables C(lndhub_service) and C(lndhub_limits), if a task knows them. Values in C(hostvars) cannot
        refer to variables of other hosts.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the configuration
  ansible.builtin.debug:
    msg: >-
      {{ 'acme' | noncustodial.lightning.wall_config(hostvars, credentials='/run/credentials', login='wall',
                                                     wallet={}, wall={}, service={'title': 'Acme'}) }}
"""

RETURN = r"""
_value:
  description: The sections C(hub), C(listen), C(wallet), C(wall) and C(service).
  type: dict
"""

Section = t.Mapping[str, t.Any]


def wall_config(
    host: str,
    hostvars: t.Mapping[str, Section],
    *,
    credentials: str,
    login: str,
    wallet: Section,
    wall: Section,
    service: Section,
    hub: Section | None = None,
) -> dict[str, dict[str, t.Any]]:
    """Run the filter as its documentation describes."""
    own = {"wallet": wallet, "wall": wall, "service": service}
    variables = with_known_settings(hostvars[host], (UndefinedError,), OF_WALLS)
    both = ChainMap(dict(hub or {}), t.cast("dict[str, t.Any]", variables))
    return config(host, both, credentials=credentials, login=login, own=own)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"wall_config": wall_config}
