#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_kit
short_description: Accept and store the kit that a tenant has compared with its provider
version_added: 0.2.0
description:
  - Runs on the tenant's machine. The kit decides who can read the bundle and who may dial the lnd, and it may have been
    altered in transit. So it is accepted only if its fingerprint is the one that the tenant got from its provider over
    another channel, if it is for this tenant, and if it lets in no wider networks than the tenant wants.
  - The agreed values are stored beside the kit, in the files C(tenant) and C(kit_fingerprint). The same kit needs no
    new comparison; another one does.
  - The fingerprint does not cover the version of lnd in the kit, which is only the minimum version.
extends_documentation_fragment:
  - noncustodial.lightning.attributes
options:
  content:
    description: The kit, as text.
    type: str
    required: true
  source:
    description: The name of the file from which O(content) was read, for messages.
    type: str
    required: true
  path:
    description: The folder in which the kit is stored as C(kit.json). It is made with mode 0700.
    type: path
    required: true
  tenant:
    description: The tenant's own name. Without it, the name in the first kit is stored.
    type: str
    default: ""
  fingerprint:
    description: The kit's fingerprint, as the provider states it. Without it, the stored one must match. The grouping
      of its letters does not matter.
    type: str
    default: ""
  widest:
    description: Prefix length of the widest network that may dial, from 16 to 32. Each bit counts eight in IPv6, where
      32 stands for /128, 24 for /64, and 22 or less for /48.
    type: int
    default: 24
  network:
    description: The network for which the kit must be.
    type: str
    required: true
  lnd_version:
    description: The version of the lnd that the kit is for. It must not be older than the one in the kit. Without this
      option versions are not compared.
    type: str
  address:
    description: The name or address by which the provider dials, if it does. An address of IPv6 is refused if the kit
      has only addresses of IPv4, and the reverse.
    type: str
    default: ""
    version_added: 0.2.0
  tunnel:
    description: Whether a kit for a signer behind a tunnel can be used here. Without this option such a kit is refused.
    type: bool
    default: false
    version_added: 0.2.0
  variables:
    description: The prefix of the variables from which a playbook sets O(tenant), O(fingerprint) and O(widest), for
      messages.
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
- name: The kit is the provider's, and is stored
  noncustodial.lightning.lnd_kit:
    content: "{{ lookup('ansible.builtin.file', signer_kit, rstrip=false) | string }}"
    source: "{{ signer_kit }}"
    path: /etc/signer
    tenant: acme
    fingerprint: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
    network: mainnet
    lnd_version: 0.21.3-beta
    variables: signer
"""

RETURN = r"""
fingerprint:
  description: The fingerprint of the kit.
  returned: success
  type: str
  sample: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
tenant:
  description: The tenant that the kit is for.
  returned: success
  type: str
  sample: acme
network:
  description: The network that the kit is for.
  returned: success
  type: str
  sample: mainnet
lnd_version:
  description: The minimum version of lnd.
  returned: success
  type: str
  sample: 0.21.3-beta
provider_addresses:
  description: The addresses that may dial the lnd.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.14]
tunnel:
  description: The tunnel through which the provider dials the lnd, as the kit has it.
  returned: if the kit has one
  type: dict
  sample: {endpoint: '192.0.2.14:51820', public_key: mWd5Ov8kBpZ2Y1RbO6hh3IfK0gwxZ8J4x1nH0xZbXmA=, provider_address:
  'fdd5:115d:2331::1', signer_address: 'fdd5:115d:2331::2'}
"""

import os
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement, kit, tunnel
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import config_files
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    module = Module(
        {
            "content": {"type": "str", "required": True},
            "source": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "tenant": {"type": "str", "default": ""},
            "fingerprint": {"type": "str", "default": ""},
            "widest": {"type": "int", "default": kit.DEFAULT_WIDEST_PREFIX_LENGTH},
            "network": {"type": "str", "required": True},
            "lnd_version": {"type": "str"},
            "address": {"type": "str", "default": ""},
            "tunnel": {"type": "bool", "default": False},
            "variables": {"type": "str", "required": True},
        },
    )
    module.answer(lambda: _have(module.params, module.check_mode))


def _have(params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    content = kit.parse(params["content"], params["source"])
    kit.check_network(content, params["network"], f"Ask the provider for a kit for {params['network']}")
    if params["lnd_version"]:
        kit.check_lnd_version(content, params["lnd_version"], "Set lnd_version to no less than the kit's")
    if not params["tunnel"]:
        kit.check_no_tunnel(
            content, "this playbook", f"This is for a signer on a machine with Debian; otherwise {kit.NO_TUNNEL_CURE}"
        )
    cure = f"Ask the provider for a kit with its addresses of the other kind, or correct {params['variables']}_address"
    kit.check_address(content, params["address"], cure)
    agreement.check_widest(params["widest"])
    statement = agreement.Agreement(params["tenant"], params["fingerprint"])
    agreement.check(
        content, statement, [agreement.remembered(params["path"])], params["widest"], _cures(params["variables"])
    )
    done = config_files.ensure(_wanted(content, params), check_mode)
    shown = ("tenant", "network", "lnd_version", "provider_addresses", tunnel.FIELD)
    return {
        "changed": done["changed"],
        "diff": done["diff"],
        "fingerprint": kit.fingerprint(content),
        **{name: content[name] for name in shown if name in content},
    }


def _wanted(content: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any]) -> list[config_files.Entry]:
    files = [
        config_files.Entry(path=os.path.join(params["path"], name), mode=0o600, content=text.encode())
        for name, text in agreement.files(content, params["content"]).items()
    ]
    return [config_files.Entry(path=params["path"], mode=0o700), *files]


def _cures(variables: str) -> agreement.Cures:
    return agreement.Cures(
        tenant=f"correct {variables}_tenant if the name is yours; another tenant's lnd is another machine",
        widest=f"set {variables}_kit_widest to the prefix length of the widest",
        fingerprint=f"set {variables}_kit_fingerprint to it",
    )


if __name__ == "__main__":
    main()
