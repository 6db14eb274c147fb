# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer's image as tenants use it: two machines of one image, from the first login over ssh to a bundle that the
provider takes.

The tests of one machine build on each other, in this order.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import typing as t
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import (
    IMAGE,
    PORT,
    Machine,
    Network,
    Session,
    exists_or_ended,
    neighbour_reaches,
    podman,
    stranger,
)
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT
from ansible_collections.noncustodial.lightning.tests.support.ports import open_to_this_host
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import (
    BUNDLE_FILE,
    OBEYED_FILE,
    ORDERS_METADATA,
    VERSION,
    Provider,
    Values,
    age_key,
    user_data,
)

pytestmark = pytest.mark.image

NO_TPM = "--without-tpm 'a copy of the disk has the keys'"
PASSWORD = "/etc/credstore.encrypted/lnd@signer.wallet-password"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, network: Network, provider: Provider) -> t.Iterator[Machine]:
    """The first machine: its owner sits at a terminal."""
    made = Machine(tmp_path_factory.mktemp("first"), network, user_data(provider.kit("acme")))
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, network: Network, provider: Provider) -> t.Iterator[Machine]:
    """The second machine: its owner has the seed encrypted to a key."""
    made = Machine(tmp_path_factory.mktemp("second"), network, user_data(provider.kit("globex")))
    try:
        yield made
    finally:
        made.remove()


def obeyed(machine: Machine) -> bool:
    """Return whether the orders were carried out."""
    return machine.inside("test", "-e", OBEYED_FILE, check=False).returncode == 0


class Kept:
    """Values that one test leaves for the next."""

    words: t.ClassVar[list[str]] = []
    first: t.ClassVar[Values] = {}
    second: t.ClassVar[Values] = {}
    seed: t.ClassVar[str] = ""


def begin(machine: Machine) -> Session:
    return machine.session(f"sudo signer-init --address {machine.address} {NO_TPM}")


# --- the first machine


def test_a_new_machine_waits_for_its_tenant(machine: Machine) -> None:
    """The kit has come with the machine. Nothing listens but ssh."""
    status = machine.status()
    assert [step["name"] for step in status["steps"] if step["done"]] == ["kit", "disk"]
    assert "signer-init" in status["next"]
    assert open_to_this_host(machine.address, 1) == {22}
    assert machine.inside("systemctl", "--failed", "--plain", "--no-legend").stdout == ""


def test_nobody_else_asks_for_it(machine: Machine) -> None:
    done = machine.run("signer-status")
    assert (done.returncode, done.stderr) == (1, "This needs root. Run it with sudo.\n")


def test_without_a_tpm_it_does_not_begin(machine: Machine) -> None:
    done = machine.run("sudo", "signer-init", "--address", machine.address)
    assert done.returncode == 1
    assert "has no TPM" in done.stderr
    assert machine.inside("test", "-e", PASSWORD, check=False).returncode == 1


def test_a_seed_is_shown_on_a_terminal_alone(machine: Machine) -> None:
    done = machine.run(f"sudo signer-init --address {machine.address} {NO_TPM}")
    assert done.returncode == 1
    assert "ssh -t" in done.stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lnd_version": "0.99.0-beta"}, "which is older"),
        ({"age_recipient": "age1"}, "age_recipient"),
        ({"provider_addresses": ["0.0.0.0/0"]}, "/16"),
    ],
)
def test_a_wrong_kit_changes_nothing(machine: Machine, provider: Provider, changes: Values, words: str) -> None:
    machine.inside("sh", "-c", "cat > /run/kit.json", input=json.dumps(provider.kit("acme", **changes)))
    done = machine.run(f"sudo signer-init --kit /run/kit.json --address {machine.address} {NO_TPM}")
    assert done.returncode == 1
    assert words in " ".join(done.stderr.split())
    assert machine.inside("test", "-e", PASSWORD, check=False).returncode == 1


def test_a_session_that_breaks_off_goes_on_with_the_same_words(machine: Machine) -> None:
    session = begin(machine)
    Kept.words = session.words()
    assert len(set(Kept.words)) > 20
    session.cut()
    until(
        "the end of the first run",
        lambda: machine.inside("pgrep", "-f", "signer_init init", check=False).returncode == 1,
    )
    assert [step["name"] for step in machine.status()["steps"] if not step["done"]] == ["seed", "lnd", "bundle"]


