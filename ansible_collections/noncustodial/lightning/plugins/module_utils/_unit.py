# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a systemd unit runs by what is on disk, and how to make it so."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

# Gives exit code, standard output and standard error of a command.
Run = t.Callable[[list[str]], tuple[int, str, str]]

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "SourcePath",
    "DropInPaths",
    "ExecMainStartTimestampMonotonic",
    "ActiveEnterTimestampMonotonic",
)


# Where an administrator's units are (systemd.unit(5)).
_UNITS = "/etc/systemd/system"
# And of what podman's generator makes units (podman-systemd.unit(5)).
_CONTAINERS = "/etc/containers/systemd"


class UnitError(Exception):
    """systemd refused; the text says what and where to look."""


@dataclass(frozen=True)
class Unit:
    """What systemd says of a unit, and what lies on disk.

    Attributes:
        active: it runs.
        enabled: it starts with the machine.
        stale: files of the unit on disk are not those that systemd has read.
        newer: files that changed since its process started; in seconds since 1970 both.
    """

    active: bool
    enabled: bool
    stale: bool
    newer: tuple[str, ...]


def read_unit(run: Run, name: str, files: t.Sequence[str]) -> Unit:
    """Read a unit's state.

    Args:
        run: runs a command.
        name: of the unit.
        files: what it reads when it starts, besides its unit files; of a directory, itself and all files directly in it. Missing ones count as unchanged.

    Raises:
        UnitError: systemd does not know the unit.
    """
    code, out, err = run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", name])
    if code != 0:
        raise UnitError(f"systemctl show {name} failed: {err.strip()}")
    found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    if found["LoadState"] not in ("loaded", "not-found"):
        raise UnitError(f"The unit {name} is {found['LoadState']}. See systemctl status {name}")
    # A unit without a process of its own, such as a path, has only the time since which it is active.
    since = int(found.get("ExecMainStartTimestampMonotonic") or found["ActiveEnterTimestampMonotonic"] or 0)
    started = time.time() - time.monotonic() + since / 1e6
    # A generator writes its unit anew whenever systemd reads any; what it made it of tells.
    fragment = found.get("SourcePath") or found["FragmentPath"]
    paths = [path for path in [fragment, *found["DropInPaths"].split(), *files] if path]
    return Unit(
        active=found["ActiveState"] in ("active", "reloading"),
        # What a generator makes cannot be enabled; before it was asked systemd does not know the unit.
        enabled=found["UnitFileState"] in ("enabled", "enabled-runtime", "static", "indirect", "alias", "generated")
        or Path(_CONTAINERS, f"{name.removesuffix('.service')}.container").exists(),
        stale=found["NeedDaemonReload"] == "yes" or found["LoadState"] == "not-found" or _unread(name, found["DropInPaths"].split()),
        newer=tuple(path for path in _flat(paths) if _changed(path) > started),
    )


def plan_unit(unit: Unit) -> tuple[tuple[str, ...], ...]:
    """The commands of systemctl, without the unit's name where they need none, that make the unit run by what is on disk."""
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
    """Carry the commands out, each to its end: a unit that says when it is ready is ready then.

    Raises:
        UnitError: one failed; the text holds the last lines in the journal of the unit and of those that it is bound to.
    """
    for step in steps:
        code, _out, err = run(["systemctl", *step, *([] if step == ("daemon-reload",) else [name])])
        if code != 0:
            _code, bound, _err = run(["systemctl", "show", "--property=BindsTo", "--value", name])
            units = [f"--unit={unit}" for unit in (name, *bound.split())]
            _code, journal, _err = run(["journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=15", *units])
            raise UnitError(f"systemctl {' '.join(step)} {name} failed: {err.strip()}. Its last lines: {journal.strip()}")


def _unread(name: str, known: t.Sequence[str]) -> bool:
    """Whether there is a drop-in that systemd has not read. Those in a directory that is new, NeedDaemonReload of systemd 252 does not see."""
    stem, kind = os.path.splitext(name)
    template = f"{stem.split('@')[0]}@{kind}" if "@" in stem else name
    there = {str(path) for unit in (name, template) for path in Path(_UNITS, f"{unit}.d").glob("*.conf")}
    return not there <= set(known)


def _flat(paths: t.Iterable[str]) -> t.Iterator[str]:
    for path in paths:
        yield path
        if os.path.isdir(path):
            # The directory itself tells of a file that was removed.
            yield from (str(entry) for entry in sorted(Path(path).iterdir()))


def _changed(path: str) -> float:
    """When a file, or the link that names it, changed last; 0 for none."""
    if not os.path.lexists(path):
        return 0.0
    return max(os.lstat(path).st_ctime, os.stat(path).st_ctime)
