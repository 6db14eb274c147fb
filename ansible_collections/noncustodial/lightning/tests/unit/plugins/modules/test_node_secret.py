# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module node_secret as a whole, with a stand-in of systemd-creds on PATH that keeps what it was called with."""

from __future__ import annotations

import base64
import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.noncustodial.lightning.plugins.modules import node_secret

CREDS = """#!/bin/sh
echo "$@" >> "$CREDS_LOG"
case $1 in
  encrypt) base64 ;;
  decrypt) base64 -d "$3" ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "systemd-creds"
    program.parent.mkdir()
    program.write_text(CREDS)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("CREDS_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def run(capsys: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        node_secret.main()
    return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))


def test_the_secret_leaves_by_no_way(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sealed"
    options = {"path": str(path), "name": "pgpass", "format": "u:{secret}", "username": "u", "verifier": "scram-sha-256"}
    first = run(capsys, **options)
    secret = base64.b64decode(path.read_bytes()).decode().removeprefix("u:")
    assert first["changed"]
    assert first["verifier"].startswith("SCRAM-SHA-256$4096:")
    second = run(capsys, **options)
    assert not second["changed"]
    assert second["verifier"] == first["verifier"]
    assert secret not in json.dumps([first, second]) + log.read_text()


def test_check_mode(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sealed"
    result = run(capsys, path=str(path), name="n", username="u", verifier="rpcauth", _ansible_check_mode=True)
    assert result["changed"]
    assert "verifier" not in result
    assert not path.exists()
    assert not log.exists()


def test_a_verifier_needs_its_user(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = run(capsys, path=str(tmp_path / "sealed"), name="n", verifier="rpcauth")
    assert result["failed"]
    assert "username" in result["msg"]


@pytest.mark.usefixtures("log")
def test_an_error_is_a_failure_with_its_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, path=str(tmp_path / "sealed"), name="n", format="a:{secret}")
    result = run(capsys, path=str(tmp_path / "sealed"), name="n", format="b:{secret}")
    assert result["failed"]
    assert "something else than the wanted format" in result["msg"]
