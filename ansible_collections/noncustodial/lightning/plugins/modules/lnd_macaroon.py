#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_macaroon
short_description: Bake a macaroon with exactly the wanted permissions, or revoke it
version_added: 0.1.0
description:
  - Makes sure that a file holds a macaroon with exactly the wanted permissions, root key and caveats, which the lnd
    accepts.
  - An existing file with such a macaroon is kept. Any other is baked anew.
  - Revokes by deleting the root key, which makes every macaroon that was baked under it useless at once, wherever its
    copies are.
  - The macaroon itself is never returned or shown.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  state:
    description:
      - V(present) makes sure that the file is as wanted.
      - V(absent) deletes the root key O(root_key_id), and the file O(path) if that is given.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The file. Only its owner can read it. Its folder must exist.
      - Required with O(state=present). A file with a macaroon of root key 0, such as lnd's own, is never replaced.
    type: path
  permissions:
    description:
      - The permissions that are granted, each as C(entity:action), or as C(uri:/package.Service/Method) for one method.
      - Required with O(state=present).
    type: list
    elements: str
  root_key_id:
    description:
      - The root key to bake under, 1 or more. lnd makes it when it is first used.
      - Give each holder a root key of its own, so that one can be revoked without the others.
    type: int
    required: true
  caveats:
    description:
      - Conditions under which the grant holds, in this order, such as C(ipaddr 192.0.2.7), C(time-before
        2027-01-01T00:00:00Z) or C(lnd-custom NAME CONDITION).
      - All of them must hold, so that one C(ipaddr) beside another allows nobody. lnd compares them with the address
        from which the TCP connection comes; behind a translator or a proxy that is the address of the last one.
      - The module does not check whether they hold at present.
      - Without this option there are none. With O(revoked=refuse) those that O(path) has under the root key are kept.
    type: list
    elements: str
  unknown_uris:
    description:
      - The behaviour if the lnd lacks a method of O(permissions), which may happen with an older lnd.
      - V(fail) names the methods; V(drop) leaves them out.
    type: str
    choices: [fail, drop]
    default: fail
  revoked:
    description:
      - The behaviour if O(path) holds a macaroon of O(root_key_id), and the node no longer has that root key, because
        it was deleted to revoke the macaroon.
      - With V(refuse) a macaroon of that root key that the node accepts and that allows more than O(permissions) is not
        replaced either, because it would stay valid.
      - V(bake) grants anew; V(refuse) fails, so that a revocation stays until somebody decides otherwise. Only that
        file records the revocation.
      - With V(refuse) the file also records that decision. If it holds a macaroon of a higher root key than
        O(root_key_id), that root key is used, so that an owner who has granted anew under another root key does not
        bake a second grant with the old number.
    type: str
    choices: [bake, refuse]
    default: bake
  owner:
    description: Name of the user who owns the file; by default the one who runs the module.
    type: str
  group:
    description: Name of the group of the file.
    type: str
  credential:
    description:
      - Name under which C(systemd-creds) seals the file, so that only a unit of this machine's systemd can load it,
        with C(LoadCredentialEncrypted=NAME:PATH). The macaroon is then nowhere stored in the clear.
      - A file that cannot be unsealed here under this name is replaced.
    type: str
notes:
  - A macaroon that was replaced remains valid until its root key is deleted. To remove permissions, bake another
    one under a new root key, and delete the old key.
seealso:
  - module: noncustodial.lightning.lnd_signer_check
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: A macaroon that can only make and look up invoices
  noncustodial.lightning.lnd_macaroon:
    lnddir: /var/lib/lnd/own-node
    path: /etc/shop/invoices.macaroon
    owner: shop
    permissions:
      - invoices:read
      - invoices:write
    root_key_id: 20
    caveats:
      - ipaddr 192.0.2.7

- name: A macaroon that only the unit of a hub can load
  noncustodial.lightning.lnd_macaroon:
    lnddir: /var/lib/lnd/acme
    path: /etc/credstore.encrypted/lndhub@acme.macaroon
    credential: macaroon
    permissions:
      - uri:/lnrpc.Lightning/AddInvoice
    root_key_id: 21

- name: Revoke the shop's grant
  noncustodial.lightning.lnd_macaroon:
    lnddir: /var/lib/lnd/own-node
    path: /etc/shop/invoices.macaroon
    root_key_id: 20
    state: absent
"""

RETURN = r"""
path:
  description: The file.
  returned: when O(path) is given
  type: str
  sample: /etc/shop/invoices.macaroon
root_key_id:
  description: The id of the root key. With O(revoked=refuse) it may be a higher one than O(root_key_id).
  returned: success
  type: int
  sample: 20
other_root_key_ids:
  description: The lnd's further root keys, except its own, 0. A macaroon that was baked under one of them is valid
    until the root key is deleted.
  returned: with O(state=present)
  type: list
  elements: int
  sample: [19]
permissions:
  description: The permissions that the file grants.
  returned: with O(state=present)
  type: list
  elements: str
  sample: [invoices:read, invoices:write]
caveats:
  description: The conditions of the grant.
  returned: with O(state=present)
  type: list
  elements: str
  sample: [ipaddr 192.0.2.7]
dropped:
  description: The permissions that were left out because the lnd does not have these methods.
  returned: with O(state=present)
  type: list
  elements: str
  sample: ["uri:/lnrpc.Lightning/GetDebugInfo"]
actions:
  description: The actions that were done, or would be done in check mode. Possible are C(bake), C(protect), C(revoke)
    and C(remove).
  returned: success
  type: list
  elements: str
  sample: [bake]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "path": {"type": "path"},
            "permissions": {"type": "list", "elements": "str"},
            "root_key_id": {"type": "int", "required": True, "no_log": False},
            "caveats": {"type": "list", "elements": "str"},
            "unknown_uris": {"type": "str", "choices": ["fail", "drop"], "default": "fail"},
            "revoked": {"type": "str", "choices": ["bake", "refuse"], "default": "bake"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "credential": {"type": "str", "no_log": False},
        },
        required_if=[("state", "present", ["path", "permissions"])],
    )
    params = module.params
    present = params["state"] == "present"
    desired = macaroon_file.WantedMacaroon(
        path=params["path"],
        root_key_id=params["root_key_id"],
        permissions=frozenset(params["permissions"]) if present else frozenset(),
        caveats=None if params["caveats"] is None else tuple(params["caveats"]),
        drop_unknown=params["unknown_uris"] == "drop",
        owner=params["owner"],
        group=params["group"],
        credential=params["credential"],
        keep_revoked=params["revoked"] == "refuse",
    )
    module.checked(lambda: macaroon_file.check(desired))

    def result(state: macaroon_file.MacaroonState) -> dict[str, object]:
        file = {"path": desired.path} if desired.path else {}
        if not present:
            return {"root_key_id": desired.root_key_id, **file}
        kept = ("permissions", "root_key_id", "caveats")
        known = {
            "dropped": macaroon_file.unknown_uris(desired, state),
            "other_root_key_ids": macaroon_file.others(desired, state),
        }
        return {**file, **{name: macaroon_file.shown(state)[name] for name in kept}, **known}

    module.ensure(
        read=lambda client: macaroon_file.read_present(client, desired),
        plan=lambda state: (
            macaroon_file.plan_present(desired, state) if present else macaroon_file.plan_absent(desired, state)
        ),
        apply=lambda client, action: macaroon_file.apply_baking(client, action, desired),
        result=result,
        # Of two runs at once the second sees what the first has baked.
        alone=True,
    )


if __name__ == "__main__":
    main()
