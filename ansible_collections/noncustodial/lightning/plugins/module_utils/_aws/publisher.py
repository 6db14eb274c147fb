# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that a file of an image is its publisher's: the list of checksums is signed, and the file matches it."""

from __future__ import annotations

import hashlib
import os

from .._core.errors import InvalidInput
from .._core.files import read_file
from .._keys import sshsig

# The namespace and files with which the role signer_image signs.
NAMESPACE = "image@noncustodial.lightning"
_LIST_FILE, _SIGNATURE_FILE = "SHA256SUMS", "SHA256SUMS.sig"
_CURE = "Do not use this image. Fetch it again from its publisher, and compare the publisher's key"


def check(directory: str, name: str, content: bytes, key: str) -> None:
    """Refuse a file that the publisher has not signed.

    Args:
        directory: the directory of the image.
        name: the name of the file.
        content: the content of the file, as it was read and will be used.
        key: the publisher's public key, a line with ssh-ed25519.

    Raises:
        InvalidInput: it is not signed, is signed by somebody else, or was altered.
    """
    pinned = sshsig.public_key(key)
    listed = _read(directory, _LIST_FILE, "the list of the image's checksums")
    signature = _read(directory, _SIGNATURE_FILE, "the publisher's signature of that list")
    try:
        sshsig.verify(listed, signature.decode(errors="replace"), pinned, NAMESPACE)
    except InvalidInput as error:
        raise InvalidInput(f"{os.path.join(directory, _SIGNATURE_FILE)} {error.what}", _CURE) from error
    wanted = f"{hashlib.sha256(content).hexdigest()}  {name}"
    if wanted not in listed.decode(errors="replace").splitlines():
        raise InvalidInput(
            f"{os.path.join(directory, name)} is not the file that {_LIST_FILE} names. It was altered", _CURE
        )


def _read(directory: str, name: str, what: str) -> bytes:
    try:
        return read_file(os.path.join(directory, name), what)
    except InvalidInput as error:
        raise InvalidInput(
            error.what, "Fetch it with the image, or have the image signed (signer_image_signing_key)"
        ) from error
