# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module sealed_credential as a whole, with a stand-in of systemd-creds on PATH that keeps what it was called with."""

from __future__ import annotations

import base64
import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.noncustodial.lightning.plugins.modules import sealed_credential

CREDS = """#!/bin/sh
echo "$@" >> "$CREDS_LOG"
case $1 in
  encrypt) test ! -e "$CREDS_BROKEN" || { echo "no key" >&2; exit 1; }; base64 > "$4" ;;
  decrypt) base64 -d "$3" 2>/dev/null ;;
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
    monkeypatch.setenv("CREDS_BROKEN", str(tmp_path / "broken"))
    return tmp_path / "log"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "lnd@acme.signer.macaroon"


def run(capsys: pytest.CaptureFixture[str], path: Path, content: str, **options: t.Any) -> dict[str, t.Any]:
    arguments = {"path": str(path), "name": "signer.macaroon", "content": content, **options}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        sealed_credential.main()
    return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("content", "encoding", "sealed"),
    [("a password", "text", b"a password"), ("c0ffee", "hex", b"\xc0\xff\xee"), ("0a00ff", "hex", b"\n\x00\xff")],
)
def test_content_is_sealed_once(
    log: Path, path: Path, capsys: pytest.CaptureFixture[str], content: str, encoding: str, sealed: bytes
) -> None:
    first = run(capsys, path, content, encoding=encoding)
    assert first["changed"]
    assert base64.b64decode(path.read_bytes()) == sealed
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not run(capsys, path, content, encoding=encoding)["changed"]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert content not in log.read_text()


def test_other_content_replaces_it(log: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, path, "old")
    assert run(capsys, path, "new")["changed"]
    assert base64.b64decode(path.read_bytes()) == b"new"
    assert "encrypt --name=signer.macaroon - " in log.read_text()


@pytest.mark.usefixtures("log")
def test_a_file_that_cannot_be_opened_is_replaced(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.parent.mkdir()
    path.write_text("sealed by another machine")
    assert run(capsys, path, "new")["changed"]
    assert base64.b64decode(path.read_bytes()) == b"new"


def test_check_mode(log: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, path, "new", _ansible_check_mode=True)["changed"]
    assert not path.parent.exists()
    assert "encrypt" not in log.read_text()


def test_content_that_is_not_what_its_encoding_says(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    result = run(capsys, path, "no hex", encoding="hex")
    assert result["failed"]
    assert "not hexadecimal" in result["msg"]
    assert not path.parent.exists()


@pytest.mark.usefixtures("log")
def test_a_machine_that_cannot_seal(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken").touch()
    result = run(capsys, path, "new")
    assert result["failed"]
    assert "cannot seal" in result["msg"]
    assert "no key" in result["msg"]
    assert list(path.parent.iterdir()) == []
