# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin to onboard a tenant, and kill ansible-playbook in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import typing as t
from dataclasses import dataclass

from regtest import ROOT, Regtest


@dataclass(frozen=True)
class Interruption:
    """When ansible-playbook is killed: in this task, when this has come true."""

    task: str
    happens: t.Callable[[Regtest], None]


def interrupt(regtest: Regtest, tenant: str, one: Interruption, *inventories: str) -> None:
    """Run the playbook until then. All that it can say is kept: `refused_access` looks for secrets there."""
    command = [
        "ansible-playbook",
        "-vvv",
        "--diff",
        *(f"--inventory=inventories/regtest/{name}" for name in ("provider", *inventories)),
        f"--limit={tenant}",
        "playbooks/onboard_tenant.yml",
    ]
    log = regtest.state / "vvv.provider.onboard_tenant"
    with (
        log.open("a") as kept,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as run,
    ):
        said = []
        for line in t.cast("t.IO[str]", run.stdout):
            said.append(line)
            kept.write(line)
            if line.startswith("TASK") and one.task in line:
                one.happens(regtest)
                os.killpg(run.pid, signal.SIGKILL)
                print(f"killed in: {one.task}")
                return
    raise SystemExit(f"{''.join(said)}\nnever came to: {one.task}")
