# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer's disk under QEMU, from firmware to bundle, with a TPM. Slow under emulation; the tests of a machine build
on each other, in this order.
"""

from __future__ import annotations

import json
import mmap
import shlex
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.doc_commands import sealing_loop
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import (
    OBEYED_FILE,
    ORDERS_METADATA,
    Owner,
    Provider,
    Values,
    user_data,
)
from ansible_collections.noncustodial.lightning.tests.support.virtual import TIMEOUT_SECONDS, Make, Virtual

pytestmark = pytest.mark.boot

PASSWORD = "/etc/credstore.encrypted/lnd@signer.wallet-password"
OF_ITS_OWN = (
    "/etc/machine-id",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/signer/signing_key",
    "/var/lib/lnd/signer/tls.key",
    "/var/lib/lnd/signer/data/chain/bitcoin/regtest/wallet.db",
)


@pytest.fixture(scope="module")
def machine(make: Make, provider: Provider) -> Virtual:
    """The first machine: the kit comes with it."""
    made = make("machine", user_data(provider.kit("acme")))
    made.start()
    return made


@pytest.fixture(scope="module")
def other(make: Make) -> Virtual:
    """The second machine: it has no kit, and no network when it starts."""
    made = make("other", user_data())
    made.start()
    made.plug(False)
    return made


class Kept:
    """Values that one test leaves for the next."""

    first: t.ClassVar[Values] = {}
    secrets: t.ClassVar[list[str]] = []
    seed: t.ClassVar[list[str]] = []


def secrets(machine: Virtual) -> list[str]:
    """Return digests of the secrets that each machine has made for itself."""
    return [line.split()[0] for line in machine.run("sudo", "sha256sum", *OF_ITS_OWN).stdout.splitlines()]


def signs(machine: Virtual, provider: Provider, opened: Values) -> bool:
    try:
        provider.check(machine.endpoint, opened)
    except AssertionError:
        return False
    return True


# --- the first machine


def test_from_power_on_to_the_bundle(
    machine: Virtual, provider: Provider, owner: Owner, record_property: t.Callable[..., None]
) -> None:
    began = time.monotonic()
    machine.await_login()
    record_property("seconds to a login", round(time.monotonic() - began))
    assert machine.run("sudo", "systemctl", "is-system-running", "--wait").stdout.strip() == "running"
    command = (
        f"sudo signer-init --address {machine.address} --port {machine.rpc_port} --seed-recipient {owner.recipient}"
    )
    done = machine.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    record_property("seconds to the bundle", round(time.monotonic() - began))
    status = machine.status()
    assert status["done"], status
    assert "sealed by this machine's TPM" in {step["text"] for step in status["steps"]}
    Kept.first = provider.open(machine.sudo_cat, "acme")
    provider.check(machine.endpoint, Kept.first)
    Kept.seed, Kept.secrets = owner.words(machine.sudo_cat), secrets(machine)
    peak = int(machine.run("systemctl", "show", "--property=MemoryPeak", "--value", "lnd@signer.service").stdout)
    record_property("MB of lnd, at most", peak // 10**6)
    record_property("MB of the machine, used", int(machine.run("free", "--mega").stdout.splitlines()[1].split()[2]))
    assert peak < 700 * 10**6
    bound = int(machine.sudo_cat("/sys/fs/cgroup/system.slice/system-lnd.slice/lnd@signer.service/memory.max"))
    assert 700 * 10**6 < bound < 2**30 * 0.75


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
                assert [
                    index
                    for index in range(22)
                    if disk.find(separator.join(Kept.seed[index : index + 3]).encode()) >= 0
                ] == []
    finally:
        raw.unlink()


def test_after_that_power_cut_it_signs_again_by_itself(
    machine: Virtual, provider: Provider, record_property: t.Callable[..., None]
) -> None:
    machine.bring_seed(ORDERS_METADATA)
    began = time.monotonic()
    machine.start()
    # Waiting for a login takes nothing from a machine that starts; asking for signatures does.
    machine.await_login()
    until("signatures", lambda: signs(machine, provider, Kept.first), TIMEOUT_SECONDS)
    record_property("seconds from power on to signatures", round(time.monotonic() - began))
    # Whoever changed the seed disk meanwhile was not obeyed. In test_machine.py one is that has no signer yet.
    assert machine.run("cloud-init", "status").stdout == "status: disabled\n"
    assert machine.run("test", "-e", OBEYED_FILE).returncode == 1


def starts_again(machine: Virtual) -> bool:
    """Return whether lnd, stopped, can be started: its password is unsealed then."""
    machine.run("sudo", "systemctl", "stop", "lnd@signer.service")
    machine.run("sudo", "systemctl", "reset-failed", "lnd@signer.service")
    return machine.run("sudo", "systemctl", "start", "lnd@signer.service").returncode == 0


def seal_anew(machine: Virtual, loop: str) -> None:
    """Seal all files anew, and see that nothing was refused."""
    done = machine.run(f"sudo bash -ec {shlex.quote(loop)}")
    # systemd-creds notes at each sealing that the disk is not encrypted.
    refused = [
        line
        for line in done.stderr.splitlines()
        if not line.endswith("is not located on encrypted media, using anyway.")
    ]
    assert (done.returncode, refused) == (0, []), done.stdout + done.stderr


def change_pcr7(machine: Virtual) -> None:
    """Change what the TPM knows of Secure Boot until the next start, as other certificates do."""
    banks = "/sys/class/tpm/tpm0/pcr-sha256/7"
    before = machine.run("cat", banks).stdout
    extend = ["sudo", "env", "SYSTEMD_FORCE_MEASURE=1", "/usr/lib/systemd/systemd-pcrextend", "--pcr=7", "changed"]
    done = machine.run(*extend)
    assert done.returncode == 0, done.stderr
    assert len(before) == len(machine.run("cat", banks).stdout) > 64
    assert machine.run("cat", banks).stdout != before


def test_another_state_of_secure_boot_seals_it_until_that_is_back(machine: Virtual, provider: Provider) -> None:
    """Whoever has not provided for it goes back to the earlier state; nothing is lost by the attempt."""
    change_pcr7(machine)
    assert not starts_again(machine)
    shown = machine.run("systemctl", "show", "--property=ExecMainStatus,Result", "lnd@signer.service").stdout
    journal = machine.run("sudo", "journalctl", "--boot", "--unit=lnd@signer.service", "--no-pager").stdout
    assert "243" in shown or "243/CREDENTIALS" in journal, shown + journal[-2000:]
    machine.power_off()
    machine.start()
    machine.await_login()
    until("signatures", lambda: signs(machine, provider, Kept.first), TIMEOUT_SECONDS)


def test_a_planned_change_of_secure_boot_costs_nothing(machine: Virtual, provider: Provider) -> None:
    """Sealed to the machine's key before it, and to its TPM again after it."""
    seal_anew(machine, sealing_loop())
    change_pcr7(machine)
    assert starts_again(machine)
    until("signatures", lambda: signs(machine, provider, Kept.first), TIMEOUT_SECONDS)
    # The next start has the state of the first again.
    machine.power_off()
    machine.start()
    machine.await_login()
    seal_anew(machine, sealing_loop().replace("--with-key=host ", ""))
    assert starts_again(machine)
    until("signatures", lambda: signs(machine, provider, Kept.first), TIMEOUT_SECONDS)
    change_pcr7(machine)
    assert machine.run(f"sudo systemd-creds decrypt --name=wallet-password {PASSWORD} -").returncode != 0


