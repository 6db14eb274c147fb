# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lnd_taproot."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight_taproot import options
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight_taproot import (
    running as in_force,
)

DOCUMENTATION = r"""
name: lnd_taproot
short_description: Return the options with which an lnd makes taproot channels
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - For taproot channels a node calls its signer's MuSig2 methods, with which private keys can be computed. So a node
    with a remote signer must have none of these options.
options:
  _input:
    description: Options of lnd with their values, as in C(lnd_config); a list repeats an option.
    type: dict
    required: true
  running:
    description: The input is the configuration that an lnd reports (RV(noncustodial.lightning.lnd_info#module:config)).
      Options that are off do not count.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: No taproot channels
  ansible.builtin.assert:
    that: lnd_config | noncustodial.lightning.lnd_taproot | length == 0
"""

RETURN = r"""
_value:
  description: These options as they would be in C(lnd.conf).
  type: list
  elements: str
"""


def lnd_taproot(config: t.Mapping[str, t.Any], running: bool = False) -> list[str]:
    """Run the filter as its documentation describes."""
    return in_force(config) if running else options(config)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"lnd_taproot": lnd_taproot}
