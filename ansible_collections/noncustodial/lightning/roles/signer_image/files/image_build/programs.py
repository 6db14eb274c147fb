# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of programs."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path


class Failed(Exception):
    """A step cannot be done, for the reason in the message."""


def run(*command: str | Path, **options: t.Any) -> str:
    """Run a program, and return its output.

    Raises:
        Failed: it failed; its last lines are in the message.
    """
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        last = (done.stdout + done.stderr).splitlines()[-40:]
        raise Failed(f"{command[0]} failed ({done.returncode}):\n" + "\n".join(last))
    return done.stdout
