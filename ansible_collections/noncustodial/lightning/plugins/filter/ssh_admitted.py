# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ssh_admitted."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._admission import ssh_admitted

DOCUMENTATION = r"""
name: ssh_admitted
short_description: Whether a firewall would let a login over ssh in again
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Looks whether a login like the present one comes from networks from which ssh is to be open, so that a firewall that would lock its own administrator out
    is not written.
options:
  _input:
    description: The variable C(SSH_CONNECTION), as sshd sets it on the machine. If it is empty there is no login over ssh to lose.
    type: str
    required: true
  networks:
    description: IPv4 addresses and networks from which ssh is to be open.
    type: list
    elements: str
    required: true
  port:
    description: Port of the machine at which it is to be open.
    type: int
    default: 22
"""

EXAMPLES = r"""
- name: Who administers the machine can log in again
  ansible.builtin.assert:
    that: connection.stdout | noncustodial.lightning.ssh_admitted(['198.51.100.0/24'])
"""

RETURN = r"""
_value:
  description: Whether it would.
  type: bool
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Their names."""
        return {"ssh_admitted": ssh_admitted}
