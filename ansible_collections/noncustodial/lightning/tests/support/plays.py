# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays of a few tasks, run on this machine under the names of many hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT


@dataclass(frozen=True)
class Played:
    """The end of a play.

    Attributes:
        failed: the hosts that failed.
        output: all that Ansible has printed.
    """

    failed: set[str]
    output: str

    @property
    def text(self) -> str:
        """The output in one line."""
        return " ".join(self.output.split())


def tasks_of(role: str, tasks_from: str, group: str = "all") -> dict[str, t.Any]:
    """Return the task that imports a file of a role, for the hosts of a group."""
    imported = {"name": f"noncustodial.lightning.{role}", "tasks_from": tasks_from}
    return {"ansible.builtin.import_role": imported, "when": f"inventory_hostname in groups.{group}"}


def play(
    folder: Path,
    tasks: list[dict[str, t.Any]],
    hosts: t.Mapping[str, t.Any],
    *options: str,
    variables: t.Mapping[str, t.Any] | None = None,
    groups: t.Mapping[str, t.Iterable[str]] | None = None,
) -> Played:
    """Run tasks for hosts with these variables; each host comes to an end, with success or failure.

    Args:
        options: of ansible-playbook.
        variables: of all hosts.
        groups: names of groups, with the names of their hosts.
    """
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **(variables or {})}
    children = {name: {"hosts": dict.fromkeys(members)} for name, members in (groups or {}).items()}
    inventory, playbook = folder / "hosts.json", folder / "play.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": common, "children": children}}))
    playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), str(playbook), *options],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    recap = dict(line.split(":", 1) for line in done.stdout.partition("PLAY RECAP")[2].splitlines()[1:] if ":" in line)
    assert set(map(str.strip, recap)) == set(hosts), done.stdout + done.stderr
    return Played({host.strip() for host, figures in recap.items() if "failed=0" not in figures}, done.stdout)
