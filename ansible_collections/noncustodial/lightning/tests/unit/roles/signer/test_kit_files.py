# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kit that is missing or not whole is named, with what to do. A whole one that is wrong: molecule/refused_input/tests/test_kits.py."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.unit import bundles

ROOT = Path(__file__).resolve().parents[7]
WHOLE = json.dumps(bundles.kit())


@pytest.mark.parametrize("role", ["signer", "handover"])
@pytest.mark.parametrize("content", [None, "", WHOLE[:-9], "[]"])
def test_a_kit_that_cannot_be_read(tmp_path: Path, role: str, content: str | None) -> None:
    kit = tmp_path / "kit.json"
    if content is not None:
        kit.write_text(content)
    tasks: list[dict[str, t.Any]] = [{"ansible.builtin.import_role": {"name": f"noncustodial.lightning.{role}", "tasks_from": "preflight"}}]
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", "-i", "localhost,", str(play), "-e", json.dumps({f"{role}_kit": str(kit)})]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert f"The kit {kit} is not there, or is no JSON: it was cut, altered, or is another file. Nothing was changed." in said, said
