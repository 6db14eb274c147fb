# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of systemd-creds, because the real one needs root and this machine's key."""

from __future__ import annotations

import base64
from pathlib import Path

# Keeps its arguments beside itself; seals with the key that lies there, and under a name.
SYSTEMD_CREDS = """#!/bin/sh
echo "$@" >> "$0.log"
test -e "$0.key" || { echo "no key" >&2; exit 1; }
case $1 in
  encrypt) { cat "$0.key"; echo "$2"; cat; } | base64 ;;
  decrypt) base64 -d "$3" 2>/dev/null | { read key; read name
    test "$key $name" = "$(cat "$0.key") $2" || { echo "No message of desired type" >&2; exit 1; }
    cat; } ;;
esac
"""


class SystemdCreds:
    """A stand-in of systemd-creds in PATH, because the real one needs root and this machine's key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.program = folder / "systemd-creds"
        self.program.write_text(SYSTEMD_CREDS)
        self.program.chmod(0o755)
        self._log = Path(f"{self.program}.log")
        self._log.touch()
        self.machine("A")

    def machine(self, key: str | None) -> None:
        """Use another machine from now on, or one without a key, which ends before it has read its input."""
        path = Path(f"{self.program}.key")
        path.unlink(missing_ok=True)
        if key is not None:
            path.write_text(f"{key}\n")

    @property
    def log(self) -> str:
        """The arguments of all calls, a line each."""
        return self._log.read_text()

    @staticmethod
    def content(path: Path) -> bytes:
        """Return the content of a sealed file."""
        return base64.b64decode(path.read_bytes()).split(b"\n", 2)[2]
