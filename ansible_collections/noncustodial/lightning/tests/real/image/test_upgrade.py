# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new machine in the place of an old one, both ways: by a package, with the bundle that the provider has; and by the
seed, with another bundle.

One signer goes from machine to machine: its address, as one that a cloud moves, goes with it. The tests build on each
other, in this order.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import typing as t
import uuid
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import (
    PORT,
    Machine,
    Network,
    container_image,
    exists_or_ended,
    podman,
    reaches,
)
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Provider, Values, age_key, user_data

pytestmark = pytest.mark.image

SENTENCE = "a copy of the disk has the keys"
NO_TPM = f"--without-tpm '{SENTENCE}'"
PASSWORD = "/etc/credstore.encrypted/lnd@signer.wallet-password"
WALLET = "var/lib/lnd/signer/data/chain/bitcoin/regtest/wallet.db"
ANYBODY = {"user-data": f"#cloud-config\n{json.dumps({'ssh_authorized_keys': ['@KEY@']})}\n"}


class Kept:
    """Values that one test leaves for the next."""

    opened: t.ClassVar[Values] = {}
    package: t.ClassVar[bytes] = b""
    receipt: t.ClassVar[str] = ""
    seed: t.ClassVar[str] = ""
    password: t.ClassVar[str] = ""


class Site:
    """The machines, one of which has the signer's address.

    Args:
        folder: for their disks.
        network: where they are.
    """

    def __init__(self, folder: Path, network: Network) -> None:
        self._folder, self._network = folder, network
        self.address = network.address()
        self.node = network.address()
        self.machines: dict[str, Machine] = {}

    def start(self, name: str, seed: dict[str, str]) -> Machine:
        """Start a new machine."""
        self.machines[name] = Machine(self._folder / name, self._network, seed)
        return self.machines[name]

    def kit(self, provider: Provider) -> Values:
        """Return the signer's kit, which lets this host dial, and a machine on which the provider's node would run."""
        return provider.kit("acme", provider_addresses=[*provider.addresses, self.node])

    def open(self, provider: Provider, machine: Machine) -> Values:
        """Open the bundle of a machine with that kit, as the provider does."""
        return provider.open(machine.read, "acme", provider_addresses=[*provider.addresses, self.node])

    def give_address(self, machine: Machine) -> None:
        """Give the signer's address to this machine, and to no other."""
        for one in self.machines.values():
            one.inside("ip", "address", "del", f"{self.address}/24", "dev", "eth0", check=False)
        machine.inside("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        subprocess.run(["ip", "neighbour", "flush", "to", self.address], check=True)

    def inventory(self) -> Path:
        """Return an inventory of all machines for Ansible."""
        path = self._folder / "hosts.json"
        hosts = {name: self.variables(machine) for name, machine in self.machines.items()}
        path.write_text(json.dumps({"all": {"hosts": hosts}}))
        return path

    @staticmethod
    def variables(machine: Machine) -> Values:
        """Return the variables with which Ansible reaches a machine."""
        ssh = machine.ssh()
        return {
            "ansible_host": machine.address,
            "ansible_user": "signer-admin",
            "ansible_ssh_private_key_file": str(machine.key),
            "ansible_ssh_common_args": " ".join(ssh[2 : ssh.index("-i")]),
        }

    def remove(self) -> None:
        """Remove all machines."""
        for machine in self.machines.values():
            machine.remove()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, network: Network) -> t.Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"), network)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return age_key(tmp_path_factory.mktemp("owner"), "owner")


@pytest.fixture(scope="module")
def first(site: Site, provider: Provider, owner: tuple[Path, str]) -> Machine:
    """A signer whose bundle the provider has taken up."""
    made = site.start("first", user_data(site.kit(provider)))
    done = made.run(f"sudo signer-init --address {site.address} --seed-recipient {owner[1]} {NO_TPM}")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture(scope="module")
def second(site: Site) -> Machine:
    """The machine to which the signer is moved; it has not even a kit."""
    return site.start("second", ANYBODY)


@pytest.fixture(scope="module")
def third(site: Site, provider: Provider) -> Machine:
    """The machine to which the playbook moves it."""
    return site.start("third", user_data(site.kit(provider)))


