# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer as a container: a read-only root, no capabilities, any user, and a volume that is worthless without the
password.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import (
    PORT,
    Network,
    Session,
    container_image,
    neighbour_reaches,
    podman,
    reaches,
    stranger,
)
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Provider, Values, age_key

pytestmark = pytest.mark.image

ANYBODY = 43210


class Box:
    """A container of the image, its volume and its secret.

    Args:
        network: where it is.
        kit: file that is mounted.
    """

    def __init__(self, network: Network, kit: Path) -> None:
        self.name, self.address = f"{network.name}-box", network.address()
        self._network, self._kit = network, kit
        self.password = secrets.token_hex(32)
        podman("secret", "create", self.name, "-", input=self.password)
        self.run()

    def run(self) -> None:
        """Start the container, on the existing volume."""
        podman(
            *(
                "run",
                "--detach",
                "--name",
                self.name,
                "--network",
                self._network.name,
                "--ip",
                self.address,
                "--user",
                f"{ANYBODY}:{ANYBODY}",
            ),
            *("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--volume", f"{self.name}:/data"),
            *("--secret", f"{self.name},target=wallet-password,uid={ANYBODY},mode=0400", "--tmpfs", "/run/secrets"),
            *("--volume", f"{self._kit}:/etc/signer/kit.json:ro"),
            *(
                "--volume",
                f"{self._kit.with_name('kit_fingerprint')}:/etc/signer/kit_fingerprint:ro",
                container_image(),
            ),
        )

    def inside(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the container."""
        return podman("exec", self.name, *command, check=check)

    def read(self, path: str) -> bytes:
        """Return a file of the volume."""
        return subprocess.run(
            ["podman", "exec", self.name, "cat", f"/data{path}"], check=True, capture_output=True
        ).stdout

    def on_volume(self, *command: str) -> str:
        """Run a command on the volume, while the container does not run, and return its output."""
        user = ("--user", f"{ANYBODY}:{ANYBODY}", "--volume", f"{self.name}:/data")
        return podman("run", "--rm", *user, "--entrypoint", command[0], container_image(), *command[1:]).stdout

    def drop(self) -> None:
        """Remove the container, and keep the volume."""
        podman("rm", "--force", "--time", "10", self.name)

    def remove(self) -> None:
        """Remove everything."""
        self.drop()
        podman("volume", "rm", self.name)
        podman("secret", "rm", self.name)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, network: Network, provider: Provider) -> t.Iterator[Box]:
    kit = tmp_path_factory.mktemp("kit") / "kit.json"
    kit.write_text(json.dumps(provider.kit("acme")))
    kit.chmod(0o644)
    kit.with_name("kit_fingerprint").write_text(fingerprint(provider.kit("acme")))
    kit.with_name("kit_fingerprint").chmod(0o644)
    made = Box(network, kit)
    try:
        yield made
    finally:
        made.remove()


class Kept:
    """Values that one test leaves for the next."""

    opened: t.ClassVar[Values] = {}
    seed: t.ClassVar[str] = ""


def test_a_new_container_waits(box: Box) -> None:
    until("what it says", lambda: "Waiting for signer-init" in podman("logs", box.name).stdout, 30)
    assert not reaches(box.address, PORT)
    status = json.loads(box.inside("signer-status", "--json", check=False).stdout)
    assert [step["name"] for step in status["steps"] if step["done"]] == ["kit", "keys", "disk"]


def test_a_strangers_wallet_is_refused(box: Box, network: Network, tmp_path: Path) -> None:
    """The stranger is in the container, or in its pod. No other container, and not the provider, reaches an lnd that
    waits for its wallet.
    """
    session = Session(["podman", "exec", "--interactive", "--tty", box.name, "signer-init", "--address", box.address])
    session.words()
    connect = f"import socket; socket.create_connection(('127.0.0.1', {PORT}), 3)"
    assert box.inside("python3", "-c", connect).returncode == 0
    assert not reaches(box.address, PORT)
    assert not neighbour_reaches(network, box.address, PORT)
    assert box.inside(*stranger("/data/var/lib/lnd/signer/tls.cert")).stdout.strip().isdigit()
    session.type("q")
    assert session.end() == 3
    # lnd ends, and the container with it.
    assert box.inside("signer-init", "--seed-recipient", age_key(tmp_path, "nobody")[1], check=False).returncode != 0
    podman("wait", box.name)
    said = podman("logs", box.name).stderr
    assert "somebody else made it" in said
    assert "remove /data/var/lib/lnd/signer/data from the volume" in said
    box.drop()
    box.on_volume("rm", "-r", "/data/var/lib/lnd/signer/data")
    kept = ["kit.json", "kit_fingerprint", "settings.json", "signing_key", "signing_key.pub", "tenant"]
    assert box.on_volume("ls", "/data/etc/signer").split() == kept
    box.on_volume("test", "-e", "/data/etc/credstore.encrypted/signer-init.seed")
    box.run()


def test_from_kit_to_bundle(box: Box, network: Network, provider: Provider, tmp_path: Path) -> None:
    identity, recipient = age_key(tmp_path, "owner")
    done = box.inside("signer-init", "--address", box.address, "--seed-recipient", recipient, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    Kept.opened = provider.open(box.read, "acme")
    provider.check(f"{box.address}:{PORT}", Kept.opened)
    assert neighbour_reaches(network, box.address, PORT)
    opened = subprocess.run(
        ["age", "-d", "-i", str(identity)], input=box.read("/etc/lnd/signer/seed.age"), check=True, capture_output=True
    )
    Kept.seed = opened.stdout.decode().splitlines()[-1]
    assert box.inside("signer-status").returncode == 0


def test_it_is_nobody_and_can_write_its_volume_alone(box: Box) -> None:
    assert box.inside("id", "--user").stdout.strip() == str(ANYBODY)
    assert box.inside("touch", "/etc/x", check=False).returncode != 0
    assert box.inside("sh", "-c", "grep -E '^Cap(Eff|Prm|Bnd)' /proc/1/status").stdout.split()[1::2] == ["0" * 16] * 3
    # lnd is its child. The keys are in no core file.
    assert box.inside("grep", "Max core file size", "/proc/1/limits").stdout.split()[4:6] == ["0", "0"]


def test_another_container_on_the_volume_signs_at_once(
    box: Box, provider: Provider, record_property: t.Callable[..., None]
) -> None:
    box.drop()
    box.run()
    began = time.monotonic()
    until("signatures", lambda: signs(box, provider), 60)
    record_property("signs", round(time.monotonic() - began, 1))


def signs(box: Box, provider: Provider) -> bool:
    try:
        provider.check(f"{box.address}:{PORT}", Kept.opened)
    except AssertionError:
        return False
    return True


def test_no_secret_shows(box: Box) -> None:
    logs = podman("logs", box.name)
    processes = box.inside("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'").stdout
    for text in (logs.stdout, logs.stderr, processes):
        assert box.password not in text
        assert Kept.seed not in text
    words = " ".join(Kept.seed.split()[:3])
    assert (
        box.inside(
            "grep", "--recursive", "--files-with-matches", "-e", box.password, "-e", words, "/data", check=False
        ).returncode
        == 1
    )


# Stops every process of lnd, so that connections stay and nothing is answered.
FREEZE = """for process in /proc/[0-9]*; do
  case "$(readlink "$process/exe")" in */lnd) kill -STOP "${process#/proc/}" && echo frozen ;; esac
done"""
REVOKE = ("signer-revoke", "--mode", "emergency", "--confirm", "acme")


def test_in_an_emergency_an_lnd_that_does_not_answer_is_killed_for_good(box: Box, provider: Provider) -> None:
    assert box.inside("sh", "-c", FREEZE).stdout == "frozen\n"
    done = box.inside(*REVOKE, check=False)
    assert (done.returncode, "nothing starts it again" in done.stdout) == (1, True), done.stdout + done.stderr
    podman("restart", "--time", "10", box.name)
    until("the supervisor", lambda: "A revocation has killed lnd" in podman("logs", box.name).stdout)
    assert not signs(box, provider)
    # The command that it has printed.
    box.inside("rm", "/data/etc/signer/lnd.killed")
    podman("restart", "--time", "10", box.name)
    until("signatures", lambda: signs(box, provider), 60)


def test_a_revocation(box: Box, provider: Provider) -> None:
    done = box.inside(*REVOKE)
    assert "listmacaroonids: 0; 0 is lnd's own" in done.stdout
    assert not signs(box, provider)
