#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module signer_launch_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: signer_launch_info
short_description: Whether a signer can be launched at AWS, and what the launch needs
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Looks at kit, subnet, image and kind of machine, and whether they go together, before anything is made that costs money.
extends_documentation_fragment:
  - noncustodial.lightning.aws
  - noncustodial.lightning.attributes.info
options:
  kit:
    description: The kit that the provider gave, a file.
    type: path
    required: true
  kit_fingerprint:
    description: The kit's fingerprint, as the provider says it by another way than the one by which the kit came. A kit with another one is refused.
    type: str
    default: ""
  tenant:
    description: The tenant's own name. A kit for another one is refused.
    type: str
    default: ""
  kit_widest:
    description: Prefix length of the widest network that the kit may let in, from 16 to 32.
    type: int
    default: 24
  network:
    description: The network that the signer is meant for, as the kit must say.
    type: str
    choices: [mainnet, testnet, testnet4, signet, regtest]
    default: mainnet
  image_id:
    description: The provider's image in this region.
    type: str
    required: true
  subnet_id:
    description: The subnet in which the signer is to be.
    type: str
    required: true
  public:
    description: Whether the signer may have a public address. If not, a subnet that gives one to each machine is refused.
    type: bool
    default: true
  instance_type:
    description: AWS's name of the kind of machine.
    type: str
    required: true
  volume_gib:
    description: Size of the disk that the signer is to have, GiB.
    type: int
    default: 4
  admin_addresses:
    description: IPv4 addresses or networks from which the tenant logs in.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: It can be launched
  noncustodial.lightning.signer_launch_info:
    region: eu-central-1
    kit: ~/signer-desk/kit.json
    kit_fingerprint: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
    image_id: ami-0123456789abcdef0
    subnet_id: subnet-0123456789abcdef0
    instance_type: t3.micro
    admin_addresses: [198.51.100.7]
  register: launch
"""

RETURN = r"""
tenant:
  description: The tenant that the kit is for.
  returned: success
  type: str
  sample: acme
kit_fingerprint:
  description: Of the kit.
  returned: success
  type: str
  sample: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
network:
  description: The network that the kit is for.
  returned: success
  type: str
  sample: mainnet
provider_addresses:
  description: Networks from which the provider dials, of the kit.
  returned: success
  type: list
  elements: str
  sample: [203.0.113.7/32]
admin_addresses:
  description: Networks from which the tenant logs in.
  returned: success
  type: list
  elements: str
  sample: [198.51.100.7/32]
vpc_id:
  description: The network that the subnet is of.
  returned: success
  type: str
  sample: vpc-0123456789abcdef0
availability_zone:
  description: Where the subnet is.
  returned: success
  type: str
  sample: eu-central-1a
image_name:
  description: The image's name.
  returned: success
  type: str
  sample: noncustodial-signer-1.0.0
root_device:
  description: The name of the disk of which the image's root is.
  returned: success
  type: str
  sample: /dev/xvda
updates_itself:
  description: Whether the image's machines fetch Debian's updates by themselves, and must be able to reach its mirrors.
  returned: success
  type: bool
  sample: false
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._aws import launch
from ansible_collections.noncustodial.lightning.plugins.module_utils._aws.module import AwsModule


def main() -> None:
    """Run the module."""
    module = AwsModule(
        {
            "kit": {"type": "path", "required": True},
            "kit_fingerprint": {"type": "str", "default": ""},
            "tenant": {"type": "str", "default": ""},
            "kit_widest": {"type": "int", "default": 24},
            "network": {"type": "str", "choices": ["mainnet", "testnet", "testnet4", "signet", "regtest"], "default": "mainnet"},
            "image_id": {"type": "str", "required": True},
            "subnet_id": {"type": "str", "required": True},
            "public": {"type": "bool", "default": True},
            "instance_type": {"type": "str", "required": True},
            "volume_gib": {"type": "int", "default": 4},
            "admin_addresses": {"type": "list", "elements": "str", "required": True},
        }
    )
    module.info(lambda aws: launch.read_launch(aws, module.params))


if __name__ == "__main__":
    main()
