# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of the images to build."""

from __future__ import annotations

import json
import typing as t
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

Settings = dict[str, t.Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The images that build.json describes.

    Attributes:
        folder: the directory in which they are built.
        version: their version.
        lnd_version: lnd's, as in tree/opt/lnd.
        suite: Debian's suite.
        snapshot: the time of Debian's archive whose packages they have; empty for the present.
        sources: lines of sources.list.
        size_gib: the size of the disk.
        packages: the packages of container and machine.
        machine_packages: the further packages of a machine.
        unattended: True if a machine installs Debian's updates by itself.
        units: the units that a machine starts.
        signing_key: the file of the SSH key that signs the images; empty for none.
    """

    folder: Path
    version: str
    lnd_version: str
    suite: str
    snapshot: str
    sources: list[str]
    size_gib: int
    packages: list[str]
    machine_packages: list[str]
    unattended: bool
    units: list[str]
    signing_key: str

    @classmethod
    def read(cls, folder: Path) -> Build:
        """Return the description in a directory."""
        settings = json.loads((folder / "build.json").read_text())
        return cls(folder=folder, **{**settings, "size_gib": int(settings["size_gib"])})

    @property
    def tree(self) -> Path:
        """The files that the images have beyond Debian's."""
        return self.folder / "tree"

    @property
    def work(self) -> Path:
        """The folder of what later steps of the build need."""
        return self.folder / "work"

    @property
    def settings(self) -> Settings:
        """Everything but the directory."""
        settings = asdict(self)
        del settings["folder"]
        return settings

    def identity(self, purpose: str) -> str:
        """Return a UUID that is the same for the same image."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"noncustodial.lightning/{self.version}/{self.snapshot}/{purpose}"))