def test_a_copied_disk_neither_signs_nor_has_the_seed(machine: Virtual, provider: Provider) -> None:
    machine.power_off()
    machine.start(tpm="another")
    machine.await_login()
    status = machine.status()
    assert not status["done"]
    assert "journalctl" in status["next"]
    assert not signs(machine, provider, Kept.first)
    assert machine.run(f"sudo systemd-creds decrypt --name=wallet-password {PASSWORD} -").returncode != 0
    # And no other way round: what signer-init has for it is the seed that its owner brings.
    assert machine.run("sudo", "signer-init").returncode == 1
    assert not signs(machine, provider, Kept.first)


def test_the_console_has_no_seed(machine: Virtual) -> None:
    console = machine.said()
    assert "Linux version" in console
    assert not [index for index in range(22) if " ".join(Kept.seed[index : index + 3]) in console]
    assert len([word for word in Kept.seed if word in console.split()]) < 4


# --- the second machine


def test_without_a_network_it_starts_and_goes_on_when_there_is_one(machine: Virtual, other: Virtual) -> None:
    machine.power_off()
    other.await_console("signer login:")
    assert subprocess.run(other.ssh("true"), check=False, capture_output=True, timeout=60).returncode != 0
    other.plug(True)
    other.await_login()
    assert [step["name"] for step in other.status()["steps"] if step["done"]] == ["keys", "disk"]


