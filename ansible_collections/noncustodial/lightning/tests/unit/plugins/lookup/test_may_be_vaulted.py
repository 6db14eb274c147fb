# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that an operator has vaulted are shown by no verbosity and no diff, by the tasks that write them."""

from __future__ import annotations

import grp
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

SECRETS = {"inline": "inline-secret-1", "indirect": "indirect-secret-2", "file": "file-secret-3"}
# Each task that writes an operator's settings, and the variables with them.
WRITERS = {
    "lnd/tasks/config.yml": {"lnd_config"},
    "bitcoind/tasks/configure.yml": {"bitcoind_config"},
    "lndhub/tasks/settings.yml": {"lndhub_service"},
    "wall_wallet/tasks/configure.yml": {
        "wall_wallet_service",
        "wall_wallet_wallet",
        "wall_wallet_command",
        "wall_wallet_container",
    },
}


def vault(*arguments: str, stdin: str | None = None) -> str:
    command = ["ansible-vault", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An inventory whose host has values from a vault in three ways."""
    (tmp_path / "password").write_text("word")
    word = f"--vault-password-file={tmp_path}/password"
    variables = tmp_path / "host_vars/acme"
    variables.mkdir(parents=True)
    (variables / "plain.yml").write_text(
        'settings: {a: "{{ direct }}", b: ["x{{ indirect }}"], c: {d: "{{ whole }}"}, e: 1, f: shown-text}\n'
    )
    (variables / "inline.yml").write_text(
        vault("encrypt_string", word, SECRETS["inline"], "--name=direct")
        + vault("encrypt_string", word, SECRETS["indirect"], "--name=indirect")
    )
    (variables / "file.yml").write_text(yaml.safe_dump({"whole": SECRETS["file"]}))
    vault("encrypt", word, str(variables / "file.yml"))
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"acme": host}}}))
    return tmp_path


def run(site: Path, settings: str, *options: str) -> str:
    """Write the hub's settings by the role's own task file, and return all that is said."""
    variables = {
        "lndhub_self": {"config": str(site), "user": grp.getgrgid(os.getgid()).gr_name},
        "lndhub_service": settings,
        "lndhub_config": {"service": settings},
    }
    task = {"ansible.builtin.include_tasks": str(COLLECTION / "roles/lndhub/tasks/settings.yml")}
    play = [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": [task]}]
    (site / "play.yml").write_text(yaml.safe_dump(play))
    done = subprocess.run(
        ["ansible-playbook", f"-i{site}/hosts.json", f"{site}/play.yml", "-vvv", "--diff", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_vaulted_setting_is_not_shown(site: Path) -> None:
    said = run(site, "{{ settings }}", f"--vault-password-file={site}/password")
    assert json.loads((site / "config.json").read_text())["service"]["c"] == {"d": SECRETS["file"]}
    assert [name for name, secret in SECRETS.items() if secret in said] == []


def test_a_run_without_a_vault_shows_what_changes(tmp_path: Path) -> None:
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"acme": host | {"settings": {"a": "shown"}}}}}))
    assert '"a": "shown"' in run(tmp_path, "{{ settings }}")


@pytest.mark.parametrize("path", WRITERS)
def test_every_task_that_writes_settings_hides_them(path: str) -> None:
    found: set[str] = set()
    for task in yaml.safe_load((COLLECTION / "roles" / path).read_text()):
        if "no_log" in task:
            form = re.fullmatch(
                r"{{ query\('noncustodial\.lightning\.may_be_vaulted', (.+)\) \| first }}", task["no_log"]
            )
            assert form, task["name"]
            found |= set(form[1].split(", "))
    assert found == WRITERS[path]
