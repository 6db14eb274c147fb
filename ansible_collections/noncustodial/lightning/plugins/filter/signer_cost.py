# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter signer_cost."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._aws import costs

DOCUMENTATION = r"""
name: signer_cost
short_description: Estimate the monthly cost of a signer at AWS
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns one sentence, with the parts of the sum, or with the price that is missing.
options:
  _input:
    description:
      - Prices in one currency, C(instance_hour) for each kind of machine, C(volume_gib_month), C(public_address_hour),
        C(key_month), C(alarm_month), and C(currency).
    type: dict
    required: true
  date:
    description: The date at which the prices were looked up.
    type: str
    required: true
  instance_type:
    description: AWS's name of the kind of machine.
    type: str
    required: true
  volume_gib:
    description: Size of the disk, GiB.
    type: int
    required: true
  public:
    description: Whether the machine has an Elastic IP.
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Show the cost
  ansible.builtin.debug:
    msg: "{{ prices | noncustodial.lightning.signer_cost('2026-11-25', 't3.micro', 4, true) }}"
"""

RETURN = r"""
_value:
  description: The sentence.
  type: str
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"signer_cost": costs.estimate}
