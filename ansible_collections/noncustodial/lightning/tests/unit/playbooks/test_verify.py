# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook verify checks what a tenant has, also if the tenant is not on board."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

ROLES = ("lnd", "lndhub", "wall_wallet")


def without_machines(tasks: t.Any) -> t.Any:
    """Return a play's part, in which only the tenants' role is asked: each other one reports that it was asked."""
    if isinstance(tasks, list):
        return [without_machines(task) for task in tasks]
    if not isinstance(tasks, dict):
        return tasks
    changed = {name: without_machines(part) for name, part in tasks.items()}
    role = changed.get("ansible.builtin.import_role", {}).get("name", "").rpartition(".")[2]
    if role in ROLES:
        del changed["ansible.builtin.import_role"]
        text = f"{role} of {{{{ inventory_hostname }}}} was checked"
        changed["ansible.builtin.assert"] = {
            "that": f"'{role}' not in broken | default([])",
            "success_msg": text,
            "fail_msg": f"{text} and is broken",
        }
    return changed


def test_a_tenant_that_is_not_on_board(tmp_path: Path) -> None:
    """Its node, hub and wall are checked; the exit code and the last play still report it."""
    plays = yaml.safe_load((COLLECTION / "playbooks/verify.yml").read_text())
    plays = without_machines([play for play in plays if "hosts" in play and play["hosts"] != "bitcoind"])
    (tmp_path / "verify.yml").write_text(yaml.safe_dump(plays))
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "lnd_shape": "watch_only",
        "tenant_report": f"{tmp_path}/{{{{ tenant_name }}}}.json",
    }
    hosts: dict[str, t.Any] = {"acme": {}, "globex": {"broken": ["lnd"]}}
    children: dict[str, t.Any] = {group: {"hosts": hosts} for group in ("tenants", "hubs", "walls")}
    children |= {group: {"hosts": {"gateway": {"broken": ["lnd"]}}} for group in ("gateways", "own")}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"vars": common, "children": children}}))
    done = subprocess.run(
        ["ansible-playbook", f"-i{tmp_path}/hosts.json", str(tmp_path / "verify.yml")],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stdout + done.stderr
    for text in [f"{role} of acme was checked" for role in ROLES]:
        assert text in said.partition("acme is not on board")[0], done.stdout
    assert "acme is not on board" in said, done.stdout
    # What may not be there yet is reported together with the reason.
    assert "lnd of globex was checked and is broken" in said.partition("globex is not on board")[0], done.stdout
    assert "lndhub of globex" not in said, done.stdout
    assert said.count("lnd of gateway was checked and is broken") > 1, done.stdout
    assert "gateway is not on board" not in said, done.stdout
    assert "globex is not on board" in said, done.stdout
