#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_kit
short_description: Keep the kit that a tenant has from its provider, once the tenant has compared it
version_added: 0.1.0
description:
  - Runs on the tenant's machine. The kit decides who reads the bundle and who may dial, and whoever sends it could have altered it. So it is taken only if
    its fingerprint is the one that the tenant has from its provider by another way, if it is for this tenant, and if it lets in no more than the tenant wants.
  - What was agreed on is kept beside the kit, in the files C(tenant) and C(kit_fingerprint). The same kit is not asked for again; another one is.
  - The fingerprint does not cover the version of lnd in the kit, which only says the least one that will do.
extends_documentation_fragment:
  - noncustodial.lightning.attributes
options:
  content:
    description: The kit, as text.
    type: str
    required: true
  source:
    description: The name of the file from which that came, for messages.
    type: str
    required: true
  path:
    description: The folder in which the kit is kept, as C(kit.json). It is made with mode 0700.
    type: path
    required: true
  tenant:
    description: The tenant's own name. Without it, that of the first kit is kept.
    type: str
    default: ""
  fingerprint:
    description: The kit's fingerprint, as the provider says it. Without it, the one that is kept must be it. How its letters are grouped does not matter.
    type: str
    default: ""
  widest:
    description: Prefix length of the widest network that may dial, from 16 to 32.
    type: int
    default: 24
  network:
    description: The network for which the kit must be.
    type: str
    required: true
  variables:
    description: What the names of the variables begin with by which a playbook gives O(tenant), O(fingerprint) and O(widest), for messages.
    type: str
    required: true
requirements:
  - python >= 3.11
seealso:
  - module: noncustodial.lightning.lnd_bundle
  - plugin: noncustodial.lightning.kit_fingerprint
    plugin_type: filter
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The kit is the provider's, and is kept
  noncustodial.lightning.lnd_kit:
    content: "{{ lookup('ansible.builtin.file', signer_kit, rstrip=false) }}"
    source: "{{ signer_kit }}"
    path: /etc/signer
    tenant: acme
    fingerprint: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
    network: mainnet
    variables: signer
"""

RETURN = r"""
fingerprint:
  description: Of the kit.
  returned: success
  type: str
  sample: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
tenant:
  description: For whom it is.
  returned: success
  type: str
  sample: acme
network:
  description: For which network.
  returned: success
  type: str
  sample: mainnet
lnd_version:
  description: The least version of lnd that will do.
  returned: success
  type: str
  sample: 0.21.3-beta
provider_addresses:
  description: Who may dial.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.14]
"""

import os
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils import _config_files
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import agreement, kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule

KIT = "kit.json"


def main() -> None:
    module = LndModule(
        {
            "content": {"type": "str", "required": True},
            "source": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "tenant": {"type": "str", "default": ""},
            "fingerprint": {"type": "str", "default": ""},
            "widest": {"type": "int", "default": kit.WIDEST_BY_DEFAULT},
            "network": {"type": "str", "required": True},
            "variables": {"type": "str", "required": True},
        },
        connects=False,
    )
    module.answer(lambda: _have(module.params, module.check_mode))


def _have(params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    found = kit.parse(params["content"], params["source"])
    if found["network"] != params["network"]:
        raise Refused(
            f"The kit {params['source']} is for {found['network']}, and this is on {params['network']}. Nothing was changed",
            f"Ask the provider for a kit for {params['network']}",
        )
    agreement.check_widest(params["widest"])
    said = agreement.Agreement(params["tenant"], params["fingerprint"])
    agreement.check(found, said, [agreement.remembered(params["path"])], params["widest"], _cures(found, params["variables"]))
    steps = [
        (one, there) for one in _wanted(found, params) for there in [_config_files.read_entry(one)] if _config_files.differs(one, there)
    ]
    if not check_mode:
        for one, _there in steps:
            _config_files.apply_entry(one)
    shown = ("tenant", "network", "lnd_version", "provider_addresses")
    return {
        "changed": bool(steps),
        "diff": [_config_files.diff(one, there) for one, there in steps],
        "fingerprint": kit.fingerprint(found),
        **{name: found[name] for name in shown},
    }


def _wanted(found: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any]) -> list[_config_files.Entry]:
    lines = {
        KIT: params["content"],
        agreement.TENANT_FILE: f"{found['tenant']}\n",
        agreement.FINGERPRINT_FILE: f"{kit.fingerprint(found)}\n",
    }
    files = [_config_files.Entry(os.path.join(params["path"], name), 0o600, content=text.encode()) for name, text in lines.items()]
    return [_config_files.Entry(params["path"], 0o700), *files]


def _cures(found: t.Mapping[str, t.Any], variables: str) -> agreement.Cures:
    return agreement.Cures(
        tenant=f"Ask the provider for your own kit. If the name is yours, correct {variables}_tenant; another tenant's lnd is another machine",
        widest=f"Ask the provider for the addresses that dial. If so many are meant, set {variables}_kit_widest to the prefix length of the widest",
        fingerprint=(
            "Compare it with the one that the provider has, by the way by which your signing key goes, such as a call, and not by the one by which the kit "
            f"came. If they are the same, set {variables}_kit_fingerprint: {kit.fingerprint(found)}. Otherwise the kit was altered on its way"
        ),
    )


if __name__ == "__main__":
    main()
