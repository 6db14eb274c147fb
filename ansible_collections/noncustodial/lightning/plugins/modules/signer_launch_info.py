#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module signer_launch_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: signer_launch_info
short_description: Check that a signer can be launched at AWS, and read the launch's parameters
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Reads kit, subnet, image and kind of machine, and checks that they fit each other, before anything is made that
    costs money.
extends_documentation_fragment:
  - noncustodial.lightning.aws
  - noncustodial.lightning.attributes.info
options:
  kit:
    description: The file with the kit from the provider.
    type: path
    required: true
  kit_fingerprint:
    description: The kit's fingerprint, as the provider states it over another channel than that of the kit. A kit with
      another fingerprint is refused.
    type: str
    default: ""
  tenant:
    description: The tenant's own name. A kit for another tenant is refused.
    type: str
    default: ""
  kit_widest:
    description: Prefix length of the widest network that the kit may let in, from 16 to 32.
    type: int
    default: 24
  network:
    description: The network that the signer is for. The kit must be for the same.
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
    description: Whether the signer may have a public address. If not, a subnet that assigns one to each machine is
      refused.
    type: bool
    default: true
  instance_type:
    description: AWS's name of the kind of machine.
    type: str
    required: true
  volume_gib:
    description: The size of the signer's disk, GiB.
    type: int
    default: 4
  admin_addresses:
    description: The addresses or networks of IPv4 from which the tenant logs in.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: The signer can be launched
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
  description: The fingerprint of the kit.
  returned: success
  type: str
  sample: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
network:
  description: The network that the kit is for.
  returned: success
  type: str
  sample: mainnet
provider_addresses:
  description: The networks from which the provider dials, according to the kit.
  returned: success
  type: list
  elements: str
  sample: [203.0.113.7/32]
admin_addresses:
  description: The networks from which the tenant logs in.
  returned: success
  type: list
  elements: str
  sample: [198.51.100.7/32]
vpc_id:
  description: The id of the VPC that the subnet belongs to.
  returned: success
  type: str
  sample: vpc-0123456789abcdef0
availability_zone:
  description: The availability zone of the subnet.
  returned: success
  type: str
  sample: eu-central-1a
image_name:
  description: The image's name.
  returned: success
  type: str
  sample: noncustodial-signer-1.0.0
root_device:
  description: The device name of the image's root disk.
  returned: success
  type: str
  sample: /dev/xvda
updates_itself:
  description: Whether the image's machines install Debian's updates themselves, and so must be able to reach its
    mirrors.
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
            "network": {
                "type": "str",
                "choices": ["mainnet", "testnet", "testnet4", "signet", "regtest"],
                "default": "mainnet",
            },
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
