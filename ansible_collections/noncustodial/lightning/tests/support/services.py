# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of services, run as by systemd."""

from __future__ import annotations

import os
import signal
import subprocess
import typing as t
from pathlib import Path

import httpx

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT


def environment(role: str, credentials: Path) -> dict[str, str]:
    """Return the environment of a process of a role's service."""
    files = [COLLECTION / f"roles/{name}/files" for name in (role, "common")]
    return {
        **os.environ,
        "CREDENTIALS_DIRECTORY": str(credentials),
        "PYTHONPATH": os.pathsep.join(map(str, (*files, ROOT))),
        "PYTHONWARNINGS": "error",
    }


def await_answer(
    what: str, process: subprocess.Popen[bytes], log: Path, ask: t.Callable[[], httpx.Response], status: int = 200
) -> None:
    """Wait until a service answers with this status; fail if its process has ended."""

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return ask().status_code == status
        except httpx.TransportError:
            return False

    until(f"{what}, see {log}", answers)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process as systemd does."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    finally:
        process.kill()


def rss_mb(process: subprocess.Popen[bytes]) -> float:
    """Return the resident memory of a process, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
