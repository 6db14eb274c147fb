# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer's disk as a whole machine under QEMU: UEFI, a TPM of software, a seed disk, a serial console that is kept.

A machine is its folder. Who has that finds it again, also while it runs, and it runs on when who has started it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import typing as t
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.daemons import free_port, until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import IMAGE, PORT, Login

FIRMWARE_FILE, VARIABLES_FILE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd"), Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
DISK_SIZE = "4G"
# Seconds in which it does whatever is awaited of it. Under emulation it starts in 40 s on a quiet host, and in minutes
# beside other tests.
TIMEOUT_SECONDS = 900.0
# Seconds for one attempt to log in.
LOGIN_SECONDS = 60.0
# As cloud-init shows it on the console.
HOST_KEY = r"^ssh-ed25519 [A-Za-z0-9+/=]{68}"

# The kernel's (linux/if_tun.h): a device that is a network card to QEMU, without a header of its own before each
# frame.
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def acceleration() -> str:
    """Return kvm where the processor supports it. That /dev/kvm can be opened is not enough: some kernels' KVM does not
    run firmware.
    """
    flags = Path("/proc/cpuinfo").read_text()
    return "kvm" if re.search(r"\b(vmx|svm)\b", flags) and os.access("/dev/kvm", os.W_OK) else "tcg"


@dataclass(frozen=True)
class Forwarded:
    """QEMU's own network. Two ports of this host's loopback lead into the machine.

    Attributes:
        options: further ones of that network.
        provider: this host, as the machine sees it.
    """

    options: tuple[str, ...] = ()
    provider: str = "10.0.2.2"
    address: str = "127.0.0.1"
    mac: str = "52:54:00:12:34:56"
    ssh_port: int = field(default_factory=free_port)
    rpc_port: int = field(default_factory=free_port)

    def seed(self) -> dict[str, str]:
        """Return nothing: QEMU assigns the machine's address."""
        return {}

    @contextlib.contextmanager
    def open(self) -> t.Iterator[tuple[str, tuple[int, ...]]]:
        """Yield QEMU's option, and the files that it is given."""
        forwards = (
            f"hostfwd=tcp:127.0.0.1:{port}-:{inside}" for port, inside in ((self.ssh_port, 22), (self.rpc_port, PORT))
        )
        yield ",".join(("user", "id=net", *self.options, *forwards)), ()


@dataclass(frozen=True)
class Bridged:
    """A network of podman, in which the machine has an address of its own, as a container has.

    Attributes:
        network: its name.
        address: of the machine.
    """

    network: str
    address: str
    ssh_port: int = 22
    rpc_port: int = PORT

    @property
    def mac(self) -> str:
        """The card's address, which no other machine of the network has."""
        return "52:54:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(self.address).packed)

    def seed(self) -> dict[str, str]:
        """Return the address for the machine; a network of podman's assigns none to a machine that is not podman's."""
        (subnet,) = self._inspect()["subnets"]
        address = f"{self.address}/{ipaddress.ip_network(subnet['subnet']).prefixlen}"
        return {
            "network-config": json.dumps(
                {"version": 2, "ethernets": {"lan": {"match": {"macaddress": self.mac}, "addresses": [address]}}}
            )
        }

    def _inspect(self) -> dict[str, t.Any]:
        done = subprocess.run(
            ["podman", "network", "inspect", self.network], check=True, capture_output=True, text=True
        )
        return t.cast("dict[str, t.Any]", json.loads(done.stdout)[0])

    @contextlib.contextmanager
    def open(self) -> t.Iterator[tuple[str, tuple[int, ...]]]:
        """QEMU's option, and the files that it is given: a device on the network's bridge, which ends with QEMU."""
        bridge = self._inspect()["network_interface"]
        device = os.open("/dev/net/tun", os.O_RDWR)
        try:
            made = fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"ncl%d", _IFF_TAP | _IFF_NO_PI))
            name = made[:16].rstrip(b"\0").decode()
            subprocess.run(["ip", "link", "set", name, "master", bridge, "up"], check=True)
            yield f"tap,id=net,fd={device}", (device,)
        finally:
            os.close(device)


