# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of an image, and its software bill of materials."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .build import Build
from .digests import file_digest
from .programs import run

Package = dict[str, str]


def packages(root: Path) -> list[Package]:
    """Return the packages of a root."""
    fields = ("Package", "Version", "Architecture", "source:Package", "source:Version")
    form = "\\t".join(f"${{{field}}}" for field in fields) + "\\n"
    text = run("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", f"--showformat={form}")
    names = ("name", "version", "architecture", "source", "source_version")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in text.splitlines()]


def sbom(build: Build, installed: t.Sequence[Package]) -> dict[str, t.Any]:
    """Return the software bill of materials, in CycloneDX."""
    components = [
        {
            "type": "library",
            "name": one["name"],
            "version": one["version"],
            "purl": f"pkg:deb/debian/{one['name']}@{one['version'].replace(':', '%3A')}?arch={one['architecture']}",
        }
        for one in installed
    ]
    lnd = {
        "type": "application",
        "name": "lnd",
        "version": build.lnd_version,
        "purl": f"pkg:github/lightningnetwork/lnd@v{build.lnd_version}",
        "hashes": [{"alg": "SHA-256", "content": file_digest(build.tree / "opt/lnd" / build.lnd_version / "lnd")}],
    }
    subject = {"type": "operating-system", "name": "noncustodial.lightning signer", "version": build.version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": subject},
        "components": [lnd, *components],
    }
