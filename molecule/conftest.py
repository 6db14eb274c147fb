# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures that all scenarios share. A scenario's tests run in order, on one topology; each undoes its changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent / "_shared"
sys.path.insert(0, str(SHARED))

from regtest import Regtest  # noqa: E402


@pytest.fixture(scope="session")
def regtest() -> Regtest:
    """The topology under test."""
    return Regtest()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the diagnosis of the machines after a failure."""
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        said = subprocess.run(
            [sys.executable, str(SHARED / "diagnose.py")], capture_output=True, text=True, check=False
        )
        terminalreporter.section("the topology")
        terminalreporter.write(said.stdout + said.stderr)
