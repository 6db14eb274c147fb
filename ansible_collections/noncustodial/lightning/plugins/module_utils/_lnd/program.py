# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program that handles secrets: they go through its standard input and output, never through its arguments or environment."""

from __future__ import annotations

import os
import subprocess
import typing as t
from dataclasses import dataclass

from .errors import InvalidInput
from .printable import printable

# Local computations all of them, but one may have to ask the machine's TPM.
_TIMEOUT = 60.0
_PACKAGES = {"age": "age", "age-keygen": "age", "ssh-keygen": "openssh-client", "systemd-creds": "systemd, 250 or newer"}


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code.
        output: what it wrote; may be secret.
        message: the last line that it wrote to its error output, printable.
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
            timeout=_TIMEOUT,
            check=False,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"},
        )
    except FileNotFoundError as error:
        raise InvalidInput(f"There is no program {command[0]} on this machine", f"Install the package {_PACKAGES[command[0]]}") from error
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(f"The program {command[0]} gave no answer in {_TIMEOUT:g} s", "Try it by hand") from error
    lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip() and "report unexpected" not in line]
    return Ended(done.returncode, done.stdout, printable(lines[-1]) if lines else "")
