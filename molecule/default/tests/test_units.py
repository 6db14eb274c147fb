# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services run, sandboxed, and a playbook that has run has nothing more to do."""

from __future__ import annotations

import pytest
from regtest import NODES, Regtest

UNITS = [
    ("chain", "bitcoind.service"),
    *((NODES[host].machine, unit) for host in ("gateway", "own-node") for unit in (NODES[host].unit, f"lnd-lock@{host}.service")),
]


@pytest.mark.parametrize(("machine", "unit"), UNITS)
def test_runs_and_needs_little(regtest: Regtest, machine: str, unit: str) -> None:
    assert regtest.machine(machine).service(unit).is_running
    exposure = regtest.sh(machine, f"systemd-analyze --no-pager security {unit} | grep 'Overall exposure'")
    assert float(exposure.split()[-3]) <= 2.0, exposure


def test_the_database_runs(regtest: Regtest) -> None:
    assert "online" in regtest.sh("chain", "pg_lsclusters --no-header")


@pytest.mark.parametrize("host", ["gateway", "own-node"])
def test_the_sandbox_is_in_force(regtest: Regtest, host: str) -> None:
    """In a container systemd may leave a sandbox out and say nothing, so ask the kernel about the running process."""
    node = NODES[host]
    pid = regtest.sh(node.machine, f"systemctl show --value --property=MainPID {node.unit}")
    status = regtest.sh(node.machine, f"cat /proc/{pid}/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert int(facts["CapBnd"], 16) == 0
    assert regtest.ssh(node.machine, "nsenter", f"--target={pid}", "--mount", "touch", "/usr/written").returncode != 0


def test_the_lock_comes_and_goes_with_the_node(regtest: Regtest) -> None:
    """So that nothing is locked where no node is wanted."""
    assert regtest.sh("gateway", "systemctl is-enabled lnd@gateway lnd-lock@gateway").split() == ["enabled", "static"]


def test_check_mode_predicts_nothing(regtest: Regtest) -> None:
    run = regtest.play("site", "--check")
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_check_mode_touches_nothing(regtest: Regtest) -> None:
    """What would change is predicted, and stays as it is."""
    seen = "cat /etc/lnd/own-node/lnd.conf; systemctl show --property=MainPID,NRestarts lnd@own-node.service"
    before = regtest.sh("own", seen)
    run = regtest.play("site", "--check", "--diff", "--limit=own-node", "--extra-vars=lnd_alias=another")
    assert run.status == 0, run.output
    assert run.changed["own-node"] > 0
    assert "+alias=another" in run.output
    assert regtest.sh("own", seen) == before
