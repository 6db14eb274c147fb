# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small image directories: a sparse disk with a partition table, and its manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

BLOCK = 512 * 1024


def make(folder: Path, blocks: int = 12, version: str = "1.0.0", content: bytes = b"x", size: int = 20 * 1024 * 1024) -> Path:
    """A directory as the role signer_image leaves it.

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
            file.seek(3 * index * BLOCK + 4096)
            file.write(content * 8192)
        file.seek(510)
        file.write(b"\x55\xaaEFI PART")
    write_manifest(folder, version)
    return folder


def write_manifest(folder: Path, version: str = "1.0.0") -> None:
    """The manifest of the disk that lies there."""
    disk = folder / "signer.raw"
    told = {"sha256": hashlib.sha256(disk.read_bytes()).hexdigest(), "size": disk.stat().st_size}
    manifest = {"version": version, "lnd_version": "0.21.2-beta", "suite": "trixie", "files": {"signer.raw": told}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
