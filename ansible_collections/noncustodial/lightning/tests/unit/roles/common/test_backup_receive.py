# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backup machine keeps of the backups that arrive, and for how long."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROLES = Path(__file__).resolve().parents[4] / "roles"


def receive(folder: Path, days: int, data: bytes = b"new") -> subprocess.CompletedProcess[bytes]:
    command = ["sh", str(ROLES / "_common/files/backup-receive"), str(folder), "ledger.dump", "1", str(days)]
    return subprocess.run(command, input=data, check=False, capture_output=True)


def older(folder: Path) -> list[Path]:
    """Two backups a day for eight days, oldest first; the older one of a day at one o'clock, the other at noon."""
    today = datetime.now(UTC)
    days = [(today - timedelta(days=days)).strftime("%Y%m%d") for days in range(8, 0, -1)]
    made = [folder / f"ledger-{day}T{hour}0000.000000000Z.dump" for day in days for hour in ("01", "12")]
    folder.mkdir()
    for path in made:
        path.write_bytes(path.name.encode())
    return made


def test_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "of a hub"
    made = older(folder)
    assert receive(folder, 0).returncode == 0
    assert len(list(folder.iterdir())) == len(made) + 1


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