def test_nobody_else_reaches_an_lnd_that_waits_for_its_wallet(machine: Machine, network: Network) -> None:
    """It would take a wallet from anybody. Its own settings make it listen only on loopback, and the firewall lets not
    even the provider in.
    """
    assert listens(machine) == {f"127.0.0.1:{PORT}"}
    assert open_to_this_host(machine.address, 1) == {22}
    assert not neighbour_reaches(network, machine.address, PORT)
    rules = machine.inside("nft", "list", "ruleset").stdout
    assert (str(PORT) in rules.split("chain output")[0], "tcp dport 22 accept" in rules) == (False, True)


def listens(machine: Machine) -> set[str]:
    """Return the addresses at which lnd waits for calls."""
    lines = machine.inside("ss", "--listening", "--tcp", "--numeric", "--no-header").stdout.splitlines()
    return {line.split()[3] for line in lines if line.split()[3].endswith(f":{PORT}")}


def test_a_strangers_wallet_is_refused(machine: Machine, network: Network) -> None:
    """The stranger is in the machine. Nothing is granted, nobody is let in, and the seed stays the tenant's."""
    assert machine.inside(*stranger("/var/lib/lnd/signer/tls.cert")).stdout.strip().isdigit()
    session = begin(machine)
    assert session.end() == 1
    said = " ".join(session.seen.split())
    assert "somebody else made it" in said
    assert "rm -r /var/lib/lnd/signer/data, and run signer-init again, which continues with your seed" in said
    assert machine.inside("test", "-e", "/etc/credstore.encrypted/signer-init.seed", check=False).returncode == 0
    assert machine.inside("sh", "-c", "ls /etc/signer").stdout.split() == [
        "kit.json",
        "kit_fingerprint",
        "settings.json",
        "signing_key",
        "signing_key.pub",
        "tenant",
    ]
    assert (listens(machine), open_to_this_host(machine.address, 1)) == (set(), {22})
    machine.inside("rm", "-r", "/var/lib/lnd/signer/data")


def test_a_power_cut_before_the_confirmation(machine: Machine) -> None:
    machine.seed_disk(ORDERS_METADATA)
    machine.reboot(power_cut=True)
    assert (obeyed(machine), machine.inside("cloud-init", "status", check=False).stdout) == (
        False,
        "status: disabled\n",
    )
    session = begin(machine)
    assert session.words() == Kept.words
    assert "the same words as then" in session.seen
    # Words that differ are not taken.
    session.type()
    session.expect("  word ")
    number = int(session.expect(": ").removesuffix(": "))
    session.type("not-this")
    session.expect(f"That is not word {number}.")
    session.type("q")
    assert session.end() == 3


def test_init_ends_with_the_bundle(machine: Machine, provider: Provider) -> None:
    session = begin(machine)
    assert session.words() == Kept.words
    session.confirm(Kept.words)
    assert session.end() == 0, session.seen[-2000:]
    assert "This signer is ready" in session.seen
    Kept.first = provider.open(machine.read, "acme")
    assert Kept.first["endpoint"] == f"{machine.address}:{PORT}"
    status = machine.status()
    assert status["done"], status
    assert (status["node_id"], status["state"]) == (Kept.first["node_id"], "SERVER_ACTIVE")


def test_the_provider_gets_signatures(machine: Machine, provider: Provider) -> None:
    assert {stage["status"] for stage in provider.check(machine.endpoint, Kept.first)} <= {"ok", "warn"}


def test_run_again_it_changes_nothing(machine: Machine) -> None:
    before = machine.read(BUNDLE_FILE)
    done = machine.run(f"sudo signer-init --address {machine.address}")
    assert done.returncode == 0, done.stderr
    assert machine.read(BUNDLE_FILE) == before


def test_only_what_the_kit_allows_is_open(machine: Machine, network: Network) -> None:
    """The provider reaches ssh and lnd; a machine beside it reaches only ssh."""
    assert listens(machine) == {f"0.0.0.0:{PORT}"}
    assert open_to_this_host(machine.address, 1) == {22, PORT}
    assert neighbour_reaches(network, machine.address, 22)
    assert not neighbour_reaches(network, machine.address, PORT)


def test_the_signer_reaches_nobody(machine: Machine, provider: Provider) -> None:
    """Not even the provider."""
    with socket.create_server(("0.0.0.0", 0)) as listener:  # on the address at which the machines see this host  # noqa: S104
        address = (provider.addresses[0], listener.getsockname()[1])
        socket.create_connection(address, 3).close()
        connect = f"import socket; socket.create_connection({address!r}, 3)"
        assert "Error" in machine.inside("python3", "-c", connect, check=False).stderr


