# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small image directories: a sparse disk with a partition table, and its manifest."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

BLOCK_BYTES = 512 * 1024


def make(
    folder: Path, blocks: int = 12, version: str = "1.0.0", content: bytes = b"x", size: int = 20 * 1024 * 1024
) -> Path:
    """Make a directory as the role signer_image leaves it.

    Args:
        blocks: how many blocks of the disk are not zero; every third one is, from the first on.
        content: what is in them.
        size: of the disk, bytes.
    """
    folder.mkdir(exist_ok=True)
    disk = folder / "signer.raw"
    with disk.open("wb") as file:
        file.truncate(size)
        for index in range(blocks):
            # Across a block's middle, so that neither begin nor end of the data is that of the block.
            file.seek(3 * index * BLOCK_BYTES + 4096)
            file.write(content * 8192)
        file.seek(510)
        file.write(b"\x55\xaaEFI PART")
    write_manifest(folder, version)
    return folder


def write_manifest(folder: Path, version: str = "1.0.0", **more: object) -> None:
    """Write the manifest of the disk in the directory."""
    disk = folder / "signer.raw"
    told = {"sha256": hashlib.sha256(disk.read_bytes()).hexdigest(), "size": disk.stat().st_size}
    manifest = {
        "version": version,
        "lnd_version": "0.21.3-beta",
        "suite": "trixie",
        "files": {"signer.raw": told},
        **more,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_sums(folder: Path) -> None:
    """Write the list of checksums of the files in the directory."""
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("signer.raw", "manifest.json")}
    (folder / "SHA256SUMS").write_text("".join(f"{one}  {name}\n" for name, one in sums.items()))


def make_key(path: Path) -> str:
    """Make a publisher's key, and return its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "publisher", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()


def sign(folder: Path, key: Path, namespace: str = "image@noncustodial.lightning") -> None:
    """Write the list of checksums and its signature, as the role signer_image does."""
    write_sums(folder)
    sign_sums(folder, key, namespace)


def sign_sums(folder: Path, key: Path, namespace: str = "image@noncustodial.lightning") -> None:
    """Sign the list of checksums in the directory."""
    (folder / "SHA256SUMS.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace, str(folder / "SHA256SUMS")]
    subprocess.run(command, check=True, capture_output=True)