@pytest.fixture(scope="module")
def fourth(site: Site, provider: Provider) -> Machine:
    """The machine to which its seed is brought."""
    return site.start("fourth", user_data(site.kit(provider)))


def password(machine: Machine) -> str:
    return machine.inside("systemd-creds", "decrypt", "--name=wallet-password", PASSWORD, "-").stdout


def upgrade_status(machine: Machine) -> Values:
    return t.cast("Values", json.loads(machine.run("sudo", "signer-upgrade", "status").stdout))


def send(machine: Machine, recipient: str) -> subprocess.CompletedProcess[bytes]:
    """Send the package over ssh, as a tenant does."""
    return subprocess.run(
        machine.ssh("sudo", "signer-upgrade", "send", recipient), check=False, capture_output=True, timeout=120
    )


def take(machine: Machine, package: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = machine.ssh("sudo", "signer-upgrade", "take", *options)
    return subprocess.run(command, input=package, check=False, capture_output=True, timeout=300)


def answers(provider: Provider, address: str, opened: Values) -> bool:
    try:
        provider.check(f"{address}:{PORT}", opened)
    except AssertionError:
        return False
    return True


# --- by a package, by hand


def test_the_signer_that_is_there(first: Machine, site: Site, provider: Provider, owner: tuple[Path, str]) -> None:
    site.give_address(first)
    Kept.opened = site.open(provider, first)
    provider.check(f"{site.address}:{PORT}", Kept.opened)
    command = ["age", "-d", "-i", str(owner[0])]
    opened = subprocess.run(command, input=first.read("/etc/lnd/signer/seed.age"), check=True, capture_output=True)
    Kept.seed = opened.stdout.decode().splitlines()[-1]
    Kept.password = password(first)


def test_a_machine_without_a_tpm_receives_nothing_unless_that_is_said(second: Machine) -> None:
    done = second.run("sudo", "signer-upgrade", "receive")
    assert (done.returncode, done.stdout) == (1, "")
    assert "signer-upgrade receive --without-tpm" in " ".join(done.stderr.split())
    assert upgrade_status(second)["state"] == ""


def test_the_old_machine_stops_for_good_before_anything_leaves_it(first: Machine, second: Machine, site: Site) -> None:
    done = second.run(f"sudo signer-upgrade receive {NO_TPM}")
    assert done.returncode == 0, done.stderr
    recipient = done.stdout.strip()
    sent = send(first, recipient)
    assert sent.returncode == 0, sent.stderr.decode()
    Kept.package = sent.stdout
    assert Kept.opened["node_id"] in sent.stderr.decode()
    assert not reaches(site.address, PORT)
    # The key is still there after a start, and lnd is not.
    second.reboot(power_cut=True)
    assert second.run("sudo signer-upgrade receive").stdout.strip() == recipient
    first.reboot(power_cut=True)
    assert not reaches(first.address, PORT)
    for command in ("signer-init", "systemctl start lnd@signer.service"):
        assert first.run(f"sudo {command}").returncode == 1, command
    assert first.inside("pgrep", "--exact", "lnd", check=False).returncode == 1
    assert "signer-upgrade retire" in first.status()["next"]


def test_back_on_the_old_machine_as_long_as_the_new_one_has_not_begun(
    first: Machine, second: Machine, site: Site, provider: Provider
) -> None:
    done = first.run("sudo signer-upgrade resume")
    assert done.returncode == 1
    assert "two machines would sign for one grant" in " ".join(done.stderr.split())
    assert first.run("sudo signer-upgrade resume 'the new machine has not taken it and never will'").returncode == 0
    site.give_address(first)
    provider.check(f"{site.address}:{PORT}", Kept.opened)
    # And over once more.
    assert second.run("sudo signer-upgrade decline").returncode == 0
    assert take(second, Kept.package).returncode == 1
    done = second.run(f"sudo signer-upgrade receive {NO_TPM}")
    Kept.package = send(first, done.stdout.strip()).stdout
    assert not reaches(site.address, PORT)


@pytest.mark.parametrize(
    ("spoil", "words"), [(lambda text: text[:-300], "cut or altered"), (lambda _text: b"", "cut or altered")]
)
def test_a_damaged_package_changes_nothing(second: Machine, spoil: t.Callable[[bytes], bytes], words: str) -> None:
    done = take(second, spoil(Kept.package))
    assert done.returncode == 1
    assert words in " ".join(done.stderr.decode().split())
    assert upgrade_status(second)["state"] == "waiting"
    assert not (second.disk / "var/lib/lnd/signer").exists()


def test_the_package_of_another_node_is_refused(second: Machine) -> None:
    done = take(second, Kept.package, "--node-id", "02" + "ab" * 32)
    assert done.returncode == 1
    assert upgrade_status(second)["state"] == "waiting"


def test_power_cuts_while_the_new_machine_takes_it(second: Machine) -> None:
    """It then has not begun or goes on."""
    for moment in ("etc/signer/upgrade.json", WALLET, "etc/lnd/signer/lnd.conf"):
        command = second.ssh("sudo", "signer-upgrade", "take")
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            assert run.stdin is not None
            run.stdin.write(Kept.package)
            run.stdin.close()
            until(moment, partial(exists_or_ended, second.disk / moment, run), 60)
            second.reboot(power_cut=True)
            run.wait()
    done = take(second, Kept.package, "--node-id", Kept.opened["node_id"])
    assert done.returncode == 0, done.stderr.decode()
    Kept.receipt = re.findall(r"receipt +(\w+)", done.stdout.decode())[0]


def test_the_providers_bundle_goes_on_working(first: Machine, second: Machine, site: Site, provider: Provider) -> None:
    """The same certificate, the same grant, the same key, from the same address; the password is sealed anew."""
    site.give_address(second)
    provider.check(f"{site.address}:{PORT}", Kept.opened)
    assert site.open(provider, second) == Kept.opened
    assert password(second) == Kept.password
    assert first.read(PASSWORD) != second.read(PASSWORD)
    status = second.status()
    assert status["done"], status
    assert not reaches(first.address, PORT)
    assert second.run("sudo", "signer-init").returncode == 0


def test_done_again_it_changes_nothing(second: Machine) -> None:
    before = second.inside("systemctl", "show", "--property=MainPID", "lnd@signer.service").stdout
    done = take(second, Kept.package)
    assert done.returncode == 0, done.stderr.decode()
    assert Kept.receipt in done.stdout.decode()
    assert second.inside("systemctl", "show", "--property=MainPID", "lnd@signer.service").stdout == before


def test_the_new_machine_unlocks_by_itself(second: Machine, site: Site, provider: Provider) -> None:
    second.reboot()
    until("lnd", lambda: second.status()["done"], 120)
    site.give_address(second)
    provider.check(f"{site.address}:{PORT}", Kept.opened)


def test_the_old_machine_is_emptied_with_the_new_ones_receipt_alone(first: Machine) -> None:
    assert first.run("sudo signer-upgrade retire 0123").returncode == 1
    assert first.run(f"sudo signer-upgrade retire {Kept.receipt}").returncode == 0
    left = [
        path for path in first.disk.rglob("*") if path.is_file() and path.is_relative_to(first.disk / "var/lib/lnd")
    ]
    assert left == []
    assert not (first.disk / PASSWORD[1:]).exists()
    assert [path.name for path in (first.disk / "etc/signer").iterdir() if path.is_file()] == ["upgrade.json"]
    first.reboot(power_cut=True)
    assert first.run("sudo signer-init").returncode == 1
    assert not reaches(first.address, PORT)


# --- by a package, by the playbook


def playbook(site: Site, **variables: t.Any) -> tuple[int, str, str]:
    """Run the playbook; return its exit status, the last line of its recap, and its output."""
    extra = {"upgrade_from": "second", "upgrade_to": "third", "upgrade_without_tpm": SENTENCE, **variables}
    done = subprocess.run(
        [
            "ansible-playbook",
            "-vvv",
            "--inventory",
            str(site.inventory()),
            "playbooks/signer_upgrade.yml",
            "--extra-vars",
            json.dumps(extra),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    recap = [line for line in done.stdout.splitlines() if "changed=" in line]
    return done.returncode, recap[-1] if recap else "", done.stdout + done.stderr


def test_two_machines_must_be_named(site: Site, third: Machine) -> None:
    status, _recap, said = playbook(site, upgrade_from="third")
    assert status != 0
    assert "Name the old machine" in said


def test_the_playbook_hands_it_over(site: Site, second: Machine, third: Machine, provider: Provider) -> None:
    status, recap, said = playbook(site)
    assert status == 0, said[-4000:]
    assert not reaches(second.address, PORT)
    site.give_address(third)
    provider.check(f"{site.address}:{PORT}", Kept.opened)
    assert Kept.password not in said
    assert "BEGIN AGE" not in said
    status, recap, said = playbook(site)
    assert (status, "changed=0 " in recap) == (0, True), said[-4000:]


def test_the_playbook_empties_the_old_machine(site: Site, second: Machine) -> None:
    status, recap, said = playbook(site, confirm="second")
    assert (status, "changed=1 " in recap) == (0, True), said[-4000:]
    assert not (second.disk / WALLET).exists()
    status, recap, said = playbook(site, confirm="second")
    assert (status, "changed=0 " in recap) == (0, True), said[-4000:]


def test_a_machine_that_is_the_signer_takes_no_other(site: Site, first: Machine) -> None:
    status, _recap, said = playbook(site, upgrade_from="first")
    assert status != 0
    assert "has taken over another signer" in said


# --- by the seed


def test_by_the_seed_it_is_the_same_node_with_another_grant(
    site: Site, first: Machine, third: Machine, fourth: Machine, provider: Provider, tmp_path: Path
) -> None:
    """Both answer until the tenant revokes the old grant; in this overlap the provider changes over, and its check
    reports it.
    """
    session = fourth.session(f"sudo signer-init --address {fourth.address} --bring-seed {NO_TPM}")
    session.expect("0 of 24: ")
    session.type(Kept.seed)
    session.expect("an earlier day does no harm: ")
    session.type("2026-01-01")
    assert session.end() == 0, session.seen[-2000:].replace(Kept.seed, "")
    renewed = site.open(provider, fourth)
    assert renewed["node_id"] == Kept.opened["node_id"]
    assert renewed["accounts"] == Kept.opened["accounts"]
    assert (renewed["macaroon"], renewed["certificate"]) != (Kept.opened["macaroon"], Kept.opened["certificate"])
    provider.check(fourth.endpoint, renewed)
    provider.check(f"{site.address}:{PORT}", Kept.opened)
    told = f"The signer at {site.address}:{PORT} still signs for acme"
    assert told in onboarding(site, first, renewed, tmp_path)
    third.inside("lncli", "--lnddir=/var/lib/lnd/signer", "--network=regtest", "deletemacaroonid", "1")
    assert not answers(provider, site.address, Kept.opened)
    said = onboarding(site, first, renewed, tmp_path)
    assert told not in said
    unseen = (
        f"Whether the signer at {site.address}:{PORT}, which this bundle replaces, still signs for acme could not be"
        " seen"
    )
    assert unseen not in said
    assert unseen in onboarding(site, first, renewed, tmp_path, knows_it=False)
    provider.check(fourth.endpoint, renewed)


def onboarding(site: Site, machine: Machine, renewed: Values, folder: Path, knows_it: bool = True) -> str:
    """Return the output of the provider's check, on a machine that has the grant and certificate of the replaced
    signer, or is a new one.
    """
    if machine.address != site.node:
        machine.inside(
            "sh", "-c", f"nft flush ruleset && ip address flush dev eth0 && ip address add {site.node}/24 dev eth0"
        )
        machine.address = site.node
    config = "/etc/lnd/acme"
    seal = {
        "path": "/etc/credstore.encrypted/lnd@acme.signer.macaroon",
        "name": "signer.macaroon",
        "content": Kept.opened["macaroon"],
    }
    tasks = [
        {"noncustodial.lightning.sealed_credential": {**seal, "encoding": "hex"}, "no_log": True},
        (
            {
                "noncustodial.lightning.config_files": {
                    "files": [{"path": f"{config}/signer.crt", "content": Kept.opened["certificate"]}]
                }
            }
            if knows_it
            else {"ansible.builtin.file": {"path": f"{config}/signer.crt", "state": "absent"}}
        ),
        {"ansible.builtin.import_role": {"name": "noncustodial.lightning.tenant", "tasks_from": "check"}},
    ]
    (folder / "play.json").write_text(
        json.dumps([{"hosts": "tenants", "gather_facts": False, "become": True, "tasks": tasks}])
    )
    groups: Values = {name: {"hosts": {host: {}}} for name, host in (("gateways", "gateway"), ("own", "own"))}
    groups["tenants"] = {"hosts": {"acme": {**site.variables(machine), "lnd_network": "regtest"}}}
    (folder / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
    (folder / "report.json").write_text(json.dumps({"signer": f"{site.address}:{PORT}", "node_id": renewed["node_id"]}))
    given = {"_tenant_offer": {"bundle": renewed}, "tenant_report": str(folder / "report.json")}
    (folder / "given.json").write_text(json.dumps(given))
    done = subprocess.run(
        [
            "ansible-playbook",
            "--inventory",
            str(folder / "hosts.json"),
            str(folder / "play.json"),
            "--extra-vars",
            f"@{folder}/given.json",
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return " ".join(done.stdout.split())


def test_no_secret_is_anywhere(site: Site) -> None:
    """No secret that moved is in the journals, or on a disk in the clear."""
    hidden = [Kept.password.encode(), b"AGE-SECRET-KEY-1", " ".join(Kept.seed.split()[:3]).encode()]
    for name, machine in site.machines.items():
        journal = machine.inside("journalctl", "--no-pager", "--output=export").stdout.encode()
        assert not [secret for secret in hidden if secret in journal], name
        files = [path for path in machine.disk.rglob("*") if path.is_file() and not path.is_symlink()]
        assert machine.disk / "etc/fstab" in files
        assert [path for path in files if any(secret in path.read_bytes() for secret in hidden)] == [], name


# --- a container


@pytest.fixture
def newer_image() -> t.Iterator[str]:
    """The container's image with a version of its own."""
    name = f"localhost/ncl-newer-signer:{uuid.uuid4().hex[:8]}"
    edit = [
        "sed",
        "-i",
        's/"version": "\\(.*\\)"/"version": "\\1-newer"/',
        "/usr/lib/noncustodial-lightning/signer/image.json",
    ]
    podman("run", "--name", name.rpartition(":")[2], "--user", "0", "--entrypoint", json.dumps(edit), container_image())
    podman(
        "commit",
        "--change",
        'ENTRYPOINT ["/usr/sbin/signer-container"]',
        "--change",
        "USER 988:988",
        name.rpartition(":")[2],
        name,
    )
    podman("rm", name.rpartition(":")[2])
    yield name
    podman("rmi", name)


def test_a_newer_image_on_the_volume_of_a_container(
    network: Network, provider: Provider, newer_image: str, tmp_path: Path
) -> None:
    """There is nothing to move; the bundle goes on working."""
    name, address, kit = f"{network.name}-volume", network.address(), tmp_path / "kit.json"
    kit.write_text(json.dumps(provider.kit("globex")))
    kit.chmod(0o644)

    def start(image: str) -> None:
        where = ("--name", name, "--network", network.name, "--ip", address)
        closed = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--tmpfs", "/run/secrets")
        files = (
            "--volume",
            f"{name}:/data",
            "--volume",
            f"{kit}:/etc/signer/kit.json:ro",
            "--secret",
            f"{name},target=wallet-password,uid=988,mode=0400",
        )
        podman("run", "--detach", *where, *closed, *files, image)

    def inside(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return podman("exec", name, *command, check=check)

    def read(path: str) -> bytes:
        return inside("cat", f"/data{path}").stdout.encode()

    _identity, recipient = age_key(tmp_path, "owner")
    podman("secret", "create", name, "-", input=secrets.token_hex(32))
    try:
        start(container_image())
        until("what it says", lambda: "Waiting for signer-init" in podman("logs", name).stdout, 30)
        told = fingerprint(provider.kit("globex"))
        inside("signer-init", "--address", address, "--seed-recipient", recipient, "--kit-fingerprint", told)
        opened = provider.open(read, "globex")
        podman("rm", "--force", "--time", "10", name)
        start(newer_image)
        until("signatures", lambda: answers(provider, address, opened), 60)
        assert "-newer, lnd" in inside("signer-status").stdout
        assert provider.open(read, "globex") == opened
        refused = inside("signer-upgrade", "receive", check=False)
        assert refused.returncode == 1
        assert "new image on that volume" in " ".join(refused.stderr.split())
    finally:
        podman("rm", "--force", "--time", "0", name)
        podman("volume", "rm", name)
        podman("secret", "rm", name)
