# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of the container."""

from __future__ import annotations

import subprocess

from .build import Build
from .programs import Failed, run
from .roots import LND_USER_ID

IMAGE = "localhost/noncustodial-lightning-signer"


def oci(build: Build) -> None:
    """Make an OCI archive of the container's root."""
    name, archive = f"{IMAGE}:{build.version}", build.folder / "signer-oci.tar"
    packed = subprocess.Popen(
        ["tar", "-C", build.work / "container", "--numeric-owner", "--sort=name", "-c", "."],
        stdout=subprocess.PIPE,
    )
    changes = [
        f"USER {LND_USER_ID}:{LND_USER_ID}",
        # Not every program that runs containers sets a PATH of its own.
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        'ENTRYPOINT ["/usr/sbin/signer-container"]',
        "VOLUME /data",
        "EXPOSE 10009",
        f"LABEL org.opencontainers.image.version={build.version}",
    ]
    run("podman", "import", "--quiet", *(f"--change={change}" for change in changes), "-", name, stdin=packed.stdout)
    if packed.wait():
        raise Failed("tar failed on the container's root")
    archive.unlink(missing_ok=True)
    run("podman", "save", "--quiet", "--format=oci-archive", f"--output={archive}", name)
