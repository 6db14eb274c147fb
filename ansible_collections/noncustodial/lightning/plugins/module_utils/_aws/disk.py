# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image directory: its manifest, and its raw disk as the blocks that a snapshot is made of."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import typing as t
from dataclasses import dataclass

from .._core import document
from .._core.errors import InvalidInput
from .._core.files import read_file
from . import publisher

# Bytes in a block of a snapshot: the only size that EBS takes.
BLOCK_BYTES = 512 * 1024
_ZERO_BLOCK = bytes(BLOCK_BYTES)
_GIB = 1 << 30
_CHUNK_BYTES = 1 << 20
_SECTOR_BYTES = 512
_CURE = "Build the image again (role signer_image), or name its directory"
_SHA256 = re.compile(r"[0-9a-f]{64}")
# The first bytes of other formats of a disk.
_FORMATS = {
    b"QFI\xfb": "a qcow2 image",
    b"KDMV": "a VMDK image",
    b"conectix": "a VHD image",
    b"\x1f\x8b": "compressed",
    b"\x28\xb5\x2f\xfd": "compressed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A raw disk, as its manifest describes it.

    Attributes:
        version: the version of the image.
        lnd_version: the version of the lnd in it.
        path: the path of the raw disk.
        sha256: the SHA-256 of the raw disk, hexadecimal.
        size: the size of the raw disk, bytes.
        updates_itself: it installs Debian's updates itself.
    """

    version: str
    lnd_version: str
    path: str
    sha256: str
    size: int
    updates_itself: bool = False

    @property
    def volume_size(self) -> int:
        """The size in GiB of a volume that holds the disk."""
        return -(-self.size // _GIB)


def read_image(directory: str, key: str | None = None) -> Image:
    """Read the manifest of the image in a directory. The disk itself is not read.

    Args:
        key: the publisher's public key; without one the signature is not checked.

    Raises:
        InvalidInput: there is no manifest, it is not that of an image with a raw disk, or it is not as its publisher
            signed it.
    """
    path = os.path.join(directory, "manifest.json")
    content = read_file(path, "the manifest of the image")
    if key is not None:
        publisher.check(directory, "manifest.json", content, key)
    try:
        manifest = document.read(content)
        raw = manifest["files"]["signer.raw"]
        image = Image(
            version=str(manifest["version"]),
            lnd_version=str(manifest["lnd_version"]),
            path=os.path.join(directory, "signer.raw"),
            sha256=str(raw["sha256"]),
            size=int(raw["size"]),
            updates_itself=manifest.get("unattended") is True,
        )
    except document.NotJson as error:
        raise InvalidInput(f"{path} {error.what}", _CURE) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{path} is no manifest of an image with a raw disk, signer.raw", _CURE) from error
    if not _SHA256.fullmatch(image.sha256) or image.size < 1:
        raise InvalidInput(f"{path} gives no SHA-256 and size of signer.raw", _CURE)
    return image


def check_disk(image: Image) -> None:
    """Refuse a file that is not a disk, or not the disk that the manifest describes.

    Raises:
        InvalidInput: it is not; the text states what it is.
    """
    try:
        size = os.path.getsize(image.path)
        with open(image.path, "rb") as file:
            begin = file.read(2 * _SECTOR_BYTES)
            _check_format(image.path, begin)
            if size != image.size:
                cut = "It was cut, or not wholly copied" if size < image.size else "It is another disk"
                raise InvalidInput(f"{image.path} has {size} bytes, and its manifest says {image.size}. {cut}", _CURE)
            file.seek(0)
            digest = hashlib.sha256()
            for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                digest.update(chunk)
    except OSError as error:
        raise InvalidInput(f"Cannot read the disk {image.path}: {error.strerror}", _CURE) from error
    if digest.hexdigest() != image.sha256:
        raise InvalidInput(
            f"{image.path} has the SHA-256 {digest.hexdigest()}, and its manifest says {image.sha256}", _CURE
        )


def _check_format(path: str, begin: bytes) -> None:
    for magic, name in _FORMATS.items():
        if begin.startswith(magic):
            raise InvalidInput(
                f"{path} is no raw disk but {name}", "Convert it (qemu-img convert -O raw), or unpack it"
            )
    if begin[510:512] != b"\x55\xaa" or begin[_SECTOR_BYTES : _SECTOR_BYTES + 8] != b"EFI PART":
        raise InvalidInput(
            f"{path} is no disk image: it has no GUID partition table, without which no machine would boot from it",
            _CURE,
        )


def blocks(path: str) -> list[int]:
    """Return the numbers of the blocks that hold data. Holes and blocks of zeros are not sent: a block that is not sent
    is zero.
    """
    found: list[int] = []
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        while place < size:
            try:
                data = os.lseek(file.fileno(), place, os.SEEK_DATA)
            except OSError:
                # Only a hole remains.
                break
            hole = os.lseek(file.fileno(), data, os.SEEK_HOLE)
            first, last = data // BLOCK_BYTES, -(-hole // BLOCK_BYTES)
            found.extend(
                index
                for index in range(first, last)
                if (not found or index > found[-1]) and _read(file, index) != _ZERO_BLOCK
            )
            place = hole
    return found


def block(path: str, index: int) -> bytes:
    """Read one block; the last one is padded with zeros."""
    with open(path, "rb") as file:
        return _read(file, index)


def _read(file: t.BinaryIO, index: int) -> bytes:
    return os.pread(file.fileno(), BLOCK_BYTES, index * BLOCK_BYTES).ljust(BLOCK_BYTES, b"\0")


def checksum(data: bytes) -> str:
    """Return a block's SHA-256 in the form that EBS expects."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def checksum_of_all(checksums: t.Iterable[str]) -> str:
    """Return EBS's linear checksum: that of all blocks' checksums, in the order of the blocks."""
    return checksum(b"".join(base64.b64decode(one) for one in checksums))
