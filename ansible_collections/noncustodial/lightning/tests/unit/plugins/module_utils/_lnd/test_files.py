# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import files
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput


def test_written_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    files.write_file(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_failure_leaves_the_old_one_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match=r"Cannot write .*: No space left on device"):
        files.write_file(str(path), b"new")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "old")]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file or directory"):
        files.write_file(str(tmp_path / "no/file"), b"new")


def test_keep_older(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert files.keep_older(str(path)) is None
    for content in ("first", "second"):
        path.write_text(content)
        files.keep_older(str(path))
        path.unlink()
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"file.1": "first", "file.2": "second"}
