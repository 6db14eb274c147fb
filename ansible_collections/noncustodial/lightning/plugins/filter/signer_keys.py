# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter signer_keys."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.account_keys import account_keys
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput

DOCUMENTATION = r"""
name: signer_keys
short_description: Return one public key below each account of a bundle
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - A node's start gate needs these keys to check that its signer has the private key of every account. Unlike from the
    accounts, no other key follows.
options:
  _input:
    description: The accounts, as in a bundle.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: A node has the keys that it challenges its signer with
  ansible.builtin.copy:
    content: "{{ offer.bundle.accounts | noncustodial.lightning.signer_keys | to_json }}"
    dest: /etc/lnd/acme/signer.keys.json
    mode: "0600"
"""

RETURN = r"""
_value:
  description: Derivation paths, such as C(m/84'/0'/0'/0/0), with their keys, hexadecimal.
  type: dict
"""


def signer_keys(accounts: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """Run the filter as its documentation describes.

    Raises:
        AnsibleFilterError: an account has no extended public key.
    """
    try:
        return account_keys(accounts)
    except (InvalidInput, KeyError) as error:
        raise AnsibleFilterError(f"signer_keys: an account is not as in a bundle: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"signer_keys": signer_keys}
