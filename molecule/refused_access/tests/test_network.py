# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom: of the provider only the tenant nodes' machine reaches a signer, there only its gRPC; a signer reaches nobody."""

from __future__ import annotations

import subprocess
import sys

import pytest
from regtest import Regtest

# Tries each address:port from standard input, and prints those that open.
TRY = """
import socket, sys, threading
def attempt(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return
    print(f"{host}:{port}", flush=True)
threads = [threading.Thread(target=attempt, args=target.rsplit(":", 1)) for target in sys.stdin.read().split()]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
SIGNERS = {"signer-acme": 74, "signer-globex": 138}
# What lnd, ssh, databases and bitcoind listen on, and a few more.
PORTS = (22, 80, 443, 5432, 8080, 9735, 9736, 9737, 10009, 10010, 10011, 18443, 28332, 28333)
PROVIDER = (11, 12, 13, 14, 15, 68, 132)


def prefix(regtest: Regtest) -> str:
    """The network of the topology."""
    return regtest.sh("chain", "hostname --all-ip-addresses").rpartition(".")[0]


def opens(regtest: Regtest, machine: str, targets: list[str]) -> set[str]:
    """Which of them a machine can connect to."""
    done = regtest.ssh(machine, "/usr/bin/python3", "-c", TRY, data="\n".join(targets).encode())
    assert done.returncode == 0, done.stderr.decode()
    return set(done.stdout.decode().split())


@pytest.mark.parametrize("machine", ["gateway", "own", "chain", "world", *SIGNERS])
def test_nobody_reaches_a_signer(regtest: Regtest, machine: str) -> None:
    others = [f"{prefix(regtest)}.{last}:{port}" for name, last in SIGNERS.items() for port in PORTS if name != machine]
    assert opens(regtest, machine, others) == set()


def test_but_the_tenant_nodes_machine(regtest: Regtest) -> None:
    targets = [f"{name}:{port}" for name in SIGNERS for port in PORTS]
    assert opens(regtest, "nodes", targets) == {f"{name}:10009" for name in SIGNERS}


def test_nor_does_whoever_else_is_in_its_network(regtest: Regtest) -> None:
    """The firewall asks for the address. This host may administer the signer, and its tenant's node has another address there."""
    signer = f"{prefix(regtest)}.{SIGNERS['signer-acme']}"
    targets = "\n".join(f"{signer}:{port}" for port in PORTS)
    done = subprocess.run([sys.executable, "-c", TRY], input=targets, capture_output=True, check=True, text=True)
    assert done.stdout.split() == [f"{signer}:22"]


def test_nor_does_its_node_from_another_address(regtest: Regtest) -> None:
    signer, node, other = (f"{prefix(regtest)}.{last}" for last in (SIGNERS["signer-acme"], 68, 70))
    device = regtest.sh("nodes", f"ip -oneline -4 address show to {node}").split()[1]
    connect = "import socket, sys; socket.create_connection((sys.argv[2], 10009), timeout=2, source_address=(sys.argv[1], 0))"
    assert regtest.ssh("nodes", "/usr/bin/python3", "-c", connect, node, signer).returncode == 0
    regtest.sh("nodes", f"ip address add {other}/26 dev {device}")
    try:
        refused = regtest.ssh("nodes", "/usr/bin/python3", "-c", connect, other, signer)
    finally:
        regtest.sh("nodes", f"ip address delete {other}/26 dev {device}")
    assert b"TimeoutError" in refused.stderr or b"ConnectionRefusedError" in refused.stderr, refused.stderr


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_signer_reaches_nobody(regtest: Regtest, signer: str) -> None:
    targets = [f"{prefix(regtest)}.{last}:{port}" for last in PROVIDER for port in PORTS]
    assert opens(regtest, signer, targets) == set()
    # Though those ports are open to others.
    assert opens(regtest, "nodes", targets) >= {f"{prefix(regtest)}.11:{port}" for port in (22, 5432, 18443)}


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_tenants_node_serves_only_its_own_machine(regtest: Regtest, tenant: str) -> None:
    port = {"acme": 10010, "globex": 10011}[tenant]
    assert opens(regtest, "gateway", [f"nodes:{port}"]) == set()
    assert opens(regtest, "nodes", [f"localhost:{port}"]) == {f"localhost:{port}"}
