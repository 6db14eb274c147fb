# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ssh_admitted."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.ssh_lockout import ssh_admitted

DOCUMENTATION = r"""
name: ssh_admitted
short_description: Test whether a firewall would let an ssh login in again
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Tests whether a login like the present one comes from networks from which ssh is to be open. So no firewall is
    written that would lock out its own administrator.
options:
  _input:
    description: The variable C(SSH_CONNECTION), as sshd sets it on the machine. If it is empty, there is no ssh login
      that could be lost.
    type: str
    required: true
  networks:
    description: Addresses and networks from which ssh is to be open.
    type: list
    elements: str
    required: true
  port:
    description: The port of the machine on which ssh is to be open.
    type: int
    default: 22
"""

EXAMPLES = r"""
- name: The machine's administrator can log in again
  ansible.builtin.assert:
    that: connection.stdout | noncustodial.lightning.ssh_admitted(['198.51.100.0/24'])
"""

RETURN = r"""
_value:
  description: Whether the login would be let in.
  type: bool
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"ssh_admitted": ssh_admitted}
