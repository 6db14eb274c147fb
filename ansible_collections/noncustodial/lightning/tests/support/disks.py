# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small disks, in memory, that a test can fill."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Disk:
    """A small disk for one folder, which is made.

    Args:
        folder: where it is mounted.
        mib: its size.
    """

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)], check=True)

    def fill(self) -> None:
        """Leave no room."""
        command = ["dd", "if=/dev/zero", f"of={self.folder}/filling", "bs=4k"]
        filled = subprocess.run(command, check=False, capture_output=True, text=True)
        assert "No space left on device" in filled.stderr

    def free(self) -> None:
        """Make room again."""
        (self.folder / "filling").unlink()

    def remove(self) -> None:
        """Remove it."""
        subprocess.run(["umount", str(self.folder)], check=True)