def begin(machine: Virtual, *options: str) -> subprocess.CompletedProcess[str]:
    return machine.run(
        shlex.join(["sudo", "signer-init", "--address", machine.address, "--port", str(machine.rpc_port), *options])
    )


def nothing_is_made(machine: Virtual) -> bool:
    return machine.run("sudo", "test", "-e", PASSWORD).returncode == 1


def put_kit(machine: Virtual, kit: Values) -> None:
    assert machine.run(f"printf %s {shlex.quote(json.dumps(kit))} > kit.json").returncode == 0


def test_without_a_kit_nothing_begins(other: Virtual) -> None:
    assert "signer-init --kit FILE" in other.status()["next"]
    done = begin(other)
    assert (done.returncode, "There is no kit yet" in done.stderr) == (1, True), done.stderr
    assert nothing_is_made(other)


def test_with_a_wrong_kit_nothing_begins(other: Virtual, provider: Provider) -> None:
    put_kit(other, provider.kit("globex", lnd_version="0.99.0-beta"))
    done = begin(other, "--kit", "kit.json")
    assert (done.returncode, "which is older" in done.stderr) == (1, True), done.stderr
    assert nothing_is_made(other)


def test_with_a_kit_that_was_not_compared_nothing_begins(other: Virtual, provider: Provider, owner: Owner) -> None:
    put_kit(other, provider.kit("globex"))
    done = begin(other, "--kit", "kit.json", "--seed-recipient", owner.recipient)
    assert (done.returncode, fingerprint(provider.kit("globex")) in done.stderr) == (1, True), done.stderr
    assert nothing_is_made(other)


def test_on_a_full_disk_nothing_begins(other: Virtual, provider: Provider, owner: Owner) -> None:
    free = int(other.run("df", "--output=avail", "--block-size=1M", "/").stdout.split()[-1])
    assert other.run("sudo", "fallocate", f"--length={free - 100}MiB", "/full").returncode == 0
    done = begin(
        other,
        "--kit",
        "kit.json",
        "--kit-fingerprint",
        fingerprint(provider.kit("globex")),
        "--seed-recipient",
        owner.recipient,
    )
    assert (done.returncode, "MiB are free on this machine's disk" in " ".join(done.stderr.split())) == (
        1,
        True,
    ), done.stderr
    assert nothing_is_made(other)
    assert other.run("sudo", "rm", "/full").returncode == 0


def test_then_it_comes_to_the_bundle(other: Virtual, provider: Provider, owner: Owner) -> None:
    done = begin(
        other,
        "--kit",
        "kit.json",
        "--kit-fingerprint",
        fingerprint(provider.kit("globex")),
        "--seed-recipient",
        owner.recipient,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    provider.check(other.endpoint, provider.open(other.sudo_cat, "globex"))


def test_two_machines_of_one_image_share_no_secret(other: Virtual, provider: Provider, owner: Owner) -> None:
    second = provider.open(other.sudo_cat, "globex")
    assert owner.words(other.sudo_cat) != Kept.seed
    for name in ("node_id", "certificate", "macaroon", "accounts"):
        assert second[name] != Kept.first[name], name
    found = secrets(other)
    assert len(found) == len(Kept.secrets) == len(OF_ITS_OWN)
    assert not set(found) & set(Kept.secrets)


def test_a_disk_that_fills_up(other: Virtual, provider: Provider) -> None:
    """lnd goes on signing, and signer-status reports it. Whether lnd could start there is a matter of some blocks; with
    room on the disk all is well by itself.
    """
    opened = provider.open(other.sudo_cat, "globex")
    fill = "fallocate --length=$(($(stat --file-system --format='%f * %S' /) - 8388608)) /full; cat /dev/zero >/rest"
    assert "No space left on device" in other.run(f"sudo sh -c {shlex.quote(fill)}").stderr
    provider.check(other.endpoint, opened)
    status = other.status()
    assert [step["name"] for step in status["steps"] if not step["done"]] == ["disk"], status
    assert "Make room" in status["next"]
    assert other.run("sudo", "systemctl", "kill", "--signal=KILL", "lnd@signer.service").returncode == 0
    assert other.run("sudo", "rm", "/full", "/rest").returncode == 0
    until("signatures", lambda: signs(other, provider, opened), TIMEOUT_SECONDS)
    status = other.status()
    assert status["done"], status
