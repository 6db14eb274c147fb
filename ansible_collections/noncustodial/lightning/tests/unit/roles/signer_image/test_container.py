# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor of a container, and an lnd that does not end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT
from signer_init.container import KILL_SIGNAL

# The part of the supervisor that stops lnd, with a program in its place that hangs: it ends by no signal but KILL.
SUPERVISOR = """
import os, signal, sys
from signer_init import container
from signer_init.place import Place
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, container.KILL_SIGNAL})
hangs = "trap '' TERM; echo hangs; exec sleep 600"
child = os.posix_spawn("/bin/sh", ["sh", "-c", hangs], os.environ, setsigmask=[])
container._stop(Place(root=sys.argv[1]), child, signal.SIGTERM)
print("ended", flush=True)
"""


def test_an_lnd_that_hangs_while_it_is_stopped_is_killed(tmp_path: Path) -> None:
    paths = (COLLECTION / "roles/signer_image/files", ROOT)
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        until("the program that hangs", lambda: "sleep" in Path(f"/proc/{child}/cmdline").read_text())
        assert process.poll() is None
        process.send_signal(KILL_SIGNAL)
        assert process.communicate(timeout=20)[0] == "ended\n"
    finally:
        process.kill()
