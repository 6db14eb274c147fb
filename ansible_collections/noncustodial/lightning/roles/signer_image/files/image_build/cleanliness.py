# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that an image must not have, because each machine makes its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from .programs import Failed

_SECRETS = (
    "etc/ssh/ssh_host_*",
    "etc/credstore/*",
    "etc/credstore.encrypted/*",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/random-seed",
    "var/lib/lnd",
    "var/lib/cloud/instance*",
    "var/lib/dbus/machine-id",
    "root/.ssh/*",
    "home/*",
    "etc/signer/*",
    "etc/lnd",
)
_WIPED = (
    "var/cache/apt/*.bin",
    "var/lib/apt/lists/*",
    "var/log/*.log",
    "var/log/apt/*",
    "etc/ssh/ssh_host_*",
    "var/lib/dbus/machine-id",
)


def wipe(root: Path) -> None:
    """Remove files that only the build needed, and those that each machine makes for itself."""
    for pattern in _WIPED:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for name in ("etc/machine-id", "etc/resolv.conf"):
        path = root / name
        if path.exists() and not path.is_symlink():
            path.write_text("")


def clean(root: Path) -> None:
    """Refuse an image with a secret or a key in it.

    Raises:
        Failed: there is one; the message names all of them.
    """
    found = [str(path.relative_to(root)) for pattern in _SECRETS for path in root.glob(pattern)]
    identified = root / "etc/machine-id"
    if identified.exists() and identified.stat().st_size:
        found.append("etc/machine-id")
    if found:
        raise Failed(f"The image would have {', '.join(sorted(found))}, which each machine makes for itself")
