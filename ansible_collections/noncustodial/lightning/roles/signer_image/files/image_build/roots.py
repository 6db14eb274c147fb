# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file systems of machine and container, made of Debian's packages."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

from .build import Build
from .cleanliness import clean, wipe
from .programs import run

LND_USER_ID = 988
HOME = "/usr/lib/noncustodial-lightning/signer"

# Neither is of use on a signer, and together they are a third of it.
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*", "/usr/share/info/*")
_KEPT = ("/usr/share/doc/*/copyright",)

# Seconds since 1970, for what asks for SOURCE_DATE_EPOCH: with it the initrd, too, is the same for the same packages.
_EPOCH = "1767225600"


def rootfs(build: Build) -> None:
    """Make a machine's root file system, and the files of its boot partition."""
    root, esp = build.work / "root", build.work / "esp"
    for folder in (root, esp):
        shutil.rmtree(folder, ignore_errors=True)
    tree, loader = build.tree, "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
    # dpkg's own hook assumes that nothing boots with systemd-boot unless it is in both places, and would install no
    # newer kernel.
    places = ("EFI/BOOT/BOOTX64.EFI", "EFI/systemd/systemd-bootx64.efi")
    mmdebstrap(
        build,
        [*build.packages, *build.machine_packages],
        root,
        # The kernel's hooks look at it when the package is installed.
        f'--essential-hook=mkdir -p "$1/etc/kernel" && cp "{tree}"/etc/kernel/* "$1/etc/kernel/"',
        f'--customize-hook=cp -a --no-preserve=ownership "{tree}/." "$1/"',
        _lnd_user(),
        '--customize-hook=install -d -m 0700 "$1/etc/signer"',
        *(f'--customize-hook=chroot "$1" systemctl --quiet enable {unit}' for unit in build.units),
        '--customize-hook=chroot "$1" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer'
        if not build.unattended
        else '--customize-hook=chroot "$1" systemctl --quiet enable unattended-upgrades.service',
        *(f'--customize-hook=install -D -m 0644 "$1/{loader}" "$1/efi/{place}"' for place in places),
        '--customize-hook=v=$(ls "$1/lib/modules") && '
        'chroot "$1" kernel-install add "$v" "/boot/vmlinuz-$v" "/boot/initrd.img-$v"',
    )
    wipe(root)
    # It fills a partition of its own; in the root it would be there twice.
    (root / "efi/EFI").rename(esp)
    clean(root)


def container(build: Build) -> None:
    """Make a container's root: the program and lnd, without the packages of a machine."""
    root, tree = build.work / "container", build.tree
    shutil.rmtree(root, ignore_errors=True)
    parts = ("opt", "usr/local", "usr/lib/noncustodial-lightning", "usr/sbin")
    mmdebstrap(
        build,
        build.packages,
        root,
        *(
            f'--customize-hook=mkdir -p "$1/{part}" && cp -a --no-preserve=ownership "{tree}/{part}/." "$1/{part}/"'
            for part in parts
        ),
        _lnd_user(),
        # This shows the program that it is in a container.
        f'--customize-hook=touch "$1{HOME}/container"',
        # Any user as whom it runs can write there.
        '--customize-hook=install -d -m 1777 "$1/data"',
    )
    wipe(root)
    clean(root)


def mmdebstrap(build: Build, packages: t.Sequence[str], root: Path, *options: str) -> None:
    """Make a root file system of Debian with these packages and no recommended ones."""
    sources = build.sources
    if build.snapshot:
        sources = [line.replace("deb ", "deb [check-valid-until=no] ", 1) for line in sources]
    run(
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(packages)}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT),
        *(f"--dpkgopt=path-include={path}" for path in _KEPT),
        *options,
        build.suite,
        root,
        *sources,
        env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH},
    )


def _lnd_user() -> str:
    """Return the hook that makes lnd's user as the role lnd does."""
    return (
        f'--customize-hook=chroot "$1" useradd --system --uid {LND_USER_ID} --user-group '
        "--home-dir /var/lib/lnd/signer --no-create-home --shell /usr/sbin/nologin lnd-signer"
    )
