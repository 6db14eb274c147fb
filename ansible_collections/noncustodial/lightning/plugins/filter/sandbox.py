# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter sandbox."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.sandbox import drop_in

DOCUMENTATION = r"""
name: sandbox
short_description: Return the drop-in file that sandboxes a service
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns the content of a drop-in file for a systemd unit. It removes every right that a service can do without, in
    the same way for all of this collection's services, except for the directives that are relaxed.
options:
  _input:
    description: Directives in which this unit differs, or that it has in addition. Each has a reason, which is written
      into the file.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: The unit is sandboxed
  noncustodial.lightning.config_files:
    files:
      - path: /etc/systemd/system/bitcoind.service.d/sandbox.conf
        content: "{{ relaxed | noncustodial.lightning.sandbox }}"
  vars:
    relaxed:
      - directive: RestrictAddressFamilies
        value: AF_UNIX AF_INET AF_INET6 AF_NETLINK
        reason: ZeroMQ looks up the interface of the address that it listens on.
"""

RETURN = r"""
_value:
  description: The content of the drop-in file.
  type: str
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"sandbox": drop_in}
