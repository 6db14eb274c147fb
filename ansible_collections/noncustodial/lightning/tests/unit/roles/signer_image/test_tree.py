# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree from which images are made, as the role writes it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: noncustodial.lightning.signer_image
        tasks_from: tree
"""


@pytest.mark.parametrize(("said", "unattended"), [(False, False), ("false", False), ("true", True)])
def test_the_mirrors_are_open_to_an_image_that_updates_itself_alone(
    tmp_path: Path, said: bool | str, unattended: bool
) -> None:
    """The image's own firewall opens them, before signer-init and after it; -e signer_image_unattended=false brings a
    word.
    """
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "image/tree").mkdir(parents=True)
    given = json.dumps({"signer_image_dir": str(tmp_path / "image"), "signer_image_unattended": said})
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), "-e", given]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tree = tmp_path / "image/tree"
    told = json.loads((tree / "usr/lib/noncustodial-lightning/signer/image.json").read_text())
    assert ("tcp dport 80 accept" in told["egress"]) is unattended
    assert ("        tcp dport 80 accept\n" in (tree / "etc/nftables.conf").read_text()) is unattended
