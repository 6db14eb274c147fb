# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer's commands, and an lnd that one of them starts, write no core file: it would have seed and keys."""

from __future__ import annotations

import resource
import subprocess
import sys

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

PROGRAM = """
import subprocess
from signer_init import __main__ as commands
commands.main(["status"])
subprocess.run(["grep", "Max core file size", "/proc/self/limits"], check=True)
"""


def test_what_is_started_from_a_command_writes_none() -> None:
    """The command itself ends at once: this is no signer."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{COLLECTION}/roles/signer_image/files"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split()[4:6] == ["0", "0"], done.stdout + done.stderr
