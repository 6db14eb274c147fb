# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter kit_fingerprint."""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput

DOCUMENTATION = r"""
name: kit_fingerprint
short_description: The fingerprint of a kit, which provider and tenant compare
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Gives 32 letters and digits in eight groups, the first 160 bits of a SHA-256 of all that is in the kit but the version of lnd.
  - A kit that no tenant would take is refused.
options:
  _input:
    description: The kit.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: What is to be told to the tenant
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'kits/acme.json') | from_json | noncustodial.lightning.kit_fingerprint }}"
"""

RETURN = r"""
_value:
  description: Such as C(PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ).
  type: str
"""


def kit_fingerprint(found: t.Mapping[str, t.Any]) -> str:
    """The fingerprint of a kit."""
    try:
        # Before ansible-core 2.19 a text of a template is of a type of its own.
        return kit.fingerprint(kit.parse(json.dumps(found), "here"))
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Their names."""
        return {"kit_fingerprint": kit_fingerprint}
