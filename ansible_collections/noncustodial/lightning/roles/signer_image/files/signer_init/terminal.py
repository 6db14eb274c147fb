# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal of the tenant's session. Secrets are written only to it, and never to standard output, which may be a
file.
"""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import Refused

# Major numbers of the terminals of logins over the network (Linux: Documentation/admin-guide/devices.txt, Unix98 PTY
# slaves).
_SESSION_MAJORS = range(136, 144)
# The second screen of a terminal: what is on it does not come into the text that can be scrolled back to.
_ENTER, _LEAVE, _CLEAR = "\033[?1049h\033[H\033[2J", "\033[H\033[2J\033[?1049l", "\033[H\033[2J"


class Stopped(Exception):
    """The tenant has stopped, or the session has ended. Nothing is lost."""


class Terminal:
    """A terminal to read from and to write to.

    Args:
        reader: the lines that are typed.
        writer: the screen.
    """

    def __init__(self, reader: t.TextIO, writer: t.TextIO) -> None:
        self._reader, self._writer = reader, writer

    def say(self, text: str = "") -> None:
        """Show a line."""
        self._writer.write(text + "\n")
        self._writer.flush()

    def ask(self, text: str) -> str:
        """Show a text, and return the line that is typed after it, without blanks around it.

        Raises:
            Stopped: q was typed, or the session has ended.
        """
        self._writer.write(text)
        self._writer.flush()
        line = self._reader.readline()
        if not line or line.strip().lower() == "q":
            raise Stopped
        return line.strip()

    def __enter__(self) -> Terminal:
        """Switch to the second screen until the end of the block, whatever ends it."""
        self._write(_ENTER)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._write(_LEAVE)

    def clear(self) -> None:
        """Clear the screen."""
        self._write(_CLEAR)

    def _write(self, text: str) -> None:
        self._writer.write(text)
        self._writer.flush()


def of_session() -> Terminal:
    """Return the terminal of this login.

    Raises:
        Refused: there is none, or it is a console.
    """
    try:
        handle = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise Refused(
            "The seed is shown on a terminal, and this session has none. Nothing was changed",
            "Log in with ssh -t, or have the seed encrypted to a key of yours: signer-init --seed-recipient age1…",
        ) from error
    if not all(os.major(number) in _SESSION_MAJORS for number in terminals(Path("/proc"), os.getpid())):
        os.close(handle)
        raise Refused(
            "This is a console, and what a console shows is kept by whoever runs the machine. Nothing was changed",
            "Log in over ssh, and run it there",
        )
    return Terminal(os.fdopen(os.dup(handle), "r"), os.fdopen(handle, "w"))


def terminals(proc: Path, process: int) -> t.Iterator[int]:
    """Yield the terminals, as device numbers, of a process and of all its ancestors: sudo runs its command in a new
    terminal.
    """
    for _number, terminal in _ancestry(proc, process):
        if terminal:
            yield terminal


def connection(proc: Path, process: int) -> str:
    """Return SSH_CONNECTION of the login in which a process was started, which sudo does not pass on; empty if that was
    no login over ssh.
    """
    for number, _terminal in _ancestry(proc, process):
        try:
            environment = (proc / str(number) / "environ").read_bytes()
        except OSError:
            # It has ended since, or is not ours to read.
            continue
        for variable in environment.split(b"\0"):
            if variable.startswith(b"SSH_CONNECTION="):
                return variable.partition(b"=")[2].decode(errors="replace")
    return ""


def _ancestry(proc: Path, process: int) -> t.Iterator[tuple[int, int]]:
    """Yield a process and all its ancestors, with the terminal of each."""
    while process > 0:
        try:
            # The name, which comes before these, may hold anything but ends with the last parenthesis (Linux:
            # proc_pid_stat(5)).
            fields = (proc / str(process) / "stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            return
        yield process, int(fields[4])
        process = int(fields[1])
