# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer's disk under QEMU, from firmware to bundle, with a TPM. Slow under emulation; the tests build on each other, in this order."""

from __future__ import annotations

import mmap
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.real.daemons import until
from ansible_collections.noncustodial.lightning.tests.real.signer_desk import Provider, age_key, user_data
from ansible_collections.noncustodial.lightning.tests.real.virtual import PROVIDER, Virtual

pytestmark = pytest.mark.boot


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    return Provider(tmp_path_factory.mktemp("provider"), [PROVIDER])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> t.Iterator[Virtual]:
    made = Virtual(tmp_path_factory.mktemp("machine"), user_data(provider.kit("acme")))
    made.start()
    try:
        yield made
    finally:
        made.power_off()


class Kept:
    """What one test leaves for the next."""

    opened: t.ClassVar[dict[str, t.Any]] = {}
    seed: t.ClassVar[list[str]] = []


def test_from_power_on_to_the_bundle(machine: Virtual, provider: Provider, tmp_path: Path, record_property: t.Callable[..., None]) -> None:
    began = time.monotonic()
    machine.await_login()
    record_property("login", round(time.monotonic() - began))
    assert machine.run("sudo", "systemctl", "is-system-running", "--wait").stdout.strip() == "running"
    identity, recipient = age_key(tmp_path, "owner")
    done = machine.run(f"sudo signer-init --address 127.0.0.1 --port {machine.rpc_port} --seed-recipient {recipient}")
    assert done.returncode == 0, done.stdout + done.stderr
    record_property("bundle", round(time.monotonic() - began))
    status = machine.status()
    assert status["done"], status
    assert "sealed by this machine's TPM" in {step["text"] for step in status["steps"]}
    Kept.opened = provider.open(machine.sudo_cat, "acme")
    provider.check(f"127.0.0.1:{machine.rpc_port}", Kept.opened)
    sealed = machine.sudo_cat("/etc/lnd/signer/seed.age")
    opened = subprocess.run(["age", "-d", "-i", str(identity)], input=sealed, check=True, capture_output=True).stdout.decode()
    Kept.seed = opened.splitlines()[-1].split()


def test_the_root_has_grown_to_its_disk(machine: Virtual) -> None:
    assert int(machine.run("df", "--output=size", "--block-size=1M", "/").stdout.split()[-1]) > 3000


def test_the_disk_has_no_seed_in_the_clear(machine: Virtual, tmp_path: Path) -> None:
    """Not even where nothing is any more; the power goes for it."""
    machine.power_off()
    raw = tmp_path / "disk.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(machine.disk), str(raw)], check=True)
    try:
        with raw.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as disk:
            assert disk.find(b"lnd@signer") >= 0
            for separator in (" ", '", "'):
                assert [index for index in range(22) if disk.find(separator.join(Kept.seed[index : index + 3]).encode()) >= 0] == []
    finally:
        raw.unlink()


def test_after_that_power_cut_it_signs_again_by_itself(
    machine: Virtual, provider: Provider, record_property: t.Callable[..., None]
) -> None:
    began = time.monotonic()
    machine.start()
    until("signatures", lambda: signs(machine, provider), 400)
    record_property("signs", round(time.monotonic() - began))


def signs(machine: Virtual, provider: Provider) -> bool:
    try:
        provider.check(f"127.0.0.1:{machine.rpc_port}", Kept.opened)
    except AssertionError:
        return False
    return True


def test_a_copied_disk_neither_signs_nor_has_the_seed(machine: Virtual, provider: Provider) -> None:
    machine.power_off()
    machine.start(tpm="another")
    machine.await_login()
    status = machine.status()
    assert not status["done"]
    assert "journalctl" in status["next"]
    assert not signs(machine, provider)
    unseal = "sudo systemd-creds decrypt --name=wallet-password /etc/credstore.encrypted/lnd@signer.wallet-password -"
    assert machine.run(unseal).returncode != 0


def test_the_console_has_no_seed(machine: Virtual) -> None:
    console = machine.console.read_text(errors="replace")
    assert "Linux version" in console
    assert not [index for index in range(22) if " ".join(Kept.seed[index : index + 3]) in console]
    assert len([word for word in Kept.seed if word in console.split()]) < 4
