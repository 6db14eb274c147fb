# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first line of all files that roles write from templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

ROLES = COLLECTION / "roles"
TEMPLATES = sorted(ROLES.rglob("*.j2"))
# Read by people who launch without Ansible, and a program, whose first line names its shell.
OTHERS = {
    "signer.cloudformation.yml.j2": "# Made by noncustodial.lightning, playbook signer_ec2_template.",
    "command.j2": "#!/bin/sh",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROLES)))
def test_the_first_line_is_the_same_at_every_site_and_in_every_run(path: Path) -> None:
    """Ansible's variable ansible_managed may have several lines, of which only the first would be a comment, or a date,
    with which services would restart at each run.
    """
    text = path.read_text()
    assert text.partition("\n")[0] == OTHERS.get(path.name, "# Ansible managed")
    assert "ansible_managed" not in text.partition("\n")[2]
