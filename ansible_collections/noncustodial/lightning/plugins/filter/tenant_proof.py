# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter tenant_proof."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.onboarding import proof

DOCUMENTATION = r"""
name: tenant_proof
short_description: Return what the payments cost that prove a tenant's node
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns the figures of each payment from its payer, or else from the last report, or else from its payee.
  - The payee knows neither the fee nor the duration; these are then null.
options:
  _input:
    description:
      - For each payment a list of three results, which may be skipped ones.
      - M(noncustodial.lightning.lnd_payment_info) and M(noncustodial.lightning.lnd_payment) were called at the payer,
        M(noncustodial.lightning.lnd_invoice) at the payee.
    type: dict
    required: true
  before:
    description: The report that was written last, or an empty one.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what a payment cost
  ansible.builtin.debug:
    msg: "{{ {'payment_in': [read, paid, invoice]} | noncustodial.lightning.tenant_proof({}) }}"
"""

RETURN = r"""
_value:
  description: For each payment C(payment_hash), C(value_msat), C(fee_msat) and C(duration_ms).
  type: dict
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"tenant_proof": proof}
