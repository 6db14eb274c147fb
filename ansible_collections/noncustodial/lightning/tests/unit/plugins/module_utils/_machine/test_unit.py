# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check whether a unit runs with the configuration on disk."""

from __future__ import annotations

import datetime
import hashlib
import os
import stat
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import unit as _unit
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import unit_record
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.unit import Unit, UnitError, plan_unit
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.unit_record import Record

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


def read_unit(run: _unit.Run, name: str, files: list[str]) -> Unit:
    """Return the state of a unit that no run has recorded."""
    return _unit.read_unit(run, name, files, Record())


def systemd(started: float = 0.0, **properties: str) -> _unit.Run:
    """Return a systemd whose unit's process started at that time, in seconds since 1970."""
    monotonic = int((started - (time.time() - time.monotonic())) * 1e6) if started else 0
    shown = {
        "LoadState": "loaded",
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "NeedDaemonReload": "no",
        "FragmentPath": "",
        "DropInPaths": "",
        "InvocationID": "first",
        "ExecMainStartTimestamp": shown_time(started) if started else "",
        "ExecMainStartTimestampMonotonic": str(monotonic),
        **properties,
    }
    return lambda _command: (0, "".join(f"{key}={value}\n" for key, value in shown.items()), "")


def shown_time(moment: float) -> str:
    """Return a time as systemctl show --timestamp=us+utc writes it."""
    return f"{datetime.datetime.fromtimestamp(moment, datetime.UTC):%a %Y-%m-%d %H:%M:%S.%f} UTC"


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


def test_a_container_that_podman_has_made_no_unit_of_is_not_enabled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_unit, "_CONTAINER_FOLDER", str(tmp_path))
    run = systemd(LoadState="not-found", ActiveState="inactive", UnitFileState="")
    assert plan_unit(read_unit(run, "x.service", [])) == (("daemon-reload",), ("enable",), ("start",))
    (tmp_path / "x.container").touch()
    assert plan_unit(read_unit(run, "x.service", [])) == (("daemon-reload",), ("start",))


def test_whatever_is_newer_is_named(files: Path) -> None:
    run = systemd(time.time() - 60, FragmentPath=str(files / "unit"), DropInPaths=str(files / "dropin"))
    newer = read_unit(run, "x.service", [str(files / "conf.d"), str(files / "missing")]).newer
    assert newer == tuple(str(files / name) for name in ("unit", "dropin", "conf.d", "conf.d/one"))


def test_a_link_that_leads_nowhere_is_no_error(files: Path) -> None:
    (files / "conf.d" / "gone").symlink_to("nothing")
    assert read_unit(systemd(time.time() + 60), "x.service", [str(files / "conf.d")]) == CURRENT


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
def test_what_systemd_says(properties: dict[str, t.Any], expected: Unit) -> None:
    assert read_unit(systemd(**properties), "x.service", []) == expected


@pytest.mark.parametrize("folder", ["lnd@acme.service.d", "lnd@.service.d"])
def test_a_drop_in_that_systemd_has_not_read_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr(_unit, "_UNIT_FOLDER", str(tmp_path))
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

    with pytest.raises(
        UnitError, match=r"systemctl start x\.service failed: A dependency job failed.*The database does not let us in"
    ):
        _unit.apply_unit(run, "x.service", (("start",),))


