# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter kit_fingerprint."""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput

DOCUMENTATION = r"""
name: kit_fingerprint
short_description: Return the fingerprint of a kit, which provider and tenant compare
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns 32 letters and digits in eight groups, the first 160 bits of a SHA-256 over everything in the kit except the
    version of lnd.
  - A kit that no tenant would accept is refused.
options:
  _input:
    description: The kit.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the fingerprint that the tenant needs
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'kits/acme.json') | from_json | noncustodial.lightning.kit_fingerprint }}"
"""

RETURN = r"""
_value:
  description: The fingerprint, such as C(PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ).
  type: str
"""


def kit_fingerprint(content: t.Mapping[str, t.Any]) -> str:
    """Return the fingerprint of a kit."""
    try:
        # Before ansible-core 2.19 a template's text has a type of its own.
        return kit.fingerprint(kit.parse(json.dumps(content), "here"))
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"kit_fingerprint": kit_fingerprint}
