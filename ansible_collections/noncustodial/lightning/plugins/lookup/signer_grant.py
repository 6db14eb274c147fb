# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: signer_grant
short_description: Return the permissions that a provider's node needs on a tenant's signer
version_added: 0.1.0
description:
  - Returns the permissions that M(noncustodial.lightning.lnd_macaroon) bakes for the provider, and that
    M(noncustodial.lightning.lnd_bundle), M(noncustodial.lightning.lnd_bundle_info) and
    M(noncustodial.lightning.lnd_signer_check) then demand. It is the same list, so that they cannot differ.
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The provider's grant is baked
  noncustodial.lightning.lnd_macaroon:
    path: /etc/signer/provider.macaroon
    permissions: "{{ query('noncustodial.lightning.signer_grant') }}"
    root_key_id: 1
"""

RETURN = r"""
_raw:
  description: Permissions, each as C(uri:/package.Service/Method).
  type: list
  elements: str
  sample: ['uri:/walletrpc.WalletKit/SignPsbt']
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.grant import PERMISSIONS


class LookupModule(LookupBase):
    """A lookup without terms."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        return list(PERMISSIONS)
