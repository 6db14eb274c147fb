# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that a systemd unit runs with its files on disk, and the commands that make it so."""

from __future__ import annotations

import contextlib
import datetime
import os
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from .._core.errors import LightningError
from .unit_record import Fingerprints, Record, fingerprints, read_record, turn, write_record

# Returns exit code, standard output and standard error of a command.
Run = t.Callable[[list[str]], tuple[int, str, str]]

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "SourcePath",
    "DropInPaths",
    "InvocationID",
    "ExecMainStartTimestamp",
    "ExecMainStartTimestampMonotonic",
    "ActiveEnterTimestamp",
    "ActiveEnterTimestampMonotonic",
)


# The directory of an administrator's units (systemd.unit(5)).
_UNIT_FOLDER = "/etc/systemd/system"
# The directory of the files from which podman's generator makes units (podman-systemd.unit(5)).
_CONTAINER_FOLDER = "/etc/containers/systemd"


class UnitError(LightningError):
    """systemd refused; the text states what it refused and where to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The state of a unit according to systemd, compared with its files on disk.

    Attributes:
        active: it runs.
        enabled: it starts with the machine.
        stale: files of the unit on disk are not those that systemd has read.
        newer: files that changed since its process started.
        seen: the files as they were read, before any command.
        kept: those of them with which its process started.
    """

    active: bool
    enabled: bool
    stale: bool
    newer: tuple[str, ...]
    seen: Fingerprints = field(default_factory=dict, compare=False)
    kept: Fingerprints = field(default_factory=dict, compare=False)


def ensure_unit(run: Run, name: str, files: t.Sequence[str], check_mode: bool) -> dict[str, t.Any]:
    """Make a unit run with its files on disk, and record with which it runs; in check mode only compare them.

    Returns:
        changed, commands, newer and diff, as the module returns them.

    Raises:
        UnitError: systemd does not know the unit, or a command failed.
        InvalidInput: a file or the record cannot be read, or the record not be written.
    """
    with contextlib.nullcontext() if check_mode else turn(name):
        record = read_record(name)
        unit = read_unit(run, name, files, record)
        steps = plan_unit(unit)
        if not check_mode:
            apply_unit(run, name, steps)
            began = any(step[0] in ("start", "restart") for step in steps)
            write_record(
                name, Record(_shown(run, name)["InvocationID"], unit.seen if began else unit.kept), before=record
            )
    return {
        "changed": bool(steps),
        "commands": [" ".join(step) for step in steps],
        "newer": list(unit.newer),
        "diff": {"before": "".join(f"older than {path}\n" for path in unit.newer), "after": ""},
    }


def read_unit(run: Run, name: str, files: t.Sequence[str], record: Record) -> Unit:
    """Read a unit's state.

    A file is compared with the record of what the running process started with. Where that does not decide, because
    the file is not in it, or because the file changed and something else started the unit again, the times decide.

    Args:
        run: runs a command.
        name: the name of the unit.
        files: those that it reads at its start, besides its unit files; a directory stands for itself and the files
            directly in it.
        record: the files with which the unit was last seen to have started.

    Raises:
        UnitError: systemd does not know the unit.
    """
    found = _shown(run, name)
    if found["LoadState"] not in ("loaded", "not-found"):
        raise UnitError(f"The unit {name} is {found['LoadState']}. See systemctl status {name}")
    # A generator writes its unit anew whenever systemd reads any units, so its source counts.
    fragment = found.get("SourcePath") or found["FragmentPath"]
    own = list(_flat([path for path in [fragment, *found["DropInPaths"].split(), *files] if path]))
    # What is written from here on differs from what is recorded, so that the next run finds it.
    # One that is recorded for another task, and gone, is forgotten.
    seen = fingerprints([*own, *filter(os.path.lexists, record.files)])
    started, same = _started(found), bool(record.invocation) and found["InvocationID"] == record.invocation
    newer = {
        path
        for path, fingerprint in seen.items()
        if fingerprint != record.files.get(path, "")
        # A file that is no longer there has no time.
        and ((path in record.files and (same or fingerprint is None)) or _changed(path) > started)
    }
    return Unit(
        active=found["ActiveState"] in ("active", "reloading"),
        # A generator's unit cannot be enabled; before the generator has run, systemd does not know the unit.
        enabled=found["UnitFileState"] in ("enabled", "enabled-runtime", "static", "indirect", "alias", "generated")
        or Path(_CONTAINER_FOLDER, f"{name.removesuffix('.service')}.container").exists(),
        stale=found["NeedDaemonReload"] == "yes"
        or found["LoadState"] == "not-found"
        or _unread(name, found["DropInPaths"].split()),
        newer=tuple(path for path in own if path in newer),
        seen=seen,
        kept={path: record.files.get(path) if path in newer else fingerprint for path, fingerprint in seen.items()},
    )


