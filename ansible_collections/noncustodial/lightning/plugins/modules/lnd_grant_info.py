#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_grant_info
short_description: List what an lnd has granted to a provider
version_added: 0.2.0
description:
  - Reads the file in which M(noncustodial.lightning.lnd_macaroon) has baked the grant, and the root keys of the lnd.
  - lnd knows its root keys only by number. What was granted under another one than that of the file is not known, but
    it is valid until that root key is deleted.
  - The macaroon itself is never returned or shown.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
options:
  path:
    description: The file with the grant.
    type: path
    required: true
  permissions:
    description: Exactly the permissions that the grant is to have, as in
      O(noncustodial.lightning.lnd_macaroon#module:permissions).
    type: list
    elements: str
    required: true
  root_key_id:
    description: The root key of the first grant. If the file has a macaroon of a higher one, that is the present grant.
    type: int
    default: 1
  receipt:
    description:
      - The receipt that the provider has returned, to compare with that of the grant in the file.
      - M(noncustodial.lightning.lnd_bundle_info) returns it to the provider, which can open the bundle.
    type: str
seealso:
  - module: noncustodial.lightning.lnd_macaroon
  - module: noncustodial.lightning.lnd_bundle_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: What is granted on the signer
  noncustodial.lightning.lnd_grant_info:
    lnddir: /var/lib/lnd/signer
    path: /etc/signer/provider.macaroon
    permissions: "{{ query('noncustodial.lightning.signer_grant') }}"
  register: granted
"""

RETURN = r"""
grant:
  description: The grant in the file; null if there is none.
  returned: success
  type: dict
  contains:
    root_key_id:
      description: Its root key.
      type: int
      returned: success
      sample: 2
    permissions:
      description: What it permits.
      type: list
      elements: str
      returned: success
      sample: ['uri:/walletrpc.WalletKit/SignPsbt']
    caveats:
      description: Its conditions.
      type: list
      elements: str
      returned: success
      sample: [ipaddr 192.0.2.14, 'time-before 2027-12-01T00:00:00Z']
    ends:
      description: Its end, RFC 3339; null if it has none.
      type: str
      returned: success
      sample: '2027-12-01T00:00:00Z'
    ends_soon:
      description: Whether it ends within two weeks, or has ended.
      type: bool
      returned: success
      sample: false
    flaws:
      description: Each difference from O(permissions), in words.
      type: list
      elements: str
      returned: success
      sample: []
standing:
  description: The state of the grant. V(live) means that lnd has its root key; V(revoked) that the root key was
    deleted; V(due) that nothing is granted yet.
  returned: success
  type: str
  sample: live
other_root_key_ids:
  description: The lnd's further root keys, except its own, 0. What was granted under them is valid.
  returned: success
  type: list
  elements: int
  sample: [1]
renewing:
  description: Whether a renewal is under way, because an earlier grant is still valid beside the present one.
  returned: success
  type: bool
  sample: true
next_root_key_id:
  description: A root key that the lnd does not have, for the next grant.
  returned: success
  type: int
  sample: 3
taken_up:
  description: Whether O(receipt) is that of the grant in the file.
  returned: when O(receipt) is given
  type: bool
  sample: true
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import grants
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.macaroon_file import WantedMacaroon
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "path": {"type": "path", "required": True},
            "permissions": {"type": "list", "elements": "str", "required": True},
            "root_key_id": {"type": "int", "default": 1, "no_log": False},
            "receipt": {"type": "str"},
        }
    )
    params = module.params
    desired = WantedMacaroon(
        path=params["path"],
        root_key_id=params["root_key_id"],
        permissions=frozenset(params["permissions"]),
        keep_revoked=True,
    )

    def read(client: Client) -> dict[str, object]:
        present = grants.read_grants(client, desired)
        found = grants.listed(desired, present, document.now())
        if params["receipt"] is None:
            return found
        return {**found, "taken_up": grants.taken_up(desired, present, params["receipt"])}

    module.info(read)


if __name__ == "__main__":
    main()
