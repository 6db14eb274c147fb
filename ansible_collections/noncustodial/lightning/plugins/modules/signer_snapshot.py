#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module signer_snapshot."""

from __future__ import annotations

DOCUMENTATION = r"""
module: signer_snapshot
short_description: Upload an image's disk to AWS as a snapshot
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Sends the raw disk of a signer image to AWS, as a snapshot from which M(noncustodial.lightning.signer_ami) registers
    an image.
  - It writes the snapshot itself, block by block (EBS direct API). No instance, no bucket and no service role is
    needed. Blocks of zeros are not sent.
  - A snapshot is identified by the SHA-256 of the disk, in a tag. An existing one is not sent again.
  - The blocks that AWS has acknowledged are recorded beside the disk, in C(signer.raw.REGION.sent), so that a run after
    an interruption continues there. From another machine everything is sent again, into the same snapshot.
  - After an error that the next run would meet again, such as a missing permission, the snapshot that was begun is
    removed. AWS abandons one that nobody continues after an hour, and the next run removes it.
extends_documentation_fragment:
  - noncustodial.lightning.aws
  - noncustodial.lightning.attributes
options:
  path:
    description: The directory of the image, with C(signer.raw) and C(manifest.json). The file that records the progress
      is written there.
    type: path
    required: true
  publisher:
    description:
      - The image's publisher, an ssh-ed25519 public key. C(SHA256SUMS) beside the image must be signed by it
        (C(SHA256SUMS.sig)), and must name the image.
      - Without it no signature is checked. That is for an image that was built a moment ago on a machine of your own.
    type: str
  family:
    description: The name of the line of images that this one belongs to, in tags.
    type: str
    default: noncustodial-signer
  tags:
    description: Additional tags.
    type: dict
  parallel:
    description: The number of blocks of 512 KiB that are sent at the same time.
    type: int
    default: 16
  time_limit:
    description:
      - Seconds after which no further block is sent, and the module ends with RV(complete) false. The next run
        continues.
      - A module cannot show its progress while it runs, so a play runs it again and again. By default there is no
        limit.
    type: float
    default: 0.0
"""

EXAMPLES = r"""
- name: The disk is uploaded to AWS
  noncustodial.lightning.signer_snapshot:
    region: eu-central-1
    path: /srv/images/signer
    publisher: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3GqhGlIGxvCJqy9nZ0hMG3JCmtJ1m9rq4yYpY8l2Ed publisher
  register: snapshot
"""

RETURN = r"""
snapshot_id:
  description: The snapshot's id; null in check mode if there is none.
  returned: success
  type: str
  sample: snap-0123456789abcdef0
complete:
  description: Whether the snapshot holds the whole disk.
  returned: success
  type: bool
percent:
  description: The percentage of the disk that has been sent.
  returned: success
  type: int
  sample: 43
blocks:
  description: The number of the disk's blocks that are not zero; null for a complete snapshot, because then the disk is
    not read.
  returned: success
  type: int
  sample: 960
sha256:
  description: SHA-256 of the disk.
  returned: success
  type: str
  sample: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
volume_size:
  description: The size in GiB of a volume that is made of the snapshot.
  returned: success
  type: int
  sample: 2
actions:
  description: The actions that were done, or would be done in check mode.
  returned: success
  type: list
  elements: str
  sample: [start, upload, complete]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._aws import snapshot
from ansible_collections.noncustodial.lightning.plugins.module_utils._aws.module import AwsModule


def main() -> None:
    """Run the module."""
    module = AwsModule(
        {
            "path": {"type": "path", "required": True},
            "publisher": {"type": "str"},
            "family": {"type": "str", "default": "noncustodial-signer"},
            "tags": {"type": "dict"},
            "parallel": {"type": "int", "default": 16},
            "time_limit": {"type": "float", "default": 0.0},
        }
    )
    wanted = module.checked(lambda: snapshot.parse_options(module.params))
    upload = snapshot.Upload(wanted)
    module.ensure(
        read=upload.read,
        plan=lambda state: snapshot.plan_snapshot(wanted, state),
        apply=upload.apply,
        result=lambda state: snapshot.snapshot_result(wanted, state),
    )


if __name__ == "__main__":
    main()