def plan_unit(unit: Unit) -> tuple[tuple[str, ...], ...]:
    """Return the commands of systemctl that make the unit run with its files on disk, without the unit's name where
    they need none.
    """
    steps: list[tuple[str, ...]] = []
    if unit.stale:
        steps.append(("daemon-reload",))
    if not unit.enabled:
        steps.append(("enable",))
    if not unit.active:
        steps.append(("start",))
    elif unit.stale or unit.newer:
        steps.append(("restart",))
    return tuple(steps)


def apply_unit(run: Run, name: str, steps: tuple[tuple[str, ...], ...]) -> None:
    """Carry out the commands, each to its end: a unit that reports its readiness is ready then.

    Raises:
        UnitError: one failed; the text holds the last lines in the journal of the unit and of those that it is bound
            to.
    """
    for step in steps:
        code, _out, err = run(["systemctl", *step, *([] if step == ("daemon-reload",) else [name])])
        if code != 0:
            _code, bound, _err = run(["systemctl", "show", "--property=BindsTo", "--value", name])
            units = [f"--unit={unit}" for unit in (name, *bound.split())]
            _code, journal, _err = run(["journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=15", *units])
            raise UnitError(
                f"systemctl {' '.join(step)} {name} failed: {err.strip()}. Its last lines: {journal.strip()}"
            )


def _unread(name: str, known: t.Sequence[str]) -> bool:
    """Return whether there is a drop-in that systemd has not read. NeedDaemonReload of systemd 252 misses those in a
    new directory.
    """
    stem, kind = os.path.splitext(name)
    template = f"{stem.split('@')[0]}@{kind}" if "@" in stem else name
    there = {str(path) for unit in (name, template) for path in Path(_UNIT_FOLDER, f"{unit}.d").glob("*.conf")}
    return not there <= set(known)


def _shown(run: Run, name: str) -> dict[str, str]:
    """Return the properties of a unit."""
    code, out, err = run(["systemctl", "show", "--timestamp=us+utc", f"--property={','.join(_PROPERTIES)}", name])
    if code != 0:
        raise UnitError(f"systemctl show {name} failed: {err.strip()}")
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def _started(properties: t.Mapping[str, str]) -> float:
    """Return the time before which a file was certainly written before the unit started, in seconds since 1970.

    The wall clock may have been set since. The earlier setting counts for files that were written before that, and the
    present clock for later ones; so the earlier of both counts.
    """
    # A unit without a process of its own, such as a path unit, has only the time since which it is active.
    event = "ExecMainStart" if properties.get("ExecMainStartTimestampMonotonic") else "ActiveEnter"
    since, then = int(properties[f"{event}TimestampMonotonic"] or 0), properties.get(f"{event}Timestamp", "").split()
    by_now = time.time() - time.monotonic() + since / 1e6
    if not since or len(then) < 3:
        return by_now
    by_then = datetime.datetime.fromisoformat(f"{then[1]} {then[2]}").replace(tzinfo=datetime.UTC)
    return min(by_now, by_then.timestamp())


def _flat(paths: t.Iterable[str]) -> t.Iterator[str]:
    for path in paths:
        yield path
        if os.path.isdir(path):
            yield from (str(entry) for entry in sorted(Path(path).iterdir()))


def _changed(path: str) -> float:
    """Return the time of the last change of a file, or of the link that names it; 0 if there is none."""
    return max(
        os.lstat(path).st_ctime if os.path.lexists(path) else 0.0,
        os.stat(path).st_ctime if os.path.exists(path) else 0.0,
    )
