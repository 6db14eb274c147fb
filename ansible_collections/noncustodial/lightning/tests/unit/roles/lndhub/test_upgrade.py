# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning upgrades a hub in service to the new program, without a bundle, and does not touch one that is new or
stopped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

SYSTEMCTL = """#!/bin/sh
case $1 in
  is-enabled) echo {said}; [ {said} = enabled ] ;;
  show) cat <<END
LoadState=loaded
ActiveState=inactive
UnitFileState=enabled
NeedDaemonReload=no
FragmentPath=
SourcePath=
DropInPaths=
ExecMainStartTimestampMonotonic=0
ActiveEnterTimestampMonotonic=0
END
    ;;
  *) exit 9 ;;
esac
"""


@pytest.mark.parametrize(("said", "starts"), [("enabled", 1), ("disabled", 0), ("not-found", 0)])
def test_a_hub_in_service_goes_on_with_the_new_program(said: str, starts: int, tmp_path: Path) -> None:
    """The run is in check mode, which predicts the start; systemctl is a stand-in with the machine's answers."""
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(said=said))
    (tmp_path / "systemctl").chmod(0o755)
    plays = yaml.safe_load((COLLECTION / "playbooks/provision_tenant.yml").read_text())
    (play,) = (play for play in plays if play.get("hosts") == "tenants:&hubs")
    installed, *more = play["tasks"]
    assert installed["ansible.builtin.import_tasks"] == "tasks/hub.yml"
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "tenants", "gather_facts": False, "tasks": more}]))
    path = f"{tmp_path}:{os.environ['PATH']}"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "lnd_shape": "watch_only"}
    (tmp_path / "hosts.json").write_text(
        json.dumps({"tenants": {"hosts": {"acme": variables}}, "postgres": {"hosts": {"database": {}}}})
    )
    done = subprocess.run(
        ["ansible-playbook", "--check", "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.yml")],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f" changed={starts} " in done.stdout, done.stdout
    assert ("The hub runs with the configuration on disk" in done.stdout) is bool(starts)
