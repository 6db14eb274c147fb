# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hub_grant
short_description: Return the permissions that a hub needs on its node
version_added: 0.2.0
description:
  - Returns the permissions that M(noncustodial.lightning.lnd_macaroon) bakes for a hub, whether it is the node's own
    provider's or another's. For a tenant's whole node M(noncustodial.lightning.lnd_bundle),
    M(noncustodial.lightning.lnd_bundle_info) and M(noncustodial.lightning.lnd_node_check) then demand them. It is the
    same list, so that they cannot differ.
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The macaroon for the provider's hub is baked
  noncustodial.lightning.lnd_macaroon:
    path: /etc/external/provider.macaroon
    permissions: "{{ query('noncustodial.lightning.hub_grant') }}"
    root_key_id: 21
"""

RETURN = r"""
_raw:
  description: Permissions, each as C(uri:/package.Service/Method).
  type: list
  elements: str
  sample: ['uri:/lnrpc.Lightning/GetInfo']
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.grant import HUB_PERMISSIONS


class LookupModule(LookupBase):
    """A lookup without terms."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        return list(HUB_PERMISSIONS)
