# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of systemctl and journalctl, because the real ones need a machine of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

# It starts a unit's command and waits until that is ready, as systemd does for Type=notify. A unit without a command is
# only recorded.
SYSTEMCTL = """#!{python}
import json, os, pathlib, signal, subprocess, sys, time

folder = pathlib.Path({folder!r})
units = json.loads((folder / "units.json").read_text())
words = [word for word in sys.argv[1:] if not word.startswith("-")]
verb, name = words[0], words[-1]
since = folder / f"{{name}}.since"
process = folder / f"{{name}}.pid"
disabled, masked = (folder / f"{{name}}.{{state}}" for state in ("disabled", "masked"))


def ended(pid):
    try:
        return pathlib.Path(f"/proc/{{pid}}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def stop():
    if process.exists():
        pid = int(process.read_text())
        if not ended(pid):
            os.kill(pid, signal.SIGTERM)
        while not ended(pid):
            time.sleep(0.05)
        process.unlink()
    since.unlink(missing_ok=True)


def start():
    if units[name]:
        ready = folder / f"{{name}}.ready"
        ready.unlink(missing_ok=True)
        with open(folder / f"{{name}}.log", "ab") as log:
            started = subprocess.Popen(units[name], stdout=log, stderr=log, start_new_session=True,
                                       env={{**os.environ, "NOTIFY_SOCKET": str(folder / f"{{name}}.notify")}})
        process.write_text(str(started.pid))
        while not ready.exists():
            if started.poll() is not None:
                sys.exit(f"{{name}} has ended, see {{log.name}}")
            time.sleep(0.05)
    since.write_text(str(int(time.monotonic() * 1e6)))


active = since.exists() and (not process.exists() or not ended(int(process.read_text())))
state = "masked" if masked.exists() else "disabled" if disabled.exists() else "enabled"
if verb == "show":
    print(f"LoadState={{'masked' if masked.exists() else 'loaded'}}",
          f"ActiveState={{'active' if active else 'inactive'}}", f"UnitFileState={{state}}",
          "NeedDaemonReload=no", "FragmentPath=", "SourcePath=", "DropInPaths=",
          f"InvocationID={{since.read_text() if active else ''}}",
          f"ExecMainStartTimestampMonotonic={{since.read_text() if active else 0}}", sep="\\n")
elif verb == "is-enabled":
    print(state)
elif verb == "is-active":
    print("active" if active else "inactive")
elif verb == "disable":
    disabled.touch()
elif verb == "enable":
    disabled.unlink(missing_ok=True)
elif verb == "mask":
    masked.touch()
elif verb == "kill":
    with open(folder / "log", "a") as log:
        print(verb, name, file=log)
    if process.exists() and not ended(int(process.read_text())):
        os.kill(int(process.read_text()), signal.SIGKILL)
elif verb in ("start", "stop", "restart"):
    with open(folder / "log", "a") as log:
        print(verb, name, file=log)
    if verb != "start":
        stop()
    if verb != "stop":
        start()
"""

RECORDS = Path("/var/lib/noncustodial-lightning/units")
JOURNALCTL = """#!/bin/sh
for word; do
  case $word in --unit=*) tail -n 15 "{folder}/${{word#--unit=}}.log" ;; esac
done
"""


class Units:
    """Units under a stand-in of systemctl.

    Args:
        folder: where the program and its records lie; to be put into PATH.
        commands: the command of each unit; none for one that is only recorded.
    """

    def __init__(self, folder: Path, commands: t.Mapping[str, list[str]]) -> None:
        self.folder = folder
        (folder / "units.json").write_text(json.dumps(commands))
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            (folder / name).write_text(text.format(python=sys.executable, folder=str(folder)))
            (folder / name).chmod(0o755)
        for name in commands:
            notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            notify.bind(str(folder / f"{name}.notify"))
            threading.Thread(target=self._receive, args=(name, notify), daemon=True).start()

    def _receive(self, name: str, notify: socket.socket) -> None:
        """Record that a unit is ready; lnd ends if it cannot report that."""
        while True:
            if b"READY=1" in notify.recv(4096):
                (self.folder / f"{name}.ready").touch()

    @property
    def log(self) -> list[str]:
        """The units that were started, stopped and restarted, as systemctl was told."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def call(self, verb: str, name: str) -> None:
        """Start, stop, restart, enable or disable a unit."""
        subprocess.run([str(self.folder / "systemctl"), verb, name], check=True)

    def kill(self, name: str) -> None:
        """End a unit's process at once, as a power cut would."""
        os.kill(int((self.folder / f"{name}.pid").read_text()), signal.SIGKILL)

    def end(self) -> None:
        """End all processes, and remove what unit_current has recorded of the units on this machine."""
        for name in json.loads((self.folder / "units.json").read_text()):
            (RECORDS / f"{name}.json").unlink(missing_ok=True)
        for path in self.folder.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.read_text()), signal.SIGKILL)
