# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of a machine."""

from __future__ import annotations

from pathlib import Path

from .build import Build
from .programs import Failed, run

MIB = 1 << 20

ESP_MIB = 256
EDGE_MIB = 1
"""Before the first partition and after the last one: the partition table and its copy."""
ROOT_TYPE = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
"""A root file system for x86-64, according to the discoverable partitions specification."""


def raw(build: Build) -> None:
    """Make a disk with GPT, a boot partition that UEFI finds by itself, and the root."""
    work, disk = build.work, build.folder / "signer.raw"
    esp, root = work / "esp.img", work / "root.img"
    total = build.size_gib * 1024
    root_mib = total - ESP_MIB - 2 * EDGE_MIB
    check_size(work / "root", root_mib)
    for path, mib in ((disk, total), (esp, ESP_MIB), (root, root_mib)):
        path.unlink(missing_ok=True)
        with path.open("wb") as file:
            file.truncate(mib * MIB)
    run("mkfs.vfat", "-F", "32", "-n", "ESP", "-i", build.identity("esp")[:8], esp)
    run("mmd", "-i", esp, "::/EFI")
    for path in sorted((work / "esp").iterdir()):
        run("mcopy", "-s", "-i", esp, path, "::/EFI/")
    seed = build.identity("root")
    options = ("-L", "root", "-m", "1", "-U", seed, "-E", f"hash_seed={seed}")
    run("mkfs.ext4", "-q", "-F", *options, "-d", work / "root", root)
    starts = {esp: EDGE_MIB, root: EDGE_MIB + ESP_MIB}
    table = f"""label: gpt
label-id: {build.identity("disk")}
start={starts[esp]}MiB, size={ESP_MIB}MiB, type=U, uuid={build.identity("part-esp")}, name=ESP
start={starts[root]}MiB, size={root_mib}MiB, type={ROOT_TYPE}, uuid={build.identity("part-root")}, name=root
"""
    run("sfdisk", "--quiet", disk, input=table)
    for path, start in starts.items():
        run("dd", f"if={path}", f"of={disk}", "bs=1M", f"seek={start}", "conv=notrunc,sparse", "status=none")
        path.unlink()


def check_size(root: Path, mib: int) -> None:
    """Refuse a partition that a root does not fit into, with a tenth for the file system itself.

    Raises:
        Failed: it does not fit; the message reports how much is needed.
    """
    needed = int(run("du", "--summarize", "--block-size=M", root).split("M")[0]) * 11 // 10
    if needed > mib:
        raise Failed(f"The disk has {mib} MiB for the root, which needs {needed}. Raise signer_image_size_gib")


def qcow2(build: Build) -> None:
    """Convert the disk to a compressed one in the format qcow2."""
    run("qemu-img", "convert", "-O", "qcow2", "-c", build.folder / "signer.raw", build.folder / "signer.qcow2")
