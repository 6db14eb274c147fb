# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter sandbox."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._sandbox import drop_in

DOCUMENTATION = r"""
name: sandbox
short_description: What a service of ours may not do
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Gives the content of a drop-in file for a systemd unit that takes from a service everything that it can do without, the same for all of this
    collection's services but for what is relaxed.
options:
  _input:
    description: Directives in which this unit differs, or that it has besides, each with a reason, which stands in the file.
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
  description: The drop-in file.
  type: str
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Their names."""
        return {"sandbox": drop_in}
