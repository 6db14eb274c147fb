# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant whose signer is a machine of the image is on board: its node at the provider pays and is paid, whatever
happens to the machine.

The tests build on each other, in this order.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import typing as t

import pytest
from regtest import NODES, SHARED, Regtest, until
from secrets_of import PRIVATE_KEYS, of_bytes, of_seed

from ansible_collections.noncustodial.lightning.tests.support import ports
from ansible_collections.noncustodial.lightning.tests.support.virtual import TIMEOUT_SECONDS, Virtual

INITECH = NODES["initech"]
# The node's key (lnd: keychain.KeyFamilyNodeKey).
NODE_KEY = {"key_family": 6, "key_index": 0}

# All at once is more than the card of a machine under emulation takes; what it drops is sent again, after 1, 3 and 7 s.
ATTEMPT_SECONDS = 10.0


def report(regtest: Regtest) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((regtest.state / "provider/reports/initech.json").read_text()))


def signs(regtest: Regtest, machine: Virtual) -> bool:
    """Return whether the provider gets a signature with the grant that it has."""
    grant = regtest.unsealed("nodes", "lnd@initech", "signer.macaroon")
    certificate = "/etc/lnd/initech/signer.crt"
    answer = regtest.call(
        "nodes", machine.endpoint, certificate, grant, "signrpc.Signer/SignMessage", msg="hex:00", key_loc=NODE_KEY
    )
    return "answer" in answer


def pays_both_ways(regtest: Regtest) -> None:
    """Check that the node, which has no key, is paid by the world and pays it."""
    until("the node", lambda: regtest.machine("nodes").service(INITECH.unit).is_running, timeout=TIMEOUT_SECONDS)
    until("its channel", lambda: regtest.lncli("initech", "listchannels", "--active_only")["channels"], timeout=120)
    for payee, payer in (("initech", "world-node"), ("world-node", "initech")):
        invoice = regtest.lncli(payee, "addinvoice", "--amt=2000", "--private")
        node = NODES[payer]
        command = ["lncli", "--network=regtest", f"--lnddir={node.lnddir}", f"--rpcserver=localhost:{node.port}"]
        regtest.sh(node.machine, shlex.join([*command, "payinvoice", "--force", "--json", invoice["payment_request"]]))
        assert regtest.lncli(payee, "lookupinvoice", invoice["r_hash"])["state"] == "SETTLED"


def test_the_node_has_the_machines_keys(regtest: Regtest, machine: Virtual) -> None:
    status = machine.status()
    assert status["done"], status
    assert "sealed by this machine's TPM" in {step["text"] for step in status["steps"]}
    assert status["node_id"] == report(regtest)["node_id"] == regtest.lncli("initech", "getinfo")["identity_pubkey"]
    assert all(account["watch_only"] for account in regtest.lncli("initech", "wallet", "accounts", "list")["accounts"])


def test_paid_in_and_out_once_each(regtest: Regtest) -> None:
    proved, world = report(regtest), json.loads((regtest.state / "provider/reports/world/initech.json").read_text())
    for other, costs in (("own-node", proved), ("world-node", world)):
        for payer, way, amount in ((other, "in", 50_000), ("initech", "out", 10_000)):
            payments = regtest.lncli(payer, "listpayments")["payments"]
            paid = [
                int(one["value_sat"])
                for one in payments
                if one["payment_hash"] == costs[f"payment_{way}"]["payment_hash"]
            ]
            assert paid == [amount]


def open_to(regtest: Regtest, machine: Virtual, who: str) -> set[int]:
    """Return the ports of the signer to which a machine of the topology can connect."""
    done = regtest.ssh(
        who, "/usr/bin/python3", "-c", ports.PROGRAM, str(ATTEMPT_SECONDS), data=ports.of_host(machine.address).encode()
    )
    assert done.returncode == 0, done.stderr.decode()
    return ports.opened(done.stdout.decode())


@pytest.mark.parametrize(("who", "expected"), [("nodes", {10009}), ("gateway", set()), ("world", set())])
def test_only_the_providers_machine_reaches_it(
    regtest: Regtest, machine: Virtual, who: str, expected: set[int]
) -> None:
    """All of them are in one network with it; the kit names one."""
    assert open_to(regtest, machine, who) == expected


def test_the_tenant_reaches_ssh_alone(machine: Virtual) -> None:
    assert ports.open_to_this_host(machine.address, ATTEMPT_SECONDS) == {22}


def test_its_host_key_is_the_one_on_the_console(machine: Virtual) -> None:
    served = machine.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
    assert served in machine.known_hosts.read_text()
    assert served in machine.said()


def test_no_secret_is_in_a_log(regtest: Regtest, machine: Virtual) -> None:
    """Neither on the console, in the journal, in cloud-init's logs and what it was given, nor in the list of
    processes."""
    sealed = "/etc/credstore.encrypted/lnd@signer.wallet-password"
    needles = {
        "the seed": of_seed(regtest.seed("initech", "initech/seed.age")),
        "the wallet's password": of_bytes(
            machine.run(f"sudo systemd-creds decrypt --name=wallet-password {sealed} -").stdout.encode()
        ),
        "the admin's macaroon": of_bytes(
            machine.sudo_cat("/var/lib/lnd/signer/data/chain/bitcoin/regtest/admin.macaroon")
        ),
        "the grant": of_bytes(machine.sudo_cat("/etc/signer/provider.macaroon")),
        "a private key": PRIVATE_KEYS,
    }
    assert len(needles["the wallet's password"][1]) == 128
    question = {
        "roots": ["/var/log", "/var/lib/cloud", "/run/cloud-init", "/home"],
        "needles": needles,
        "commands": [["ps", "axeww"]],
    }
    source = shlex.quote((SHARED / "scan.py").read_text())
    command = machine.ssh(f"sudo /usr/bin/python3 -c {source}")
    done = subprocess.run(command, input=json.dumps(question), check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["scanned"] > 10
    assert answer["found"] == {}
    console = machine.console.read_bytes()
    assert b"Linux version" in console
    assert [
        name for name, patterns in needles.items() if any(re.search(pattern.encode(), console) for pattern in patterns)
    ] == []


def test_a_kill_of_lnd_unlocks_by_itself(regtest: Regtest, machine: Virtual) -> None:
    machine.run("sudo", "systemctl", "kill", "--signal=KILL", "lnd@signer.service")
    until("no signature", lambda: not signs(regtest, machine))
    until("signatures", lambda: signs(regtest, machine), timeout=TIMEOUT_SECONDS)
    pays_both_ways(regtest)


def test_a_reboot_unlocks_by_itself(regtest: Regtest, machine: Virtual) -> None:
    booted = machine.run("cat", "/proc/sys/kernel/random/boot_id").stdout
    machine.run("sudo", "systemctl", "reboot")
    until("no signature", lambda: not signs(regtest, machine))
    # Waiting for a login takes nothing from a machine that starts; asking for signatures does.
    machine.await_login()
    until("signatures", lambda: signs(regtest, machine), timeout=TIMEOUT_SECONDS)
    assert machine.run("cat", "/proc/sys/kernel/random/boot_id").stdout != booted
    pays_both_ways(regtest)
