# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles on Debian 12: its systemd, its Python and libraries, its PostgreSQL 15."""

from __future__ import annotations

import pytest
from odd_site import GATEWAY, OWN, SIGNER, TENANT, play
from regtest import Node, Regtest


@pytest.mark.parametrize("machine", ["gateway", "nodes", "database", "signer"])
def test_it_is_debian_12(regtest: Regtest, machine: str) -> None:
    assert "bookworm" in regtest.sh(machine, "cat /etc/os-release")


def test_it_is_its_own_postgresql(regtest: Regtest) -> None:
    assert regtest.sh("database", "pg_lsclusters --no-header").split()[:4] == ["15", "main", "5432", "online"]
    names = [node.name.replace("-", "_") for node in (GATEWAY, OWN, TENANT)]
    assert databases(regtest) == {f"lnd_{name}" for name in names} | {f"hub_{OWN.name.replace('-', '_')}"}


@pytest.mark.parametrize("node", [GATEWAY, OWN, TENANT, SIGNER], ids=lambda node: node.host)
def test_runs_sandboxed_with_its_credentials(regtest: Regtest, node: Node) -> None:
    assert regtest.machine(node.machine).service(node.unit).is_running
    exposure = regtest.sh(node.machine, f"systemd-analyze --no-pager security {node.unit} | grep 'Overall exposure'")
    assert float(exposure.split()[-3]) <= 2.0, exposure
    assert "wallet-password" in regtest.sh(node.machine, f"ls /run/credentials/{node.unit}")


def test_a_hub_is_refused(regtest: Regtest) -> None:
    hubs = "--inventory=molecule/odd_site/hub_on_debian_12.yml"
    run = play(regtest, "provision_tenant", hubs, "--tags=hub")
    assert run.status != 0
    assert (
        f"{TENANT.host} is on Debian 12, whose python3-fastapi is too old for the hub. Nothing of the hub was changed."
        in run.text
    ), run.output
    assert run.changed[TENANT.host] == 0
    assert f"hub_{TENANT.name.replace('-', '_')}" not in databases(regtest)


def databases(regtest: Regtest) -> set[str]:
    """Return the names of the databases of nodes and hubs."""
    query = "SELECT datname FROM pg_database WHERE datname SIMILAR TO '(lnd|hub)_%'"
    return set(regtest.sh("database", f'runuser --user=postgres -- psql -Atc "{query}"').split())
