"""The CPU time that each process uses while something is measured."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def container_pid(name: str) -> int:
    """Return the process id of a container's first process."""
    shown = subprocess.run(["podman", "inspect", name], check=True, capture_output=True, text=True).stdout
    return int(json.loads(shown)[0]["State"]["Pid"])


def seconds(pid: int) -> float:
    """Return the CPU seconds of a process; for any but this one also those of its children, ended ones included:
    PostgreSQL has one for each client.
    """
    if pid == os.getpid():
        return time.process_time()
    return (_ticks(pid) + sum(_ticks(child) for child in _children(pid))) / _TICKS


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    # utime, stime, cutime, cstime
    return sum(int(field) for field in fields[11:15])


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


class Watch:
    """Measure the CPU milliseconds that each process uses for one job.

    Args:
        pids: by name.
    """

    def __init__(self, pids: t.Mapping[str, int]) -> None:
        self._pids = pids
        self._begin = {name: seconds(pid) for name, pid in pids.items()}

    def each(self, jobs: int) -> dict[str, float]:
        """Return the milliseconds for one of so many jobs, since this object was made."""
        return {name: round((seconds(pid) - self._begin[name]) * 1000 / jobs, 2) for name, pid in self._pids.items()}