class Machine:
    """A machine whose wall clock is set, with one file and one unit that reads it when it starts.

    Attributes:
        restarts: how often a run has restarted the unit.
        reads: the content with which the unit runs.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = folder / "lnd.conf"
        self.restarts, self.reads = 0, ""
        self._monotonic, self._offset, self._written = 1_000.0, 1_800_000_000.0, 0.0
        self._started, self._then, self._invocation = 0.0, 0.0, 0
        monkeypatch.setattr(unit_record, "_FOLDER", str(folder / "units"))
        monkeypatch.setattr(_unit, "_changed", lambda path: self._written if path == str(self.file) else 0.0)
        monkeypatch.setattr(time, "time", lambda: self._monotonic + self._offset)
        monkeypatch.setattr(time, "monotonic", lambda: self._monotonic)
        self.write("first")
        self.crash()

    def do(self, step: str) -> None:
        """Do one step, a minute after the one before."""
        verb, _blank, value = step.partition(" ")
        self._monotonic += 60
        verbs: dict[str, t.Callable[[], object]] = {
            "write": lambda: self.write(value),
            "touch": lambda: self.write(self.file.read_text()),
            "remove": self.file.unlink,
            "set": lambda: self.set(float(value)),
            "crash": self.crash,
            "reboot": self.crash,
            "forget": lambda: next((self.file.parent / "units").iterdir()).unlink(),
            "run": lambda: _unit.ensure_unit(self.systemctl, "lnd@acme.service", [str(self.file)], check_mode=False),
            "look": lambda: _unit.ensure_unit(self.systemctl, "lnd@acme.service", [str(self.file)], check_mode=True),
        }
        verbs[verb]()

    def write(self, content: str) -> None:
        """Write the file."""
        self.file.write_text(content)
        self._written = self._monotonic + self._offset

    def set(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self._offset += seconds

    def crash(self) -> None:
        """Start the unit anew, as systemd does by itself."""
        self.reads = self.file.read_text() if self.file.exists() else ""
        self._started, self._then = self._monotonic, self._monotonic + self._offset
        self._invocation += 1

    def systemctl(self, command: list[str]) -> tuple[int, str, str]:
        """Answer a command."""
        if command[1] == "restart":
            self.restarts += 1
            self.crash()
        shown = systemd(
            InvocationID=f"{self._invocation:032x}",
            ExecMainStartTimestamp=shown_time(self._then),
            ExecMainStartTimestampMonotonic=str(int(self._started * 1e6)),
        )
        return shown(command)


HOUR, YEAR = 3600, 365 * 86400


@pytest.mark.parametrize(
    ("story", "restarts"),
    [
        ("run, run", 0),
        ("run, write second, run, run", 1),
        ("run, write second, look, look, run, run", 1),
        # Whoever writes the same again, changes the permissions or restores a backup changes nothing.
        ("run, touch, run", 0),
        ("run, remove, run, run", 1),
        # The clock is set after the file was written, in both directions.
        (f"run, write second, set {HOUR}, run, run", 1),
        (f"run, write second, set -{HOUR}, run, run", 1),
        (f"run, set {HOUR}, run", 0),
        (f"run, set -{HOUR}, run", 0),
        (f"run, set -{HOUR}, write second, run, run", 1),
        (f"run, set {-YEAR}, write second, set {YEAR}, run, run", 1),
        # The run was killed before it restarted the unit, and something else has.
        ("run, write second, crash, run, run", 0),
        ("run, write second, reboot, run, run", 0),
        ("run, crash, write second, run, run", 1),
        ("run, write second, crash, write third, run, run", 1),
        # A machine without a clock of its own starts in the past.
        (f"run, set {-YEAR}, reboot, set {YEAR}, run", 0),
        (f"run, set {-YEAR}, reboot, write second, set {YEAR}, run, run", 1),
        (f"run, crash, write second, set {HOUR}, run, run", 1),
        (f"run, crash, write second, set -{HOUR}, run, run", 1),
        ("run, crash, remove, run, run", 1),
        # The first run on a machine that an earlier release has set up: the times decide, once.
        ("write second, run, run", 1),
        (f"write second, set {HOUR}, run, run", 1),
        (f"write second, set -{HOUR}, run, run", 1),
        (f"set {HOUR}, run", 0),
        (f"touch, crash, set -{HOUR}, run, run, run", 1),
        (f"touch, set -{HOUR}, crash, run, run, run", 1),
        ("run, forget, run", 0),
        ("run, write second, forget, run, run", 1),
    ],
)
def test_no_restart_is_missed_or_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: str, restarts: int
) -> None:
    """Whatever the wall clock does, and wherever a run is killed."""
    machine = Machine(tmp_path, monkeypatch)
    for step in story.split(", "):
        machine.do(step)
    assert machine.restarts == restarts
    assert machine.reads == (machine.file.read_text() if machine.file.exists() else "")


def test_a_run_that_was_killed_after_the_restart_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, monkeypatch)
    machine.do("run")
    machine.do("write second")
    with monkeypatch.context() as patched:
        patched.setattr(_unit, "write_record", _killed)
        with pytest.raises(KeyboardInterrupt):
            machine.do("run")
    machine.do("run")
    assert machine.restarts == 1


def _killed(*_arguments: object, **_more: object) -> None:
    raise KeyboardInterrupt


def test_a_file_that_changes_while_the_unit_restarts_restarts_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, monkeypatch)
    machine.do("run")
    machine.do("write second")

    def meanwhile(run: _unit.Run, name: str, steps: tuple[tuple[str, ...], ...]) -> None:
        apply_unit(run, name, steps)
        machine.do("write third")

    apply_unit = _unit.apply_unit
    with monkeypatch.context() as patched:
        patched.setattr(_unit, "apply_unit", meanwhile)
        machine.do("run")
    machine.do("run")
    assert (machine.restarts, machine.reads) == (2, "third")


def test_a_restart_for_one_caller_serves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several hubs share one nginx, and each has a certificate of its own."""
    machine = Machine(tmp_path, monkeypatch)
    other = tmp_path / "tls.crt"
    other.write_text("first")

    def run(path: Path) -> list[str]:
        return list(_unit.ensure_unit(machine.systemctl, "lnd@acme.service", [str(path)], check_mode=False)["commands"])

    assert (run(machine.file), run(other)) == ([], [])
    machine.do("write second")
    other.write_text("second")
    assert (run(machine.file), run(other)) == (["restart"], [])
    # What is another's is not forgotten because this caller finds nothing to do.
    other.write_text("third")
    assert (run(machine.file), run(other)) == ([], ["restart"])


def test_of_a_directory_the_names_count(tmp_path: Path) -> None:
    """A file that is being written has a hidden name for a moment."""
    (tmp_path / "one").touch()
    (before,) = unit_record.fingerprints([str(tmp_path)]).values()
    (tmp_path / ".two.x7y").touch()
    assert unit_record.fingerprints([str(tmp_path)]) == {str(tmp_path): before}
    (tmp_path / "one").unlink()
    assert unit_record.fingerprints([str(tmp_path)]) != {str(tmp_path): before}


def test_a_program_as_large_as_lnd_has_a_fingerprint(tmp_path: Path) -> None:
    program = tmp_path / "lnd"
    program.touch()
    os.truncate(program, 100 << 20)
    assert unit_record.fingerprints([str(program)]) == {str(program): hashlib.sha256(bytes(100 << 20)).hexdigest()}


def test_a_file_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_record, "_MAX_BYTES", 2 << 20)
    program = tmp_path / "lnd"
    program.touch()
    os.truncate(program, (2 << 20) + 1)
    with pytest.raises(InvalidInput, match="has more than 2 MiB"):
        unit_record.fingerprints([str(program)])


def test_the_record_is_for_root_only_and_read_strictly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch)
    machine.do("run")
    path = tmp_path / "units" / "lnd@acme.service.json"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o600, 0o700]
    path.write_text("[]")
    with pytest.raises(InvalidInput, match="Delete it, and run again"):
        machine.do("run")
