# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a unit runs by what is on disk."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils import _unit
from ansible_collections.noncustodial.lightning.plugins.module_utils._unit import Unit, UnitError, plan_unit, read_unit

CURRENT = Unit(active=True, enabled=True, stale=False, newer=())


@pytest.mark.parametrize(
    ("unit", "steps"),
    [
        (CURRENT, ()),
        (Unit(active=True, enabled=True, stale=False, newer=("/etc/x",)), (("restart",),)),
        (Unit(active=True, enabled=True, stale=True, newer=()), (("daemon-reload",), ("restart",))),
        (Unit(active=True, enabled=False, stale=False, newer=()), (("enable",),)),
        (Unit(active=False, enabled=True, stale=False, newer=("/etc/x",)), (("start",),)),
        (Unit(active=False, enabled=False, stale=True, newer=()), (("daemon-reload",), ("enable",), ("start",))),
    ],
)
def test_plan(unit: Unit, steps: tuple[tuple[str, ...], ...]) -> None:
    assert plan_unit(unit) == steps


def systemd(started: float = 0.0, **properties: str) -> _unit.Run:
    """A systemd whose unit's process started at that time, in seconds since 1970."""
    monotonic = int((started - (time.time() - time.monotonic())) * 1e6) if started else 0
    shown = {
        "LoadState": "loaded",
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "NeedDaemonReload": "no",
        "FragmentPath": "",
        "DropInPaths": "",
        "ExecMainStartTimestampMonotonic": str(monotonic),
        **properties,
    }
    return lambda _command: (0, "".join(f"{key}={value}\n" for key, value in shown.items()), "")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("unit", "dropin", "conf.d/one"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_a_unit_that_started_after_its_files_is_current(files: Path) -> None:
    run = systemd(time.time() + 60, FragmentPath=str(files / "unit"), DropInPaths=str(files / "dropin"))
    assert read_unit(run, "x.service", [str(files / "conf.d"), str(files / "missing")]) == CURRENT


def test_of_a_generated_unit_its_source_counts(files: Path) -> None:
    """The unit itself is written anew whenever systemd reads any."""
    source, written = files / "unit", files / "dropin"
    run = systemd(time.time() + 60, UnitFileState="generated", SourcePath=str(source), FragmentPath=str(written))
    assert read_unit(run, "x.service", []) == CURRENT
    run = systemd(time.time() - 60, UnitFileState="generated", SourcePath=str(source), FragmentPath=str(written))
    assert read_unit(run, "x.service", []).newer == (str(source),)


def test_a_container_that_podman_has_made_no_unit_of_is_not_enabled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unit, "_CONTAINERS", str(tmp_path))
    run = systemd(LoadState="not-found", ActiveState="inactive", UnitFileState="")
    assert plan_unit(read_unit(run, "x.service", [])) == (("daemon-reload",), ("enable",), ("start",))
    (tmp_path / "x.container").touch()
    assert plan_unit(read_unit(run, "x.service", [])) == (("daemon-reload",), ("start",))


def test_whatever_is_newer_is_named(files: Path) -> None:
    run = systemd(time.time() - 60, FragmentPath=str(files / "unit"), DropInPaths=str(files / "dropin"))
    newer = read_unit(run, "x.service", [str(files / "conf.d"), str(files / "missing")]).newer
    assert newer == tuple(str(files / name) for name in ("unit", "dropin", "conf.d", "conf.d/one"))


def test_a_removed_fragment_counts(files: Path) -> None:
    (files / "conf.d" / "one").unlink()
    assert read_unit(systemd(time.time() - 60), "x.service", [str(files / "conf.d")]).newer == (str(files / "conf.d"),)


def test_a_link_that_was_switched_counts(files: Path) -> None:
    (files / "link").symlink_to("unit")
    assert read_unit(systemd(time.time() - 60), "x.service", [str(files / "link")]).newer == (str(files / "link"),)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"LoadState": "not-found", "ActiveState": "inactive", "UnitFileState": ""},
            Unit(active=False, enabled=False, stale=True, newer=()),
        ),
        ({"ActiveState": "failed"}, Unit(active=False, enabled=True, stale=False, newer=())),
        ({"ActiveState": "activating"}, Unit(active=False, enabled=True, stale=False, newer=())),
        ({"UnitFileState": "enabled-runtime"}, CURRENT),
        ({"UnitFileState": "disabled"}, Unit(active=True, enabled=False, stale=False, newer=())),
        ({"NeedDaemonReload": "yes"}, Unit(active=True, enabled=True, stale=True, newer=())),
    ],
)
def test_what_systemd_says(properties: dict[str, str], expected: Unit) -> None:
    assert read_unit(systemd(**properties), "x.service", []) == expected


@pytest.mark.parametrize("folder", ["lnd@acme.service.d", "lnd@.service.d"])
def test_a_drop_in_that_systemd_has_not_read_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setattr(_unit, "_UNITS", str(tmp_path))
    there = tmp_path / folder / "signer.conf"
    there.parent.mkdir()
    there.touch()
    (tmp_path / "lnd@globex.service.d").mkdir()
    (tmp_path / "lnd@globex.service.d" / "other.conf").touch()
    after = time.time() + 60
    assert read_unit(systemd(after), "lnd@acme.service", []).stale
    assert read_unit(systemd(after, DropInPaths=str(there)), "lnd@acme.service", []) == CURRENT


def test_a_masked_unit_is_an_error() -> None:
    with pytest.raises(UnitError, match=r"x\.service is masked"):
        read_unit(systemd(LoadState="masked"), "x.service", [])


def test_a_failed_start_shows_the_journal_of_all_that_it_needs() -> None:
    def run(command: list[str]) -> tuple[int, str, str]:
        if command[:2] == ["systemctl", "show"]:
            return 0, "x-lock.service\n", ""
        if command[0] == "journalctl":
            assert command[-2:] == ["--unit=x.service", "--unit=x-lock.service"]
            return 0, "The database does not let us in\n", ""
        return 1, "", "A dependency job failed."

    with pytest.raises(UnitError, match=r"systemctl start x\.service failed: A dependency job failed.*The database does not let us in"):
        _unit.apply_unit(run, "x.service", (("start",),))
