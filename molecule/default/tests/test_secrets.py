# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets reach a unit as credentials and are nowhere else; a seed leaves its machine only encrypted to its owner."""

from __future__ import annotations

import pytest
import secrets_of
from regtest import NODES, Regtest

CREDENTIALS = ("bitcoind-cookie", "pgpass", "wallet-password")


@pytest.mark.parametrize("host", ["gateway", "own-node"])
def test_credentials_are_the_units_own(regtest: Regtest, host: str) -> None:
    node = NODES[host]
    directory = f"/run/credentials/{node.unit}"
    assert regtest.sh(node.machine, f"ls {directory}").split() == sorted(CREDENTIALS)
    for name in CREDENTIALS:
        sealed = f"/etc/credstore.encrypted/lnd@{node.name}.{name}"
        assert regtest.sh(node.machine, f"stat --format='%U %a' {sealed}") == "root 600"
        assert regtest.ssh(node.machine, "cat", f"{directory}/{name}").stdout == regtest.unsealed(
            node.machine, f"lnd@{node.name}", name
        )
        assert regtest.ssh(node.machine, "runuser", "--user=nobody", "--", "cat", f"{directory}/{name}").returncode != 0


def test_a_units_credentials_end_with_it(regtest: Regtest) -> None:
    units = regtest.sh("gateway", "ls /run/credentials").split()
    assert [unit for unit in units if unit.startswith("lnd")] == ["lnd-lock@gateway.service", "lnd@gateway.service"]


@pytest.mark.parametrize("host", ["gateway", "own-node"])
def test_no_secret_where_others_look(regtest: Regtest, host: str) -> None:
    """Secrets are only in the directory of credentials: on no disk, in no journal, in no process list."""
    node = NODES[host]
    needles = {
        name: secrets_of.of_bytes(regtest.unsealed(node.machine, f"lnd@{node.name}", name)) for name in CREDENTIALS
    }
    needles |= {"the seed": secrets_of.of_seed(regtest.seed("provider", f"provider/seeds/{host}.age"))}
    found = secrets_of.found(regtest, node.machine, needles)
    credentials = "/run/credentials/lnd"
    elsewhere = {name: [path for path in paths if not path.startswith(credentials)] for name, paths in found.items()}
    assert not any(elsewhere.values()), elsewhere
    # The search does find what is there.
    assert set(found) == set(CREDENTIALS)
    processes = regtest.python(node.machine, "scan.py", roots=[], needles=needles, commands=[["ps", "axeww"]])
    assert processes["found"] == {}


@pytest.mark.parametrize("host", ["gateway", "own-node"])
def test_a_seed_is_its_owners_alone(regtest: Regtest, host: str) -> None:
    assert len(regtest.seed("provider", f"provider/seeds/{host}.age")) == 24
    node = NODES[host]
    seed = f"/etc/lnd/{node.name}/seed.age"
    assert regtest.sh(node.machine, f"head --lines=1 {seed}") == "-----BEGIN AGE ENCRYPTED FILE-----"
    assert regtest.sh(node.machine, f"stat --format='%U %a' {seed}") == "root 600"
