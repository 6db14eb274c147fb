#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module signer_ami."""

from __future__ import annotations

DOCUMENTATION = r"""
module: signer_ami
short_description: Manage an image at AWS from which tenants launch their signers
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Registers an image from a snapshot, shares both with the accounts of tenants and with no others, and removes old
    images of the same line with their snapshots.
  - The image itself requires UEFI, a TPM, and tokens for the instance's metadata, so that no launch can forget them.
  - It is not encrypted, because it holds no secret. Tenants encrypt their own machine's disk with their own key when
    they launch it.
  - A name stands for one content. If an image with that name has different content, the module fails and changes
    nothing.
  - Machines that were launched from a removed image keep running.
extends_documentation_fragment:
  - noncustodial.lightning.aws
  - noncustodial.lightning.attributes
options:
  path:
    description: The directory of the image, with C(manifest.json). The disk is not needed here.
    type: path
    required: true
  publisher:
    description:
      - The image's publisher, an ssh-ed25519 public key. C(SHA256SUMS) beside the image must be signed by it
        (C(SHA256SUMS.sig)), and must name the image.
      - Without it no signature is checked. That is for an image that was built a moment ago on a machine of your own.
    type: str
  snapshot_id:
    description:
      - The snapshot with the disk, as M(noncustodial.lightning.signer_snapshot) returns it.
      - It may be missing only in check mode, to find out before an upload whether the image's name is available.
    type: str
  accounts:
    description: The AWS accounts of the tenants, twelve digits each. All others lose access.
    type: list
    elements: str
    required: true
  name:
    description: The image's name. The default is O(family) and the version in the manifest.
    type: str
  family:
    description: The name of the line of images that this one belongs to, in tags.
    type: str
    default: noncustodial-signer
  architecture:
    description: The architecture of the disk's programs.
    type: str
    choices: [x86_64, arm64]
    default: x86_64
  tags:
    description: Additional tags.
    type: dict
  keep:
    description: The number of images of the line that are kept, including this one.
    type: int
    default: 3
"""

EXAMPLES = r"""
- name: Tenants can launch the image
  noncustodial.lightning.signer_ami:
    region: eu-central-1
    path: /srv/images/signer
    publisher: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3GqhGlIGxvCJqy9nZ0hMG3JCmtJ1m9rq4yYpY8l2Ed publisher
    snapshot_id: "{{ snapshot.snapshot_id }}"
    accounts: ["111122223333"]
  register: image
"""

RETURN = r"""
image_id:
  description: The image's id; null in check mode if there is none.
  returned: success
  type: str
  sample: ami-0123456789abcdef0
name:
  description: The image's name.
  returned: success
  type: str
  sample: noncustodial-signer-1.0.0
snapshot_id:
  description: The image's snapshot; empty if none was given.
  returned: success
  type: str
  sample: snap-0123456789abcdef0
accounts:
  description: The accounts that may launch the image.
  returned: success
  type: list
  elements: str
  sample: ["111122223333"]
images:
  description: Names of all images of the line.
  returned: success
  type: list
  elements: str
  sample: [noncustodial-signer-0.9.0, noncustodial-signer-1.0.0]
version:
  description: Version of the image.
  returned: success
  type: str
  sample: 1.0.0
lnd_version:
  description: Version of the lnd in it.
  returned: success
  type: str
  sample: 0.21.3-beta
actions:
  description: The actions that were done, or would be done in check mode.
  returned: success
  type: list
  elements: str
  sample: [register, share, share_snapshot]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._aws import ami
from ansible_collections.noncustodial.lightning.plugins.module_utils._aws.module import AwsModule


def main() -> None:
    """Run the module."""
    module = AwsModule(
        {
            "path": {"type": "path", "required": True},
            "publisher": {"type": "str"},
            "snapshot_id": {"type": "str"},
            "accounts": {"type": "list", "elements": "str", "required": True},
            "name": {"type": "str"},
            "family": {"type": "str", "default": "noncustodial-signer"},
            "architecture": {"type": "str", "choices": ["x86_64", "arm64"], "default": "x86_64"},
            "tags": {"type": "dict"},
            "keep": {"type": "int", "default": 3},
        }
    )
    wanted = module.checked(lambda: ami.parse_options(module.params))
    registration = ami.Registration(wanted)
    module.ensure(
        read=registration.read,
        plan=lambda state: ami.plan_images(wanted, state),
        apply=registration.apply,
        result=lambda state: ami.image_result(wanted, state),
    )


if __name__ == "__main__":
    main()
