# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that handle secrets: these pass through standard input and output, never through arguments or
environment."""

from __future__ import annotations

import os
import subprocess
import typing as t
from dataclasses import dataclass

from .errors import InvalidInput
from .printable import printable

# Seconds. All programs only compute locally, but one may have to ask the machine's TPM.
_TIMEOUT_SECONDS = 60.0
_PACKAGES = {
    "age": "age",
    "age-keygen": "age",
    "ssh-keygen": "openssh-client",
    "systemd-creds": "systemd, 250 or newer",
}


@dataclass(frozen=True)
class Ended:
    """The result of a program.

    Attributes:
        code: its exit code.
        output: its standard output; may be secret.
        message: the last line of its standard error, printable.
    """

    code: int
    output: bytes
    message: str


def run(command: t.Sequence[str], data: bytes = b"") -> Ended:
    """Run a program in a session of its own, so that it cannot ask for a passphrase on a terminal.

    Args:
        command: program and arguments; nothing secret.
        data: its standard input.

    Raises:
        InvalidInput: it is not installed, or hangs.
    """
    try:
        done = subprocess.run(
            list(command),
            input=data,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"},
        )
    except FileNotFoundError as error:
        raise InvalidInput(
            f"There is no program {command[0]} on this machine", f"Install the package {_PACKAGES[command[0]]}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(
            f"The program {command[0]} gave no answer in {_TIMEOUT_SECONDS:g} s", "Try it by hand"
        ) from error
    lines = [
        line
        for line in done.stderr.decode(errors="replace").splitlines()
        if line.strip() and "report unexpected" not in line
    ]
    return Ended(done.returncode, done.stdout, printable(lines[-1]) if lines else "")
