# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook restore_hub, as far as it goes without a hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT


def test_check_mode_replaces_nothing(tmp_path: Path) -> None:
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "lnd_network": "regtest",
        "lnd_source_addresses": ["192.0.2.14"],
        "lndhub_restore_dump": "/var/backups/lndhub/acme/ledger-1.dump",
        "lnd_backup_host": "acme",
    }
    groups = {"tenants": {"hosts": {"acme": variables}}, "hubs": {"hosts": {"acme": None}}}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
    done = subprocess.run(
        [
            "ansible-playbook",
            "--check",
            f"-i{tmp_path}/hosts.json",
            "playbooks/restore_hub.yml",
            "-lacme",
            "-econfirm=acme",
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "and /var/backups/lndhub/acme/ledger-1.dump be restored" in said, done.stdout
    assert "changed=0" in said, done.stdout
    assert "The hub is stopped" not in said, done.stdout
