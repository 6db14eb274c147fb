#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_macaroon
short_description: Bake a macaroon that grants exactly what is asked for, or revoke it
version_added: 0.1.0
description:
  - Sees to it that a file holds a macaroon with exactly the wanted permissions, root key and caveats, which the lnd accepts.
  - An existing file that is so is left alone. Any other is baked anew.
  - Revokes by deleting the root key, which makes every macaroon that was baked under it useless at once, wherever its copies are.
  - The macaroon itself is never returned or shown.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  state:
    description:
      - V(present) sees to the file.
      - V(absent) deletes the root key O(root_key_id), and the file O(path) if that is given.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The file. It is readable by its owner alone. Its folder must be there.
      - Required with O(state=present). A file with a macaroon of root key 0, such as lnd's own, is never replaced.
    type: path
  permissions:
    description:
      - What is granted, each as C(entity:action), or as C(uri:/package.Service/Method) for one method.
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
      - Conditions under which the grant holds, in this order, such as C(ipaddr 192.0.2.7), C(time-before 2027-01-01T00:00:00Z)
        or C(lnd-custom NAME CONDITION).
      - Whether they hold at present is not looked at.
    type: list
    elements: str
    default: []
  unknown_uris:
    description:
      - What to do if the lnd does not have a method of O(permissions), as an older one may not.
      - V(fail) names the methods; V(drop) leaves them out.
    type: str
    choices: [fail, drop]
    default: fail
  revoked:
    description:
      - What to do if O(path) holds a macaroon of O(root_key_id), and the node has that root key no more, because it was deleted to revoke the macaroon.
      - V(bake) grants anew; V(refuse) fails, so that a revocation stays until somebody decides otherwise. It is known by that file alone.
      - With V(refuse) the file also remembers that decision. If it holds a macaroon of a higher root key than O(root_key_id), that one is meant, so
        that who has come back under another root key does not bake a second grant with the old number.
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
      - Name under which C(systemd-creds) seals the file, so that only a unit of this machine's systemd can load it, with
        C(LoadCredentialEncrypted=NAME:PATH). The macaroon is then nowhere in the clear.
      - A file that cannot be unsealed here under this name is replaced.
    type: str
notes:
  - A macaroon that was replaced remains valid until its root key is deleted. To take permissions away, bake another
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

- name: Revoke what the shop was granted
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
  description: The root key. With O(revoked=refuse) it may be a higher one than O(root_key_id).
  returned: success
  type: int
  sample: 20
other_root_key_ids:
  description: The lnd's further root keys, but for its own, 0. What was baked under one of them is good until it is deleted.
  returned: with O(state=present)
  type: list
  elements: int
  sample: [19]
permissions:
  description: What the file grants.
  returned: with O(state=present)
  type: list
  elements: str
  sample: [invoices:read, invoices:write]
caveats:
  description: Under which conditions.
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
  description: What was done, or would be done in check mode; of C(bake), C(protect), C(revoke), C(remove).
  returned: success
  type: list
  elements: str
  sample: [bake]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import baking
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "path": {"type": "path"},
            "permissions": {"type": "list", "elements": "str"},
            "root_key_id": {"type": "int", "required": True, "no_log": False},
            "caveats": {"type": "list", "elements": "str", "default": []},
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
    desired = baking.Desired(
        path=params["path"],
        root_key_id=params["root_key_id"],
        permissions=frozenset(params["permissions"]) if present else frozenset(),
        caveats=tuple(params["caveats"]),
        drop_unknown=params["unknown_uris"] == "drop",
        owner=params["owner"],
        group=params["group"],
        credential=params["credential"],
        keep_revoked=params["revoked"] == "refuse",
    )
    module.checked(lambda: baking.check(desired))

    def result(found: baking.Present) -> dict[str, object]:
        file = {"path": desired.path} if desired.path else {}
        if not present:
            return {"root_key_id": desired.root_key_id, **file}
        kept = ("permissions", "root_key_id", "caveats")
        known = {"dropped": baking.unknown_uris(desired, found), "other_root_key_ids": baking.others(desired, found)}
        return {**file, **{name: baking.shown(found)[name] for name in kept}, **known}

    module.ensure(
        read=lambda client: baking.read_present(client, desired),
        plan=lambda found: baking.plan_present(desired, found) if present else baking.plan_absent(desired, found),
        apply=lambda client, action: baking.apply_baking(client, action, desired),
        result=result,
    )


if __name__ == "__main__":
    main()
