# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes of values, files and folders."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path


def digest(*inputs: object) -> str:
    """Return one hash of values, and of files and folders with their modes and links."""
    made = hashlib.sha256()
    for one in inputs:
        if isinstance(one, Path):
            for path in sorted([one, *one.rglob("*")] if one.is_dir() else [one]):
                status = path.lstat()
                made.update(f"{path.relative_to(one)} {status.st_mode:o}\n".encode())
                if stat.S_ISLNK(status.st_mode):
                    made.update(os.readlink(path).encode())
                elif stat.S_ISREG(status.st_mode):
                    made.update(file_digest(path).encode())
        else:
            made.update(json.dumps(one, sort_keys=True).encode())
    return made.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
