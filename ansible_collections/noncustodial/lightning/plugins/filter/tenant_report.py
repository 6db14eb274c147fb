# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter tenant_report."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.onboarding import report

DOCUMENTATION = r"""
name: tenant_report
short_description: Return the report of a tenant's onboarding
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Collects what an onboarding has proved from the results of its tasks.
options:
  _input:
    description: The opened bundle, which is the result of M(noncustodial.lightning.lnd_bundle_info).
    type: dict
    required: true
  before:
    description: The report that was written last, or an empty one.
    type: dict
    required: true
  own:
    description: The inventory's values for the report, with the keys C(tenant), C(network), C(shape) and C(gateway).
    type: dict
    required: true
  predicted:
    description: Results of M(noncustodial.lightning.lnd_channel) from before anything was opened.
    type: list
    elements: dict
    required: true
  opened:
    description: Results of M(noncustodial.lightning.lnd_channel) from after that.
    type: list
    elements: dict
    required: true
  proof:
    description: The payments, which the filter P(noncustodial.lightning.tenant_proof#filter) returns.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the report of a tenant on whose node the provider may not pay
  ansible.builtin.debug:
    msg: >-
      {{ offer
         | noncustodial.lightning.tenant_report({}, own, predicted=before.results, opened=after.results, proof={}) }}
  vars:
    own: {tenant: acme, network: mainnet, shape: on_premises, gateway: gateway1}
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"tenant_report": report}
