# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter host_port."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.endpoint import join

DOCUMENTATION = r"""
name: host_port
short_description: Write a host and a port as host:port
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Writes C(host:port), with brackets around an address of IPv6.
options:
  _input:
    description: A name or an address; no brackets around IPv6.
    type: str
    required: true
  port:
    description: The port.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show what is dialled
  ansible.builtin.debug:
    msg: "{{ '2001:db8::7' | noncustodial.lightning.host_port(10009) }}"
"""

RETURN = r"""
_value:
  description: Host and port, such as C([2001:db8::7]:10009).
  type: str
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"host_port": join}
