# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer's disk as a whole machine under QEMU: UEFI, a TPM of software, a seed disk, a serial console that is kept."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.real.daemons import free_port, until
from ansible_collections.noncustodial.lightning.tests.real.images import IMAGE, PORT, Login

FIRMWARE, VARIABLES = Path("/usr/share/OVMF/OVMF_CODE_4M.fd"), Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
# To the machine, this host.
PROVIDER = "10.0.2.2"


def acceleration() -> str:
    """KVM where the processor has what it needs. That /dev/kvm can be opened says too little: some kernels' KVM does not run firmware."""
    flags = Path("/proc/cpuinfo").read_text()
    return "kvm" if re.search(r"\b(vmx|svm)\b", flags) and os.access("/dev/kvm", os.W_OK) else "tcg"


class Virtual(Login):
    """A virtual machine.

    Args:
        folder: for its disk and for what belongs to the test.
        seed: files of a NoCloud seed.
    """

    address = "127.0.0.1"

    def __init__(self, folder: Path, seed: t.Mapping[str, str]) -> None:
        super().__init__(folder)
        self.ssh_port, self.rpc_port = free_port(), free_port()
        self.disk, self.console = folder / "disk.qcow2", folder / "console.log"
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(IMAGE / "signer.qcow2"), "-F", "qcow2", str(self.disk), "4G"]
        subprocess.run(command, check=True)
        (folder / "vars.fd").write_bytes(VARIABLES.read_bytes())
        self._make_seed(seed)
        self._running: list[subprocess.Popen[bytes]] = []

    def _make_seed(self, seed: t.Mapping[str, str]) -> None:
        image = self.folder / "seed.img"
        with image.open("wb") as file:
            file.truncate(1 << 20)
        subprocess.run(["mkfs.vfat", "-n", "CIDATA", str(image)], check=True, stdout=subprocess.DEVNULL)
        files = {"meta-data": f"instance-id: {self.folder.name}\n", **seed}
        for name, content in files.items():
            (self.folder / name).write_text(content.replace("@KEY@", self.key.with_suffix(".pub").read_text().strip()))
            subprocess.run(["mcopy", "-i", str(image), str(self.folder / name), "::/"], check=True)

    def start(self, tpm: str = "tpm") -> None:
        """Switch it on, with the TPM of that name."""
        state = self.folder / tpm
        state.mkdir(exist_ok=True)
        control = state / "socket"
        control.unlink(missing_ok=True)
        chip = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={control}", "--terminate"]
        self._running = [subprocess.Popen(chip)]
        until("the TPM", control.exists)
        forward = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22,hostfwd=tcp:127.0.0.1:{self.rpc_port}-:{PORT}"
        machine = [
            *(
                "qemu-system-x86_64",
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
                "-display",
                "none",
            ),
            *("-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}", "-drive", f"if=pflash,format=raw,file={self.folder}/vars.fd"),
            *("-drive", f"if=none,id=disk,format=qcow2,file={self.disk}", "-device", "nvme,drive=disk,serial=signer,bootindex=0"),
            *("-drive", f"if=virtio,format=raw,readonly=on,file={self.folder}/seed.img"),
            *("-netdev", f"user,id=net,{forward}", "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"),
            *("-chardev", f"socket,id=tpm,path={control}", "-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm"),
            *("-chardev", f"file,id=console,append=on,path={self.console}", "-serial", "chardev:console"),
        ]
        self._running.append(subprocess.Popen(machine))

    def await_login(self, timeout: float = 300) -> None:
        """Wait until its administrator can log in, which is when cloud-init has brought the key."""
        until("a login", self._logs_in, timeout)

    def _logs_in(self) -> bool:
        assert self._running[-1].poll() is None, "QEMU has ended"
        return subprocess.run(self.ssh("true"), check=False, capture_output=True, timeout=60).returncode == 0

    def power_off(self) -> None:
        """At once, as a power cut does; the TPM ends with it."""
        for process in reversed(self._running):
            process.terminate()
            process.wait(30)
        self._running = []
