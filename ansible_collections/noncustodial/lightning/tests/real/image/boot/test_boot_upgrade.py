# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signer goes from one machine to another, each with a TPM of its own: what one TPM has sealed the other one seals
anew.

The tests build on each other, in this order.
"""

from __future__ import annotations

import subprocess
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Owner, Provider, Values, user_data
from ansible_collections.noncustodial.lightning.tests.support.virtual import TIMEOUT_SECONDS, Make, Virtual

pytestmark = pytest.mark.boot

PASSWORD = "/etc/credstore.encrypted/lnd@signer.wallet-password"


def started(machine: Virtual) -> Virtual:
    machine.start()
    machine.await_login()
    return machine


@pytest.fixture(scope="module")
def old(make: Make, provider: Provider) -> Virtual:
    return started(make("old", user_data(provider.kit("acme"))))


@pytest.fixture(scope="module")
def new(make: Make) -> Virtual:
    return started(make("new", user_data()))


class Kept:
    """Values that one test leaves for the next."""

    bundle: t.ClassVar[Values] = {}


def signs(machine: Virtual, provider: Provider) -> bool:
    try:
        provider.check(machine.endpoint, Kept.bundle)
    except AssertionError:
        return False
    return True


def test_the_old_machine_hands_it_over(old: Virtual, new: Virtual, provider: Provider, owner: Owner) -> None:
    done = old.run(f"sudo signer-init --address {old.address} --port {old.rpc_port} --seed-recipient {owner.recipient}")
    assert done.returncode == 0, done.stdout + done.stderr
    Kept.bundle = provider.open(old.sudo_cat, "acme")
    assert signs(old, provider)
    key = new.run("sudo", "signer-upgrade", "receive").stdout.strip()
    package = subprocess.run(old.ssh(f"sudo signer-upgrade send {key}"), check=False, capture_output=True)
    assert package.returncode == 0, package.stderr.decode()
    taken = subprocess.run(new.ssh("sudo signer-upgrade take"), input=package.stdout, check=False, capture_output=True)
    assert taken.returncode == 0, taken.stderr.decode()
    assert signs(new, provider), "with the bundle that the provider has"
    assert not signs(old, provider)


def test_the_new_ones_tpm_has_sealed_the_password(new: Virtual) -> None:
    assert "sealed by this machine's TPM" in {step["text"] for step in new.status()["steps"]}
    assert new.run(f"sudo systemd-creds decrypt --name=wallet-password {PASSWORD} -").returncode == 0


def test_after_a_power_cut_of_both_the_new_one_signs_and_the_old_one_does_not(
    old: Virtual, new: Virtual, provider: Provider
) -> None:
    for machine in (old, new):
        machine.power_off()
        machine.start()
    for machine in (old, new):
        machine.await_login()
    until("signatures", lambda: signs(new, provider), TIMEOUT_SECONDS)
    assert not signs(old, provider)
    assert old.run("systemctl", "is-enabled", "lnd@signer.service").stdout.strip() == "masked"
