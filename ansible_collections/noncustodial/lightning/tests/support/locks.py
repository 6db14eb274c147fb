# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lnd and the lock of its database, run as the units lnd@ and lnd-lock@ run them: lnd starts when the lock is held,
is killed when the lock is lost, and both come back by themselves.
"""

from __future__ import annotations

import select
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, chain_image
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

PROGRAM = COLLECTION / "roles/lnd/files/lnd_lock.py"
# RestartSec= of both units.
LOCK_PAUSE, LND_PAUSE = 10.0, 5.0


class Lock:
    """One run of lnd-lock, in a container that has the psycopg2 of the distribution.

    Args:
        folder: for its configuration and its log.
        dsn: of lnd's database.
        wait: seconds for which it waits for another's lock; without it the program's own.
    """

    def __init__(self, folder: Path, dsn: str, wait: float | None = None) -> None:
        self.name = f"ncl-real-{uuid.uuid4().hex[:8]}"
        self.log = folder / f"{self.name}.log"
        inside = folder / self.name
        inside.mkdir(parents=True)
        (inside / "lnd.conf").write_text(f"db.postgres.dsn={dsn}\n")
        (inside / "pgpass").write_text("*:*:*:*:none\n")
        self._states: list[str] = []
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(inside / "notify"))
        command = ["podman", "run", "--rm", "--sdnotify=ignore", "--name", self.name, "--network=host"]
        command += [f"--volume={inside}:/unit", f"--volume={PROGRAM}:/lnd-lock:ro", "--env=CREDENTIALS_DIRECTORY=/unit"]
        command += ["--env=NOTIFY_SOCKET=/unit/notify", *([] if wait is None else [f"--env=LND_LOCK_WAIT={wait:g}"])]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, chain_image(), "python3", "-I", "/lnd-lock", "/unit/lnd.conf"], stdout=log, stderr=log
            )

    def status(self) -> str:
        """Return all that the program has reported to systemd."""
        while select.select([self._notify], [], [], 0)[0]:
            self._states += self._notify.recv(65536).decode().splitlines()
        return "\n".join(self._states)

    def is_held(self) -> bool:
        """Return whether the program has reported that it holds the lock."""
        return "READY=1" in self.status().splitlines()

    def ended(self) -> int | None:
        """Return the exit status; None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """Return what it has written."""
        return self.log.read_text()

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            subprocess.run(["podman", "rm", "--force", "--time=0", self.name], check=False, stdout=subprocess.DEVNULL)
        self._process.wait(60)
        self._notify.close()


class Units:
    """The two units of one node, from now until they are stopped.

    Attributes:
        happened: what ended by itself or was killed, with the time.
    """

    def __init__(self, lnd: Lnd, folder: Path) -> None:
        self._lnd, self._folder = lnd, folder
        self.happened: list[tuple[float, str]] = []
        self.lock: Lock | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"units of {lnd.directory.name}")

    def start(self) -> None:
        """Start both, as `systemctl start --no-block lnd@NAME` does."""
        self._thread.start()

    def stop(self) -> None:
        """Stop both."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join()

    def count(self, what: str) -> int:
        """Return how often something happened."""
        return sum(one == what for _when, one in self.happened)

    def _run(self) -> None:
        while not self._end.is_set():
            self.lock = Lock(self._folder, self._lnd.dsn)
            try:
                self._hold(self.lock)
            finally:
                if not self._lnd.has_ended():
                    if self._end.is_set():
                        self._lnd.stop()
                    else:
                        self._note("lnd killed")
                        self._lnd.kill()
                self.lock.stop()
            self._end.wait(LOCK_PAUSE)

    def _hold(self, lock: Lock) -> None:
        """Keep lnd running for as long as the lock is held."""
        running, start_at = False, 0.0
        while lock.ended() is None and not self._end.wait(0.05):
            if not lock.is_held():
                continue
            if self._lnd.has_ended() and running:
                self._note("lnd ended")
                running, start_at = False, time.monotonic() + LND_PAUSE
            elif not running and time.monotonic() >= start_at:
                self._lnd.start()
                running = True
        if not self._end.is_set():
            self._note("lock lost" if lock.is_held() else "lock not taken")

    def _note(self, what: str) -> None:
        self.happened.append((time.time(), what))
