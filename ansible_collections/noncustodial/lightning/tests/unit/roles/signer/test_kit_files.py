# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kit that is missing, not whole or not compared is named, with what to do. Which kits are taken:
tests/unit/plugins/modules/test_lnd_kit.py. That nothing of the machine changes by a wrong one:
molecule/refused_input/tests/test_kits.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

WHOLE = json.dumps(bundles.kit())


def preflight(folder: Path, role: str, **variables: t.Any) -> tuple[int, str]:
    """Run the role's preflight; return the exit status and the output."""
    tasks: list[dict[str, t.Any]] = [
        {"ansible.builtin.import_role": {"name": f"noncustodial.lightning.{role}", "tasks_from": "preflight"}}
    ]
    play = folder / "play.yml"
    play.write_text(
        yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}])
    )
    (folder / "signing").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    common = {
        f"{role}_dir": str(folder / "desk"),
        f"{role}_signing_key": str(folder / "signing"),
        f"{role}_bundle_dest": str(folder / "bundle.json"),
        "lnd_network": "regtest",
        "lnd_version": "0.21.3-beta",
    }
    command = ["ansible-playbook", "-i", "localhost,", str(play), "-e", json.dumps({**common, **variables})]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, check=False
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("role", ["signer", "handover"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not there, or is empty. Nothing was changed. Save the file"),
        ("", "is not there, or is empty. Nothing was changed. Save the file"),
        (WHOLE[:-9], "is refused: is not JSON: it was cut, altered, or is another file. Nothing was changed. Ask"),
        ("[]", "is refused: is a list, not an object. Nothing was changed. Ask"),
    ],
)
def test_a_kit_that_cannot_be_read(tmp_path: Path, role: str, content: str | None, words: str) -> None:
    kit = tmp_path / "kit.json"
    if content is not None:
        kit.write_text(content)
    status, said = preflight(tmp_path, role, **{f"{role}_kit": str(kit)})
    assert status != 0
    assert f"The kit {kit} {words}" in said, said


@pytest.mark.parametrize("role", ["signer", "handover"])
def test_a_kit_that_was_not_compared(tmp_path: Path, role: str) -> None:
    """The error shows the addresses that it would let in, and the fingerprint that must be compared."""
    kit = tmp_path / "kit.json"
    kit.write_text(WHOLE)
    fingerprint = kits.fingerprint(bundles.kit())
    status, said = preflight(tmp_path, role, **{f"{role}_kit": str(kit)})
    assert status != 0
    assert (
        f"has the fingerprint {fingerprint}, which was not compared with the provider yet. Nothing was changed" in said
    ), said
    assert f"set {role}_kit_fingerprint to it" in said
    status, said = preflight(tmp_path, role, **{f"{role}_kit": str(kit), f"{role}_kit_fingerprint": fingerprint})
    assert status == 0, said
    assert f"has the fingerprint {fingerprint}, and lets in 192.0.2.14." in said
    assert "changed=0 " in said
    assert not (tmp_path / "desk").exists()
