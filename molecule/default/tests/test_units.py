# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services run, sandboxed, and a playbook that has run has nothing more to do."""

from __future__ import annotations

import pytest
from regtest import NODES, Regtest

UNITS = [
    ("chain", "bitcoind.service"),
    *(
        (NODES[host].machine, unit)
        for host in ("gateway", "own-node")
        for unit in (NODES[host].unit, f"lnd-lock@{host}.service")
    ),
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
    """systemd in a container may leave a sandbox out without a message, so the test asks the kernel about the running
    process.
    """
    node = NODES[host]
    pid = regtest.sh(node.machine, f"systemctl show --value --property=MainPID {node.unit}")
    status = regtest.sh(node.machine, f"cat /proc/{pid}/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert int(facts["CapBnd"], 16) == 0
    assert regtest.ssh(node.machine, "nsenter", f"--target={pid}", "--mount", "touch", "/usr/written").returncode != 0
    assert regtest.sh(node.machine, f"grep 'Max core file size' /proc/{pid}/limits").split()[4:6] == ["0", "0"]


def test_a_node_has_so_much_memory_and_no_swap(regtest: Regtest) -> None:
    shown = regtest.sh(
        "gateway", "systemctl show --property=MemoryMax --property=MemorySwapMax lnd@gateway.service"
    ).split()
    assert set(shown) == {f"MemoryMax={4 << 30}", "MemorySwapMax=0"}
    shown = regtest.sh(
        "own", "systemctl show --property=MemoryMax lndhub@own-node.service wall-wallet@own-node.service"
    ).split()
    assert shown == [f"MemoryMax={1 << 30}"] * 2


def test_the_lock_comes_and_goes_with_the_node(regtest: Regtest) -> None:
    """Nothing is locked where no node is wanted."""
    assert regtest.sh("gateway", "systemctl is-enabled lnd@gateway lnd-lock@gateway").split() == ["enabled", "static"]


def test_check_mode_predicts_nothing(regtest: Regtest) -> None:
    run = regtest.play("site", "--check")
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_check_mode_touches_nothing(regtest: Regtest) -> None:
    """Every change is predicted, and none is made."""
    seen = "cat /etc/lnd/own-node/lnd.conf; systemctl show --property=MainPID,NRestarts lnd@own-node.service"
    before = regtest.sh("own", seen)
    run = regtest.play("site", "--check", "--diff", "--limit=own-node", "--extra-vars=lnd_alias=another")
    assert run.status == 0, run.output
    assert run.changed["own-node"] > 0
    assert "+alias=another" in run.output
    assert regtest.sh("own", seen) == before