def _process(folder: Path, name: str) -> int | None:
    """Return the id of a machine's program. Another process may have the number by now."""
    with contextlib.suppress(OSError):
        number = int((folder / f"{name}.pid").read_text())
        if str(folder).encode() in Path(f"/proc/{number}/cmdline").read_bytes():
            return number
    return None


def end(folder: Path) -> None:
    """End a machine at once, if it runs, so that data not yet written to its disk is lost. Its TPM ends with it."""
    if (machine := _process(folder, "qemu")) is not None:
        os.kill(machine, signal.SIGKILL)
    for name in ("qemu", "swtpm"):
        _await_end(folder, name)


def _await_end(folder: Path, name: str) -> None:
    until(f"the end of {name}", lambda: _process(folder, name) is None)


class Virtual(Login):
    """A virtual machine, made from the image if it does not exist yet.

    Args:
        folder: for its disk and for what belongs to the test.
        wire: how it is connected.
        seed: files of a NoCloud seed; without any it has no seed disk.
    """

    patience = TIMEOUT_SECONDS

    def __init__(self, folder: Path, wire: Forwarded | Bridged, seed: t.Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self.wire, self.address, self.ssh_port, self.rpc_port = wire, wire.address, wire.ssh_port, wire.rpc_port
        self.disk, self.console, self._seed = folder / "disk.qcow2", folder / "console.log", folder / "seed.img"
        # What the console has shown before it was switched on last.
        self._shown = 0
        if not self.disk.exists():
            (folder / "vars.fd").write_bytes(VARIABLES_FILE.read_bytes())
            if seed is not None:
                self._write_seed({"meta-data": f"instance-id: {folder.name}\n", **wire.seed(), **seed})
            self._copy_image()

    @property
    def endpoint(self) -> str:
        """The address at which the provider dials it."""
        return f"{self.address}:{self.rpc_port}"

    def _write_seed(self, files: t.Mapping[str, str]) -> None:
        with self._seed.open("wb") as file:
            file.truncate(1 << 20)
        subprocess.run(["mkfs.vfat", "-n", "CIDATA", str(self._seed)], check=True, stdout=subprocess.DEVNULL)
        for name, content in files.items():
            (self.folder / name).write_text(content.replace("@KEY@", self.public_key))
            subprocess.run(["mcopy", "-i", str(self._seed), str(self.folder / name), "::/"], check=True)

    def bring_seed(self, files: t.Mapping[str, str]) -> None:
        """Give the machine, which is switched off, another seed disk, with an instance-id that it has not had
        before."""
        self._write_seed({"meta-data": f"instance-id: {uuid.uuid4()}\n", **self.wire.seed(), **files})

    def _copy_image(self) -> None:
        """A disk of its own: one that stands on the image's would be lost with the next image."""
        scratch = self.folder / "disk.new"
        shutil.copyfile(IMAGE / "signer.qcow2", scratch)
        subprocess.run(["qemu-img", "resize", "-q", "-f", "qcow2", str(scratch), DISK_SIZE], check=True)
        scratch.rename(self.disk)

    # --- power

    def start(self, *options: str, tpm: str = "tpm") -> None:
        """Switch it on, with the TPM of that name and further options of QEMU."""
        self._shown = len(self.said())
        control = self._start_tpm(self.folder / tpm)
        with self.wire.open() as (network, files):
            command = [
                *("qemu-system-x86_64", "-daemonize", "-pidfile", str(self.folder / "qemu.pid")),
                *(
                    "-machine",
                    "q35",
                    "-accel",
                    acceleration(),
                    "-cpu",
                    "max",
                    "-smp",
                    "2",
                    "-m",
                    "1024",
                    "-nodefaults",
                    "-display",
                    "none",
                ),
                *(
                    "-drive",
                    f"if=pflash,format=raw,readonly=on,file={FIRMWARE_FILE}",
                    "-drive",
                    f"if=pflash,format=raw,file={self.folder}/vars.fd",
                ),
                *(
                    "-drive",
                    f"if=none,id=disk,format=qcow2,file={self.disk}",
                    "-device",
                    "nvme,drive=disk,serial=signer,bootindex=0",
                ),
                *(("-drive", f"if=virtio,format=raw,readonly=on,file={self._seed}") if self._seed.exists() else ()),
                *(
                    "-netdev",
                    network,
                    "-device",
                    f"virtio-net-pci,netdev=net,mac={self.wire.mac},romfile=",
                    "-device",
                    "virtio-rng-pci",
                ),
                *(
                    "-chardev",
                    f"socket,id=tpm,path={control}",
                    "-tpmdev",
                    "emulator,id=tpm,chardev=tpm",
                    "-device",
                    "tpm-crb,tpmdev=tpm",
                ),
                *("-chardev", f"file,id=console,append=on,path={self.console}", "-serial", "chardev:console"),
                *("-qmp", f"unix:{self.folder}/monitor,server=on,wait=off"),
                *options,
            ]
            subprocess.run(command, check=True, pass_fds=files)

    def _start_tpm(self, state: Path) -> Path:
        state.mkdir(exist_ok=True)
        control = state / "socket"
        control.unlink(missing_ok=True)
        chip = [
            "swtpm",
            "socket",
            "--tpm2",
            "--tpmstate",
            f"dir={state}",
            "--ctrl",
            f"type=unixio,path={control}",
            "--terminate",
        ]
        subprocess.run([*chip, "--daemon", "--pid", f"file={self.folder / 'swtpm.pid'}"], check=True)
        until("the TPM", control.exists)
        return control

    def runs(self) -> bool:
        """Return whether it is switched on."""
        return _process(self.folder, "qemu") is not None

    def power_off(self) -> None:
        """Switch it off at once, as a power cut does."""
        end(self.folder)

    def plug(self, plugged: bool) -> None:
        """Unplug the network's cable, or plug it in again."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.folder / "monitor"))
            with monitor.makefile("rw") as stream:
                stream.readline()
                for command in (
                    {"execute": "qmp_capabilities"},
                    {"execute": "set_link", "arguments": {"name": "net", "up": plugged}},
                ):
                    stream.write(json.dumps(command) + "\n")
                    stream.flush()
                    while "return" not in (answer := json.loads(stream.readline())):
                        assert "error" not in answer, answer

    # --- its console

    def await_console(self, pattern: str) -> str:
        """Wait until its console shows this since it was last switched on; return the match."""
        return t.cast(
            "re.Match[str]", until(f"{pattern} on the console", lambda: self._on_console(pattern), TIMEOUT_SECONDS)
        )[0]

    def _on_console(self, pattern: str) -> re.Match[str] | None:
        assert self.runs(), "QEMU has ended"
        return re.search(pattern, self.said()[self._shown :], re.MULTILINE)

    def said(self) -> str:
        """Return all output that its console has ever shown."""
        return self.console.read_bytes().decode("latin-1") if self.console.exists() else ""

    def trust(self) -> None:
        """Trust the host key that its console shows, to which nobody else can write, and no other."""
        shown = until(
            "a host key on the console", lambda: re.findall(HOST_KEY, self.said(), re.MULTILINE), TIMEOUT_SECONDS
        )
        host = self.address if self.ssh_port == 22 else f"[{self.address}]:{self.ssh_port}"
        self.known_hosts.write_text(f"{host} {shown[-1]}\n")

    def await_login(self) -> None:
        """Wait until its administrator can log in, which is once cloud-init has installed the key."""
        try:
            until("a login", self._logs_in, TIMEOUT_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; its console ends with\n{self.said()[-3000:]}") from error

    def _logs_in(self) -> bool:
        assert self.runs(), "QEMU has ended"
        # A machine that goes down takes a connection and never answers on it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            login = subprocess.run(self.ssh("true"), check=False, capture_output=True, timeout=LOGIN_SECONDS)
            return login.returncode == 0
        return False


Make = t.Callable[[str, dict[str, str]], Virtual]
"""A function that makes a machine of a name, with a seed disk."""
