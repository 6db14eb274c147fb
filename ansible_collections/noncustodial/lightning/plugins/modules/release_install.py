#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module release_install."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_install
short_description: Install programs from a release that its builders signed
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Verifies the signatures of a list of checksums against pinned keys, the checksum of an archive against that list,
    and then unpacks the named programs into a directory, which appears complete and in one step.
  - An existing directory counts as installed.
  - If any check fails, nothing is installed.
requirements:
  - gpg on the target
options:
  dest:
    description: The directory, which is new for each version.
    type: path
    required: true
  programs:
    description: The names of the programs.
    type: list
    elements: str
    required: true
  folder:
    description: The folder of the archive that holds the programs.
    type: str
    required: true
  archive:
    description: The downloaded archive, a tar file with or without compression, under the name that it has in the list
      of checksums.
    type: path
    required: true
  checksums:
    description: The downloaded list of SHA-256 checksums.
    type: path
    required: true
  signatures:
    description: The downloaded detached signatures of that list. One file may hold several.
    type: list
    elements: path
    required: true
  keys:
    description: The public keys of the builders, armored.
    type: list
    elements: str
    required: true
  fingerprints:
    description: The fingerprints of the primary keys whose signatures count.
    type: list
    elements: str
    required: true
  signatures_required:
    description: The number of these keys that must have signed.
    type: int
    default: 1
attributes:
  check_mode:
    support: full
    description: Reports whether the directory is missing; verifies nothing.
  diff_mode:
    support: none
    description: A program has no readable difference.
"""

EXAMPLES = r"""
- name: Install lnd
  noncustodial.lightning.release_install:
    dest: /opt/lnd/0.21.3-beta
    programs: [lnd, lncli]
    folder: lnd-linux-amd64-v0.21.3-beta
    archive: /tmp/download/lnd-linux-amd64-v0.21.3-beta.tar.gz
    checksums: /tmp/download/manifest-v0.21.3-beta.txt
    signatures: [/tmp/download/manifest-roasbeef-v0.21.3-beta.sig]
    keys: ["{{ lookup('ansible.builtin.file', 'roasbeef.asc') }}"]
    fingerprints: [A5B61896952D9FDA83BC054CDC42612E89237182]
"""

RETURN = r"""
signed_by:
  description: The fingerprints of the pinned keys that signed.
  returned: when something was installed
  type: list
  elements: str
  sample: [A5B61896952D9FDA83BC054CDC42612E89237182]
"""

import os
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import release
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    """Run the module."""
    module = Module(
        {
            "dest": {"type": "path", "required": True},
            "programs": {"type": "list", "elements": "str", "required": True},
            "folder": {"type": "str", "required": True},
            "archive": {"type": "path", "required": True},
            "checksums": {"type": "path", "required": True},
            "signatures": {"type": "list", "elements": "path", "required": True},
            "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
            "fingerprints": {"type": "list", "elements": "str", "required": True},
            "signatures_required": {"type": "int", "default": 1},
        }
    )
    options = module.params

    def run(command: list[str], data: str) -> str:
        return module.run_command(command, data=data)[1]

    def ensure() -> dict[str, t.Any]:
        if os.path.isdir(options["dest"]) or module.check_mode:
            return {"changed": not os.path.isdir(options["dest"])}
        found = release.verify(run, options["checksums"], options["signatures"], options["keys"])
        signers = release.judge(found, options["fingerprints"], options["signatures_required"])
        with open(options["checksums"], encoding="utf-8") as file:
            expected = release.checksum_of(file.read(), os.path.basename(options["archive"]))
        release.check_archive(options["archive"], expected)
        release.unpack(options["archive"], options["folder"], options["programs"], options["dest"])
        return {"changed": True, "signed_by": signers}

    module.answer(ensure)


if __name__ == "__main__":
    main()
