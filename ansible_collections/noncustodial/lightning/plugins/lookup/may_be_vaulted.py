# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: may_be_vaulted
short_description: Return whether settings may have come from Ansible Vault
version_added: 0.2.0
description:
  - A task that writes such settings hides them from C(--diff) and C(-vvv).
  - Ansible does not record which values came from a file that is vaulted as a whole. So every text may have come from a
    vault if this run has a password for vaults, and none if it has no such password.
author:
  - noncustodial.lightning contributors (!UNKNOWN)
options:
  _terms:
    description: Settings, such as C(lnd_config).
    required: true
"""

EXAMPLES = r"""
- name: Settings that may be secret are not shown
  ansible.builtin.copy:
    dest: /etc/example.json
    content: "{{ settings | to_nice_json }}"
    mode: "0600"
  no_log: "{{ query('noncustodial.lightning.may_be_vaulted', settings) | first }}"
"""

RETURN = r"""
_raw:
  description: One truth value.
  type: list
  elements: bool
"""

import typing as t

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """A lookup of whether any of its terms may be secret."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[bool]:
        return [bool(self._loader._vault.secrets) and _has_text(terms)]


def _has_text(value: object) -> bool:
    """Return whether there is a text in a value, beside the names of its options."""
    if isinstance(value, (bool, int, float)) or value is None:
        return False
    if isinstance(value, t.Mapping):
        return any(map(_has_text, value.values()))
    return not isinstance(value, (list, tuple)) or any(map(_has_text, value))
