# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The possible connections: of the provider's machines only the tenant nodes' reaches a signer, and only its gRPC; a
signer reaches nobody, and asks for the time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from regtest import Regtest

from ansible_collections.noncustodial.lightning.tests.support import ports

ATTEMPT_SECONDS = 2.0
SIGNERS = {"signer-acme": 74, "signer-globex": 138}
# What lnd, ssh, databases and bitcoind listen on, and a few more.
PORTS = (22, 80, 443, 5432, 8080, 9735, 9736, 9737, 10009, 10010, 10011, 18443, 28332, 28333)
PROVIDER = (11, 12, 13, 14, 15, 68, 132)


def prefix(regtest: Regtest) -> str:
    """Return the network of the topology."""
    return regtest.sh("chain", "hostname --all-ip-addresses").rpartition(".")[0]


def opens(regtest: Regtest, machine: str, targets: list[str]) -> set[str]:
    """Return the addresses to which a machine can connect."""
    done = regtest.ssh(
        machine,
        "/usr/bin/python3",
        "-c",
        ports.PROGRAM,
        str(ATTEMPT_SECONDS),
        data="\n".join(targets).encode(),
    )
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
    """The firewall asks for the address. This host may administer the signer, and its tenant's node has another address
    there.
    """
    signer = f"{prefix(regtest)}.{SIGNERS['signer-acme']}"
    assert ports.open_to_this_host(signer, ATTEMPT_SECONDS, PORTS) == {22}


def test_nor_does_its_node_from_another_address(regtest: Regtest) -> None:
    signer, node, other = (f"{prefix(regtest)}.{last}" for last in (SIGNERS["signer-acme"], 68, 70))
    device = regtest.sh("nodes", f"ip -oneline -4 address show to {node}").split()[1]
    connect = (
        "import socket, sys; socket.create_connection((sys.argv[2], 10009), timeout=2, source_address=(sys.argv[1], 0))"
    )
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


# Waits for a datagram on port 123, and answers it.
CLOCK = """
import socket
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 123))
server.settimeout(30)
server.sendto(*server.recvfrom(64))
"""
# Prints of each port of the host in the arguments whether a datagram was answered.
ASK = """
import socket, sys
def answered(port):
    for _try in range(10):
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(1)
            try:
                client.sendto(b"time", (sys.argv[1], port))
                return client.recv(64) == b"time"
            except TimeoutError:
                continue
            except PermissionError:
                return "denied"
    return False
print(answered(124), answered(123))
"""


@pytest.mark.parametrize(("signer", "node"), [("signer-acme", 68), ("signer-globex", 132)])
def test_a_signer_may_ask_for_the_time(regtest: Regtest, signer: str, node: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        clock = pool.submit(regtest.ssh, "nodes", "/usr/bin/python3", "-c", CLOCK)
        asked = regtest.ssh(signer, "/usr/bin/python3", "-c", ASK, f"{prefix(regtest)}.{node}")
        assert asked.stdout.decode().split() == ["denied", "True"], asked.stderr.decode()
        assert clock.result().returncode == 0
    # But lnd, which holds the seed, may open nothing.
    as_lnd = ("runuser", "--user=lnd-signer", "--", "/usr/bin/python3", "-c", ASK)
    for host in (f"{prefix(regtest)}.{node}", "localhost"):
        assert regtest.ssh(signer, *as_lnd, host).stdout.decode().split() == ["denied", "denied"], host


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_tenants_node_serves_only_its_own_machine(regtest: Regtest, tenant: str) -> None:
    port = {"acme": 10010, "globex": 10011}[tenant]
    assert opens(regtest, "gateway", [f"nodes:{port}"]) == set()
    assert opens(regtest, "nodes", [f"localhost:{port}"]) == {f"localhost:{port}"}
