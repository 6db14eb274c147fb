"""Which process the time of this machine goes to while something is measured."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def container_pid(name: str) -> int:
    """The first process of a container."""
    shown = subprocess.run(["podman", "inspect", name], check=True, capture_output=True, text=True).stdout
    return int(json.loads(shown)[0]["State"]["Pid"])


def seconds(pid: int) -> float:
    """CPU seconds of a process, and with another than this one of its children, those that ended among them: PostgreSQL has one for each client."""
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
    """CPU milliseconds of each process for one of so many jobs.

    Args:
        pids: by name.
    """

    def __init__(self, pids: t.Mapping[str, int]) -> None:
        self._pids = pids
        self._begin = {name: seconds(pid) for name, pid in pids.items()}

    def each(self, jobs: int) -> dict[str, float]:
        """Since it was made."""
        return {name: round((seconds(pid) - self._begin[name]) * 1000 / jobs, 2) for name, pid in self._pids.items()}
