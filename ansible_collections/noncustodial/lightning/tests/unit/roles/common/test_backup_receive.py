# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups that the backup machine keeps of those that arrive, and for how long."""

from __future__ import annotations

import os
import subprocess
import time
import typing as t
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

ROLES = COLLECTION / "roles"


def command(folder: Path, days: int, mib: int = 100, files: int = 1000) -> list[str]:
    return [
        "sh",
        str(ROLES / "common/files/backup-receive"),
        str(folder),
        "ledger.dump",
        "1",
        str(days),
        str(mib),
        str(files),
    ]


def receive(folder: Path, days: int, data: bytes = b"new", **quota: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(folder, days, **quota), input=data, check=False, capture_output=True)


def older(folder: Path) -> list[Path]:
    """Return two backups a day for eight days, oldest first; the older one of a day at one o'clock, the other at
    noon."""
    today = datetime.now(UTC)
    days = [(today - timedelta(days=days)).strftime("%Y%m%d") for days in range(8, 0, -1)]
    made = [folder / f"ledger-{day}T{hour}0000.000000000Z.dump" for day in days for hour in ("01", "12")]
    folder.mkdir()
    for path in made:
        path.write_bytes(path.name.encode())
    return made


def test_a_sender_of_before_the_quotas(tmp_path: Path) -> None:
    """The program is the machine's and is renewed with the first sender; the lines of the others are as they were until
    their own turn.
    """
    folder = tmp_path / "of a hub"
    folder.mkdir()
    done = subprocess.run(command(folder, 0)[:6], input=b"new", check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [path.read_bytes() for path in folder.iterdir()] == [b"new"]


def test_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "of a hub"
    made = older(folder)
    assert receive(folder, 0).returncode == 0
    assert len(list(folder.iterdir())) == len(made) + 1


def test_what_equals_the_newest_is_not_kept_twice(tmp_path: Path) -> None:
    folder = tmp_path / "of a hub"
    folder.mkdir()
    for data in (b"one", b"one", b"two", b"two", b"one"):
        done = receive(folder, 0, data)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [b"one", b"two", b"one"]


def test_a_clock_that_was_ahead_does_not_keep_one_twice(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "ledger-29990101T000000.000000000Z.dump").write_bytes(b"of a wrong clock")
    for _turn in range(3):
        assert receive(folder, 0).returncode == 0
    assert sorted(path.read_bytes() for path in folder.iterdir()) == [b"new", b"of a wrong clock"]


def test_with_days_one_that_came_before_comes_again(tmp_path: Path) -> None:
    """Otherwise its age, and not its sender, would decide when it goes."""
    folder = tmp_path / "one"
    folder.mkdir()
    for _turn in range(2):
        assert receive(folder, 30).returncode == 0
    assert len(list(folder.iterdir())) == 2


def test_two_days_whole_then_the_last_of_each_day_and_none_too_old(tmp_path: Path) -> None:
    folder = tmp_path / "of a hub"
    made = older(folder)
    (folder / "channel-20200101T000000.000000000Z.backup").write_bytes(b"of another kind")
    done = receive(folder, 6)
    assert (done.returncode, done.stderr) == (0, b"")
    kept = set(folder.iterdir())
    # Eight, seven and six days old: the noon of the sixth day is in or out by the hour at which this runs.
    assert not kept.intersection(made[:5])
    assert {made[7], made[9], made[11]} < kept
    assert not kept.intersection((made[6], made[8], made[10]))
    assert set(made[14:]) < kept, "yesterday's, both"
    assert [path.read_bytes() for path in kept - set(made) if path.suffix == ".dump"] == [b"new"]
    assert folder / "channel-20200101T000000.000000000Z.backup" in kept


def test_nothing_goes_when_nothing_comes(tmp_path: Path) -> None:
    folder = tmp_path / "of a hub"
    made = older(folder)
    for data in (b"", bytes((1 << 20) + 1)):
        done = receive(folder, 1, data)
        assert done.returncode == 1
        assert b"refused: a ledger backup" in done.stderr
    assert set(folder.iterdir()) == set(made)


MIB = bytes(1 << 20)


def test_a_sender_fills_its_own_quota_alone(tmp_path: Path) -> None:
    """No file is removed to make room; otherwise an intruder in a sender could push out the good ones."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    said = [receive(one, 0, MIB[:-1] + turn, mib=3) for turn in (b"1", b"2", b"3")]
    assert [done.returncode for done in said] == [0, 0, 0]
    assert [b"four fifths" in done.stderr for done in said] == [False, False, True]
    there = set(one.iterdir())
    for data in (MIB, b"small"):
        done = receive(one, 0, data, mib=3)
        assert (done.returncode, set(one.iterdir())) == (1, there)
        assert (
            b"refused: 3 backups with 3 MiB are there, and 1000 with 3 MiB are this sender's quota. Remove some there"
            in done.stderr
        )
    assert receive(other, 0, MIB, mib=3).returncode == 0


def test_one_that_would_not_fit(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    assert receive(folder, 0, MIB[:-100], mib=1).returncode == 0
    done = receive(folder, 0, MIB, mib=1)
    assert (done.returncode, len(list(folder.iterdir()))) == (1, 1)
    assert b"it would be more than the 1 MiB of this sender's quota" in done.stderr
    assert receive(folder, 0, b"x" * 100, mib=1).returncode == 0, "to the last byte"


def test_so_many_files_and_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    assert [receive(folder, 0, data, files=3).returncode for data in (b"1", b"2", b"3", b"4")] == [0, 0, 0, 1]
    assert len(list(folder.iterdir())) == 3


def test_one_at_a_time(tmp_path: Path) -> None:
    """Many that are begun at once would pass the quota together. What a cut connection has left goes."""
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / ".part.cut").write_bytes(MIB)
    with subprocess.Popen(command(folder, 0), stdin=subprocess.PIPE) as slow:
        assert slow.stdin is not None
        until(lambda: [path for path in folder.glob(".part.*") if path.name != ".part.cut"])
        assert not (folder / ".part.cut").exists()
        done = receive(folder, 0)
        assert done.returncode == 1
        assert b"another ledger backup of this sender is just being taken" in done.stderr
        slow.stdin.write(b"slow")
        slow.stdin.close()
        assert slow.wait(20) == 0
    assert [path.read_bytes() for path in folder.iterdir()] == [b"slow"]


def test_a_sender_that_is_gone_keeps_nobody_out(tmp_path: Path) -> None:
    """A lost sender's connection may live on for hours. The test has a clock that runs fast."""
    fast, folder = tmp_path / "bin", tmp_path / "one"
    for path in (fast, folder):
        path.mkdir()
    (fast / "timeout").write_text('#!/bin/sh\nlimit=$1\nshift\n[ "$limit" = 61 ] && exec /usr/bin/timeout 0.2 "$@"\n')
    (fast / "timeout").chmod(0o755)
    environment = {**os.environ, "PATH": f"{fast}:{os.environ['PATH']}"}
    with subprocess.Popen(command(folder, 0), stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as gone:
        assert gone.stdin is not None
        gone.stdin.write(b"the beginning of one")
        gone.stdin.flush()
        assert gone.wait(20) == 1
        assert gone.stderr is not None
        assert b"refused: it had not come, or could not be written, within 61 s" in gone.stderr.read()
    assert list(folder.iterdir()) == []
    assert receive(folder, 0).returncode == 0


def test_the_one_that_has_come_stays_whatever_the_clock_has_said(tmp_path: Path) -> None:
    """A clock that went wrong and was set right has left names of days to come."""
    folder = tmp_path / "one"
    folder.mkdir()
    future = [folder / f"ledger-2999010{day}T000000.000000000Z.dump" for day in (1, 2)]
    for path in future:
        path.write_bytes(b"of a wrong clock")
    assert receive(folder, 1).returncode == 0
    assert b"new" in {path.read_bytes() for path in folder.iterdir()}


def until(holds: t.Callable[[], object]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
