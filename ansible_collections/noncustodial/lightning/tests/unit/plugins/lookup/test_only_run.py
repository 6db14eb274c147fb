# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleError

from ansible_collections.noncustodial.lightning.plugins.lookup import only_run


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[dict[str, t.TextIO]]:
    """The locks that this process holds: none at the beginning of a test."""
    locks: dict[str, t.TextIO] = {}
    monkeypatch.setattr(only_run, "_HELD", locks)
    yield locks
    for file in locks.values():
        file.close()


def test_the_same_process_takes_it_again(tmp_path: Path) -> None:
    assert only_run.hold("offboard-acme", tmp_path / "locks") == only_run.hold("offboard-acme", tmp_path / "locks")
    with (tmp_path / "locks/offboard-acme.lock").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_another_has_it(tmp_path: Path, held: dict[str, t.TextIO]) -> None:
    with (tmp_path / "offboard-acme.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(AnsibleError, match=r"Another run has .* Nothing was changed"):
            only_run.hold("offboard-acme", tmp_path)
        assert held == {}
        assert only_run.hold("offboard-globex", tmp_path).endswith("/offboard-globex.lock")
    assert only_run.hold("offboard-acme", tmp_path).endswith("/offboard-acme.lock")


@pytest.mark.parametrize("name", ["", "../passwd", ".hidden", "two\nlines", "a b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(AnsibleError, match="no name of a lock"):
        only_run.hold(name, tmp_path)
