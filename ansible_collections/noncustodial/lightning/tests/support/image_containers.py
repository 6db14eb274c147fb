# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that are started from the signer's image, as containers with systemd: the same root file system as on the
disk, without kernel and firmware.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import time
import typing as t
import uuid
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import endpoint
from ansible_collections.noncustodial.lightning.tests.support.daemons import CACHE, until

IMAGE = CACHE / "signer-image"
PORT = 10009

# What belongs to a real machine: its disk, and the network that podman has made already.
MASKED_UNITS = (
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
    "systemd-resolved.service",
    "systemd-remount-fs.service",
)
# The mounts of the machine must be able to pass on to those of its units, or systemd leaves credentials out and says
# nothing.
INIT_COMMAND = "mount --make-rshared / && exec /lib/systemd/systemd"

TOKENS = re.compile(r"(\d+)\. (\w+)")


def podman(*arguments: str | Path, check: bool = True, **options: t.Any) -> subprocess.CompletedProcess[str]:
    """Run podman."""
    # A journal may hold what is no text: the length of a message of several lines, for one.
    done = subprocess.run(
        ["podman", *map(str, arguments)], check=False, capture_output=True, text=True, errors="replace", **options
    )
    assert done.returncode == 0 or not check, f"podman {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
    return done


class Network:
    """A network of podman, on which this host is the provider.

    Args:
        subnet: the only one that it has; podman chooses one of IPv4 without.
    """

    def __init__(self, subnet: str | None = None) -> None:
        self.name = f"ncl-image-{uuid.uuid4().hex[:8]}"
        podman("network", "create", *(["--subnet", subnet] if subnet else []), self.name)
        (made,) = json.loads(podman("network", "inspect", self.name).stdout)[0]["subnets"]
        self.provider: str = made["gateway"]
        self._free = itertools.islice(ipaddress.ip_network(made["subnet"]).hosts(), 9, None)

    def address(self) -> str:
        """Return a free address for another machine; podman would choose another one after each restart."""
        return str(next(self._free))

    def remove(self) -> None:
        """Remove the network."""
        podman("network", "rm", "--force", self.name)


