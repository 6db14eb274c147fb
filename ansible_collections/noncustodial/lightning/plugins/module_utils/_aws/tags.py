# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags by which this collection identifies its own things at AWS."""

from __future__ import annotations

import typing as t

_PREFIX = "noncustodial:"
# The line of images that a thing belongs to.
FAMILY = f"{_PREFIX}image"
# SHA-256 of the disk.
SHA256 = f"{_PREFIX}sha256"
# The versions of the image and of the lnd in it.
VERSION, LND_VERSION = f"{_PREFIX}version", f"{_PREFIX}lnd_version"
# On a snapshot: it holds the whole disk, in so many blocks.
BLOCK_COUNT = f"{_PREFIX}blocks"
# On an image: its snapshot.
SNAPSHOT = f"{_PREFIX}snapshot"


def read(thing: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the tags in AWS's description of a thing."""
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags") or ()}


def write(values: t.Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in the form that AWS takes."""
    return [{"Key": key, "Value": value} for key, value in sorted(values.items())]
