# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of the images, and the signature over it."""

from __future__ import annotations

import json
from pathlib import Path

from .build import Build
from .digests import file_digest
from .programs import run
from .sbom import packages, sbom

IMAGES = ("signer.raw", "signer.qcow2", "signer-oci.tar")
BESIDE = ("signer.container", "signer.yaml")


def beside(build: Build) -> list[Path]:
    """Return the files that run the container, as far as they are there."""
    return [build.folder / name for name in BESIDE if (build.folder / name).exists()]


def manifest(build: Build) -> None:
    """Write names, sizes and hashes of all files, and the signature over them."""
    folder = build.folder
    roots = [path for path in (build.work / "root", build.work / "container") if path.is_dir()]
    found = {one["name"]: one for root in reversed(roots) for one in packages(root)}
    listed = [found[name] for name in sorted(found)]
    (folder / "packages.txt").write_text(
        "".join(f"{one['name']} {one['version']} {one['architecture']}\n" for one in listed)
    )
    (folder / "sbom.json").write_text(json.dumps(sbom(build, listed), indent=2) + "\n")
    images = [folder / name for name in IMAGES if (folder / name).exists()]
    files = [*images, *beside(build), folder / "packages.txt", folder / "sbom.json"]
    sums = {path.name: file_digest(path) for path in files}
    content = {
        "version": build.version,
        "lnd_version": build.lnd_version,
        "suite": build.suite,
        "snapshot": build.snapshot or None,
        "unattended": build.unattended,
        "files": {path.name: {"sha256": sums[path.name], "size": path.stat().st_size} for path in files},
    }
    (folder / "manifest.json").write_text(json.dumps(content, indent=2) + "\n")
    sums["manifest.json"] = file_digest(folder / "manifest.json")
    (folder / "SHA256SUMS").write_text("".join(f"{one}  {name}\n" for name, one in sums.items()))
    (folder / "SHA256SUMS.sig").unlink(missing_ok=True)
    if build.signing_key:
        namespace = "image@noncustodial.lightning"
        run("ssh-keygen", "-q", "-Y", "sign", "-f", build.signing_key, "-n", namespace, folder / "SHA256SUMS")