def test_the_unit_is_sandboxed(machine: Machine) -> None:
    told = machine.inside("systemd-analyze", "security", "--no-pager", "lnd@signer.service").stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert exposure is not None
    assert float(exposure[1]) <= 2.0


def test_the_role_finds_nothing_to_change(machine: Machine, provider: Provider, tmp_path: Path) -> None:
    """An image's machine and one that the roles have set up are in the same state: the playbook, with the same choices,
    changes nothing.

    The positive control is the file by which cloud-init is off: the role makes it as the image does.
    """
    desk, off = tmp_path, "/etc/cloud/cloud-init.disabled"
    made = machine.read(off)
    machine.inside("rm", off)
    (desk / "kit.json").write_bytes(machine.read("/etc/signer/kit.json"))
    (desk / "signing_key").write_bytes(machine.read("/etc/signer/signing_key"))
    (desk / "signing_key").chmod(0o600)
    egress = json.loads((IMAGE / "tree/usr/lib/noncustodial-lightning/signer/image.json").read_text())["egress"]
    ssh = machine.ssh()
    variables = {
        "ansible_host": machine.address,
        "ansible_user": "signer-admin",
        "ansible_become": True,
        "ansible_ssh_private_key_file": str(machine.key),
        "ansible_ssh_common_args": " ".join(ssh[2 : ssh.index("-i")]),
        "lnd_name": "signer",
        "lnd_network": "regtest",
        "lnd_tls_names": [machine.address],
        "lnd_version": VERSION,
        "lnd_install_method": "copy",
        "lnd_install_source": str(IMAGE / f"tree/opt/lnd/{VERSION}"),
        "lnd_seed_recipient": provider.recipient,
        "signer_address": machine.address,
        "signer_kit": str(desk / "kit.json"),
        "signer_signing_key": str(desk / "signing_key"),
        "signer_bundle_dest": str(desk / "bundle.json"),
        "signer_egress": egress,
    }
    inventory = desk / "hosts.json"
    inventory.write_text(json.dumps({"all": {"children": {"signers": {"hosts": {"signer": variables}}}}}))
    (desk / "bundle.json").write_bytes(machine.read(BUNDLE_FILE))
    done = subprocess.run(
        ["ansible-playbook", "--inventory", str(inventory), "--diff", "playbooks/signer.yml"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"signer +: ok=\d+ +changed=1 ", done.stdout), done.stdout[-6000:]
    assert machine.read(off) == made


def test_a_reboot_unlocks_by_itself(machine: Machine, provider: Provider) -> None:
    machine.reboot()
    until("lnd", lambda: machine.status()["done"], 120)
    provider.check(machine.endpoint, Kept.first)


def test_a_kill_unlocks_by_itself(machine: Machine, provider: Provider) -> None:
    before = machine.inside("systemctl", "show", "--property=MainPID", "--value", "lnd@signer.service").stdout
    machine.inside("systemctl", "kill", "--signal=KILL", "lnd@signer.service")
    until(
        "another lnd",
        lambda: (
            machine.inside("systemctl", "show", "--property=MainPID", "--value", "lnd@signer.service").stdout
            not in (before, "0\n")
        ),
    )
    until("lnd", lambda: machine.status()["done"], 120)
    provider.check(machine.endpoint, Kept.first)


def test_a_power_cut_unlocks_by_itself(machine: Machine, provider: Provider) -> None:
    machine.reboot(power_cut=True)
    until("lnd", lambda: machine.status()["done"], 120)
    provider.check(machine.endpoint, Kept.first)


def test_no_secret_is_anywhere(machine: Machine) -> None:
    """Neither the seed nor the password: not on the disk in the clear, not in the journal, the console, cloud-init's
    logs or the list of processes.
    """
    password = machine.inside("systemd-creds", "decrypt", "--name=wallet-password", PASSWORD, "-").stdout
    assert len(password) == 64
    shown = [
        machine.inside("journalctl", "--no-pager", "--output=export").stdout,
        podman("logs", machine.name).stdout,
        machine.inside("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'").stdout,
    ]
    runs = [" ".join(Kept.words[index : index + 3]) for index in range(22)]
    spread = [json.dumps(Kept.words[index : index + 3])[1:-1] for index in range(22)]
    lines = ["\n".join(Kept.words[index : index + 3]) for index in range(22)]
    secrets = [secret.encode() for secret in (password, *runs, *spread, *lines)]
    for text in shown:
        assert not [secret for secret in secrets if secret in text.encode()]
    files = [path for path in machine.disk.rglob("*") if path.is_file() and not path.is_symlink()]
    assert machine.disk / "etc/signer/bundle.json" in files
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []
    assert not (machine.disk / "etc/credstore.encrypted/signer-init.seed").exists()


def test_who_asks_is_reported(machine: Machine) -> None:
    """The provider has asked by now, and nobody else; a stranger of the network is refused, and named."""
    assert machine.inside("systemctl", "is-enabled", "signer-activity.timer").stdout == "enabled\n"
    machine.inside("systemctl", "start", "signer-activity.service")
    output = machine.run("sudo signer-activity").stdout
    assert "The provider last asked this signer at" in output, output
    assert machine.run("signer-activity").stderr == "This needs root. Run it with sudo.\n"
    assert machine.inside("systemctl", "show", "--property=Result", "--value", "signer-activity.service").stdout == (
        "success\n"
    )


REVOKE = "sudo signer-revoke --mode emergency --confirm acme"
RESTART = "sudo systemctl unmask lnd@signer.service && sudo systemctl start lnd@signer.service"


def test_in_an_emergency_an_lnd_that_does_not_answer_is_killed_for_good(machine: Machine) -> None:
    machine.inside("systemctl", "kill", "--signal=STOP", "lnd@signer.service")
    done = machine.run(REVOKE)
    assert done.returncode == 1
    assert f"start it by {RESTART} and run signer-revoke again" in done.stdout, done.stdout + done.stderr
    machine.reboot()
    state = machine.inside("systemctl", "show", "--property=LoadState,ActiveState", "--value", "lnd@signer.service")
    assert state.stdout.split() == ["masked", "inactive"]
    assert open_to_this_host(machine.address, 1) == {22}


def test_a_revoked_grant_does_not_come_back_by_itself(machine: Machine, provider: Provider) -> None:
    assert machine.run(RESTART).returncode == 0
    done = machine.run(REVOKE)
    assert (done.returncode, "listmacaroonids: 0; 0 is lnd's own" in done.stdout) == (0, True), (
        done.stdout + done.stderr
    )
    assert machine.status()["next"].endswith("signer-init --root-key-id 2")
    done = machine.run("sudo", "signer-init")
    assert done.returncode == 1
    assert "was revoked" in done.stderr
    assert machine.run("sudo", "signer-init", "--root-key-id", "2").returncode == 0
    again = provider.open(machine.read, "acme")
    assert again["macaroon"] != Kept.first["macaroon"]
    provider.check(machine.endpoint, again)


# --- the second machine


def test_another_seed_disk_is_obeyed_as_long_as_there_is_no_signer(other: Machine, provider: Provider) -> None:
    """A machine without a signer can be put right in this way. The positive control of the first machine, which has a
    seed to lose.
    """
    other.seed_disk(ORDERS_METADATA)
    other.reboot()
    assert obeyed(other)
    # Its owner corrects the disk.
    other.seed_disk(user_data(provider.kit("globex")))
    other.reboot()
    assert [step["name"] for step in other.status()["steps"] if step["done"]] == ["kit", "disk"]


def test_power_cuts_while_the_wallet_is_made(other: Machine, provider: Provider, tmp_path: Path) -> None:
    """The owner gets the seed encrypted.

    Whenever the power goes, it is the same seed that has the wallet in the end.
    """
    identity, recipient = age_key(tmp_path, "owner")
    command = f"sudo signer-init --address {other.address} --seed-recipient {recipient} {NO_TPM}"
    seen: set[str] = set()

    def seed() -> str:
        done = subprocess.run(
            ["age", "-d", "-i", str(identity)],
            input=other.read("/etc/lnd/signer/seed.age"),
            check=True,
            capture_output=True,
        )
        return done.stdout.decode().splitlines()[-1]

    for moment in (
        "etc/lnd/signer/seed.age",
        "etc/lnd/signer/birthday",
        "var/lib/lnd/signer/data/chain/bitcoin/regtest/wallet.db",
    ):
        run = subprocess.Popen(other.ssh(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until(moment, partial(exists_or_ended, other.disk / moment, run), 120)
        other.reboot(power_cut=True)
        run.communicate()
        seen.add(seed())
    done = other.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    seen.add(seed())
    assert len(seen) == 1
    (Kept.seed,) = seen
    Kept.second = provider.open(other.read, "globex")
    provider.check(other.endpoint, Kept.second)
    assert other.status()["done"]
    assert not (other.disk / "etc/credstore.encrypted/signer-init.seed").exists()


KEEP = """
import sys
from signer_init import pending
from signer_init.host import Machine
from signer_init.place import Place
place = Place()
words = tuple(sys.stdin.read().split())
birthday = int(place.birthday.read_text())
pending.keep(Machine(place), pending.Pending(words=words, network="regtest", birthday=birthday, confirmed=True))
"""


def test_a_wallet_that_lnd_was_cut_off_in_is_made_again_of_its_seed(other: Machine, provider: Provider) -> None:
    """The state is that of a power cut in lnd's own work: the seed is confirmed and sealed, and nobody can open the
    wallet's file.
    """
    other.inside("env", "PYTHONPATH=/usr/lib/noncustodial-lightning/signer", "python3", "-Bc", KEEP, input=Kept.seed)
    other.inside("systemctl", "stop", "lnd@signer.service")
    other.inside(
        "sh",
        "-c",
        "cd /var/lib/lnd/signer && find data -type f ! -name wallet.db -delete && truncate --size=20000"
        " data/chain/bitcoin/*/wallet.db",
    )
    done = other.run("sudo", "signer-init")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same seed is used again" in done.stdout
    again = provider.open(other.read, "globex")
    assert again["node_id"] == Kept.second["node_id"]
    provider.check(other.endpoint, again)
    (aside,) = re.findall(r"/var/lib/lnd/signer/data\.incomplete_\w+", done.stdout)
    assert other.inside("find", aside, "-name", "wallet.db").stdout


def test_two_machines_of_one_image_share_no_secret(machine: Machine, other: Machine) -> None:
    assert Kept.first["node_id"] != Kept.second["node_id"]
    assert Kept.first["certificate"] != Kept.second["certificate"]
    for path in (
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key.pub",
        "/etc/signer/signing_key.pub",
        "/var/lib/systemd/credential.secret",
        "/var/lib/lnd/signer/tls.key",
    ):
        first, second = (hashlib.sha256(one.read(path)).hexdigest() for one in (machine, other))
        assert first != second, path


# --- the image


def test_the_image_has_no_key() -> None:
    """The disk itself, by its file system, without mounting it."""
    start = 257 << 20

    def listing(path: str) -> str:
        command = ["debugfs", "-R", f"ls -p {path}", f"{IMAGE / 'signer.raw'}?offset={start}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "sshd_config" in listing("/etc/ssh")
    assert "ssh_host_" not in listing("/etc/ssh")
    assert "credential.secret" not in listing("/var/lib/systemd")
    assert re.search(r"/machine-id/0/", listing("/etc"))
    assert "/lnd/" not in listing("/var/lib")
    assert re.findall(r"/([^/]+)/\d*/$", listing("/etc/signer"), re.MULTILINE) == [".", ".."]


def test_what_lies_beside_the_image() -> None:
    manifest = json.loads((IMAGE / "manifest.json").read_text())
    assert manifest["lnd_version"] == VERSION
    assert {"signer.raw", "signer.qcow2", "packages.txt", "sbom.json"} <= set(manifest["files"])
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=IMAGE, check=True)
    assert (IMAGE / "signer.raw").stat().st_blocks * 512 < 600 << 20
    assert "linux-image-cloud-amd64 " in (IMAGE / "packages.txt").read_text()
    assert json.loads((IMAGE / "sbom.json").read_text())["components"][0]["name"] == "lnd"


def test_the_signature_is_of_the_publisher(tmp_path: Path) -> None:
    build = json.loads((IMAGE / "build.json").read_text())
    allowed = tmp_path / "publishers"
    allowed.write_text(f"publisher {Path(build['signing_key'] + '.pub').read_text()}")
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "publisher", "-n", "image@noncustodial.lightning"]
    command = [*verify, "-s", str(IMAGE / "SHA256SUMS.sig")]
    sums = (IMAGE / "SHA256SUMS").read_bytes()
    assert subprocess.run(command, input=sums, check=False, capture_output=True).returncode == 0
    assert subprocess.run(command, input=sums + b"\n", check=False, capture_output=True).returncode != 0