class Session:
    """A terminal, with a person who reads and types.

    Args:
        command: ssh or podman, which makes the terminal where it leads.
    """

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.seen = ""
        self._read_to = 0

    def expect(self, text: str, timeout: float = 120) -> str:
        """Return the output since the last time, up to this text."""
        end = time.monotonic() + timeout
        output = t.cast("t.IO[bytes]", self._process.stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while text not in self.seen[self._read_to :]:
                assert selector.select(max(end - time.monotonic(), 0)), (
                    f"waited {timeout:g} s for {text!r}, seen: {self.seen[-2000:]}"
                )
                got = os.read(output.fileno(), 65536)
                assert got, f"the session ended without {text!r}: {self.seen[-2000:]}"
                self.seen += got.decode(errors="replace")
        begin, self._read_to = self._read_to, self.seen.index(text, self._read_to) + len(text)
        return self.seen[begin : self._read_to]

    def type(self, text: str = "") -> None:
        """Type a line."""
        keyboard = t.cast("t.IO[bytes]", self._process.stdin)
        keyboard.write(f"{text}\n".encode())
        keyboard.flush()

    def words(self) -> list[str]:
        """Return the seed that is shown, after which Enter is expected."""
        found = dict(TOKENS.findall(self.expect("press Enter")))
        return [found[str(number)] for number in range(1, 25)]

    def confirm(self, words: list[str]) -> None:
        """Type the words that are asked back."""
        self.type()
        for _word in range(4):
            self.expect("  word ")
            self.type(words[int(self.expect(": ").removesuffix(": ")) - 1])

    def end(self, timeout: float = 180) -> int:
        """Wait for the end, and return the exit status."""
        rest, _nothing = self._process.communicate(timeout=timeout)
        self.seen += rest.decode(errors="replace")
        return self._process.returncode

    def cut(self) -> None:
        """Cut the connection."""
        self._process.kill()
        self._process.communicate()


class Login:
    """An administrator of a signer over ssh.

    Args:
        folder: for what belongs to the test.
    """

    ssh_port = 22
    address: str
    patience = 300.0
    """Seconds that a command may take."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key, self.known_hosts = folder / "admin", folder / "known_hosts"
        if not self.key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)

    @property
    def public_key(self) -> str:
        """The administrator's public key, one line."""
        return self.key.with_suffix(".pub").read_text().strip()

    def ssh(self, *command: str, terminal: bool = False) -> list[str]:
        """Return the command that runs something in the machine as its administrator does."""
        options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=accept-new",
            f"UserKnownHostsFile={self.known_hosts}",
            "LogLevel=ERROR",
            "ConnectTimeout=30",
        ]
        return [
            "ssh",
            *(["-tt"] if terminal else ["-T"]),
            *(part for one in options for part in ("-o", one)),
            *("-i", str(self.key), "-p", str(self.ssh_port), f"signer-admin@{self.address}"),
            *command,
        ]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command over ssh, without a terminal."""
        return subprocess.run(self.ssh(*command), check=False, capture_output=True, text=True, timeout=self.patience)

    def session(self, *command: str) -> Session:
        """Run a command over ssh, with a terminal."""
        return Session(self.ssh(*command, terminal=True))

    def sudo_cat(self, path: str) -> bytes:
        """Return a file of the machine, read as its administrator."""
        return subprocess.run(
            self.ssh("sudo", "cat", path), check=True, capture_output=True, timeout=self.patience
        ).stdout

    def status(self) -> dict[str, t.Any]:
        """Return the output of signer-status."""
        return t.cast("dict[str, t.Any]", json.loads(self.run("sudo", "signer-status", "--json").stdout))


class Machine(Login):
    """A machine of its own, from the image.

    Args:
        folder: for its disk and for what belongs to the test.
        network: where it is.
        seed: files of a NoCloud seed, which a cloud or a seed disk would bring.
    """

    def __init__(self, folder: Path, network: Network, seed: t.Mapping[str, str]) -> None:
        super().__init__(folder)
        self.name, self.address = f"{network.name}-{folder.name}", network.address()
        self.disk, work, self._root = folder / "upper", folder / "work", folder / "root"
        for path in (self.disk, work, self._root):
            path.mkdir(parents=True)
        self._prepare(seed)
        options = f"lowerdir={IMAGE / 'work/root'},upperdir={self.disk},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(self._root)], check=True)
        podman(
            *("run", "--detach", "--name", self.name, "--hostname", "signer", "--systemd=always"),
            *("--network", network.name, "--ip6" if ":" in self.address else "--ip", self.address),
            *(
                "--cap-add=SYS_ADMIN,NET_ADMIN,MKNOD,SYS_PTRACE,AUDIT_WRITE",
                "--security-opt=seccomp=unconfined",
                "--security-opt=apparmor=unconfined",
            ),
            *("--rootfs", self._root, "/bin/sh", "-ec", INIT_COMMAND),
        )
        self.await_start()

    def _prepare(self, seed: t.Mapping[str, str]) -> None:
        units = self.disk / "etc/systemd/system"
        units.mkdir(parents=True)
        for unit in MASKED_UNITS:
            (units / unit).symlink_to("/dev/null")
        (self.disk / "etc/fstab").write_text("")
        (self.disk / "etc/cloud/cloud.cfg.d").mkdir(parents=True)
        (self.disk / "etc/cloud/cloud.cfg.d/99-test.cfg").write_text(
            "network: {config: disabled}\ngrowpart: {mode: 'off'}\n"
        )
        self._write_seed(self.disk, seed)

    def seed_disk(self, seed: t.Mapping[str, str]) -> None:
        """Give it a seed with an instance-id that it has not had before. A disk's files are in a directory here: a
        container has no disks.
        """
        self._write_seed(self._root, seed)

    def _write_seed(self, root: Path, seed: t.Mapping[str, str]) -> None:
        where = root / "var/lib/cloud/seed/nocloud"
        where.mkdir(parents=True, exist_ok=True)
        (where / "meta-data").write_text(f"instance-id: {uuid.uuid4()}\n")
        for name, content in seed.items():
            (where / name).write_text(content.replace("@KEY@", self.public_key))

    @property
    def endpoint(self) -> str:
        """The address at which the provider dials it."""
        return endpoint.join(self.address, PORT)

    def await_start(self) -> None:
        """Wait until systemd has started everything and ssh answers."""
        until(
            "systemd",
            lambda: (
                self.inside("systemctl", "is-system-running", "--wait", check=False).stdout.strip()
                in ("running", "degraded")
            ),
            120,
        )
        until("sshd", lambda: reaches(self.address, 22), 60)

    def inside(self, *command: str, check: bool = True, **options: t.Any) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root, without any login."""
        return podman(
            "exec", *(["--interactive"] if "input" in options else []), self.name, *command, check=check, **options
        )

    def read(self, path: str) -> bytes:
        """Return a file of the machine."""
        return subprocess.run(["podman", "exec", self.name, "cat", path], check=True, capture_output=True).stdout

    def reboot(self, power_cut: bool = False) -> None:
        """Stop it, at once or properly, and start it again."""
        podman("kill", "--signal", "KILL", self.name) if power_cut else podman("stop", "--time", "60", self.name)
        podman("wait", self.name)
        podman("start", self.name)
        self.await_start()

    def remove(self) -> None:
        """Remove it, with its disk."""
        podman("rm", "--force", "--time", "0", self.name)
        subprocess.run(["umount", str(self._root)], check=True)
        shutil.rmtree(self.folder)


def exists_or_ended(path: Path, program: subprocess.Popen[bytes]) -> bool:
    """Return whether a file is there, or the program that makes it has ended."""
    return path.exists() or program.poll() is not None


def reaches(address: str, port: int, timeout: float = 2) -> bool:
    """Return whether something answers at an address."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout):
        return True
    return False


def container_image() -> str:
    """Return the name of the container's image."""
    return f"localhost/noncustodial-lightning-signer:{json.loads((IMAGE / 'manifest.json').read_text())['version']}"


STRANGER_PROGRAM = """
import socket, sys
from pathlib import Path
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
with Client(Connection("127.0.0.1:10009", Path(sys.argv[1]).read_bytes(), None, 120)) as lnd:
    words = list(lnd.call("lnrpc.WalletUnlocker/GenSeed").cipher_seed_mnemonic)
    made = lnd.call("lnrpc.WalletUnlocker/InitWallet", wallet_password=b"of-a-stranger", cipher_seed_mnemonic=words)
print(len(made.admin_macaroon))
"""
"""Makes the wallet of an lnd that waits for one, with a program of its own, a seed of its own and a password of its
own.
"""


def stranger(certificate: str) -> tuple[str, ...]:
    """Return the command of a stranger inside a machine or container who does that."""
    return (
        "env",
        "PYTHONPATH=/usr/lib/noncustodial-lightning/signer",
        "/usr/bin/python3",
        "-Bc",
        STRANGER_PROGRAM,
        certificate,
    )


def neighbour_reaches(network: Network, address: str, port: int) -> bool:
    """Return whether something answers another machine of the network."""
    program = f"import socket; socket.create_connection(({address!r}, {port}), 3)"
    entry = ("--entrypoint", "/usr/bin/python3")
    return (
        podman(
            "run", "--rm", "--network", network.name, *entry, container_image(), "-c", program, check=False
        ).returncode
        == 0
    )
