# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes, again and again, on the way from the first start to the bundle: then it either has not begun or goes
on, and there is never a second seed.

On a disk of its own, with a kernel of its own, what was not synced is lost. The tests build on each other, in
this order.
"""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Owner, Provider, user_data
from ansible_collections.noncustodial.lightning.tests.support.virtual import TIMEOUT_SECONDS, Make, Virtual

pytestmark = pytest.mark.boot


@pytest.fixture(scope="module")
def machine(make: Make, provider: Provider) -> Virtual:
    return make("machine", user_data(provider.kit("acme")))


def test_before_anybody_has_logged_in(machine: Virtual) -> None:
    """The power goes when cloud-init has just written keys and kit, and when it is nearly through: then it begins
    anew."""
    for moment in ("running 'modules:config'", "END SSH HOST KEY KEYS"):
        machine.start()
        machine.await_console(moment)
        machine.power_off()
    machine.start()
    machine.await_login()
    assert "kit" in [step["name"] for step in machine.status()["steps"] if step["done"]]
    assert machine.run("sudo", "systemctl", "is-system-running", "--wait").stdout.strip() == "running"


def test_a_file_is_on_the_disk_before_its_name(machine: Virtual) -> None:
    """Otherwise a power cut would leave empty files of programs that do not wait for the disk."""
    assert " / ext4 " in machine.run("grep", "nodelalloc", "/proc/mounts").stdout


def cut(machine: Virtual, command: str, path: str) -> None:
    """Run a command, and cut the power as soon as a file exists."""
    with subprocess.Popen(machine.ssh(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        watch = f"sudo sh -c 'while ! test -e {path}; do sleep 0.1; done'"
        assert subprocess.run(machine.ssh(watch), check=False, timeout=TIMEOUT_SECONDS).returncode == 0
        machine.power_off()
        run.kill()


def test_on_the_way_to_the_wallet(machine: Virtual, provider: Provider, owner: Owner) -> None:
    """The power goes when the owner has just got the seed, and while lnd makes the wallet."""
    command = (
        f"sudo signer-init --address {machine.address} --port {machine.rpc_port} --seed-recipient {owner.recipient}"
    )
    seen = set()
    for path in ("/etc/lnd/signer/seed.age", "/var/lib/lnd/signer/data/chain/bitcoin/regtest/wallet.db"):
        cut(machine, command, path)
        machine.start()
        machine.await_login()
        seen.add(" ".join(owner.words(machine.sudo_cat)))
    done = machine.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    seen.add(" ".join(owner.words(machine.sudo_cat)))
    assert len(seen) == 1
    assert machine.status()["done"]
    provider.check(machine.endpoint, provider.open(machine.sudo_cat, "acme"))
    assert machine.run("sudo", "test", "-e", "/etc/credstore.encrypted/signer-init.seed").returncode == 1
