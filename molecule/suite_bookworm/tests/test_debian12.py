# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles on Debian 12: its systemd, its Python and libraries, its PostgreSQL 15."""

from __future__ import annotations

import pytest
from regtest import NODES, Regtest


@pytest.mark.parametrize("machine", ["gateway", "own", "nodes", "signer-acme", "world"])
def test_it_is_debian_12(regtest: Regtest, machine: str) -> None:
    assert "bookworm" in regtest.sh(machine, "cat /etc/os-release")


def test_it_is_its_own_postgresql(regtest: Regtest) -> None:
    assert regtest.sh("world", "pg_lsclusters --no-header").split()[:4] == ["15", "main", "5432", "online"]
    databases = regtest.sh(
        "world", "runuser --user=postgres -- psql -Atc \"SELECT datname FROM pg_database WHERE datname LIKE 'lnd_%' ORDER BY 1\""
    )
    assert databases.split() == ["lnd_acme", "lnd_gateway", "lnd_own_node"]


@pytest.mark.parametrize("host", ["gateway", "own-node", "acme", "signer-acme"])
def test_runs_sandboxed_with_its_credentials(regtest: Regtest, host: str) -> None:
    node = NODES[host]
    assert regtest.machine(node.machine).service(node.unit).is_running
    exposure = regtest.sh(node.machine, f"systemd-analyze --no-pager security {node.unit} | grep 'Overall exposure'")
    assert float(exposure.split()[-3]) <= 2.0, exposure
    assert "wallet-password" in regtest.sh(node.machine, f"ls /run/credentials/{node.unit}")


def test_paid_in_and_out(regtest: Regtest) -> None:
    assert [one["value_sat"] for one in regtest.lncli("acme", "listpayments")["payments"]] == ["10000"]
    assert [one["value_sat"] for one in regtest.lncli("own-node", "listpayments")["payments"]] == ["50000"]


def test_a_hub_is_refused(regtest: Regtest) -> None:
    run = regtest.play("site", "--tags=hub", "--limit=own-node")
    assert run.status != 0
    assert "own-node is on Debian 12, whose python3-fastapi is too old for the hub. Nothing of the hub was changed." in run.text, run.output
    assert run.changed["own-node"] == 0
    databases = regtest.sh("world", "runuser --user=postgres -- psql -Atc 'SELECT datname FROM pg_database'")
    assert "hub_own_node" not in databases
