# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that must be whole or absent, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import typing as t
from pathlib import Path

from .errors import InvalidInput, Missing


def read_file(path: str, what: str) -> bytes:
    """The content of a file that is needed.

    Raises:
        Missing: it is not there.
        InvalidInput: it cannot be read; the text names the file and what it is for.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise Missing(f"There is no file {path} ({what})", "Check the path, and that the node has been started once") from error
    except OSError as error:
        raise InvalidInput(
            f"Cannot read {what} {path}: {error.strerror}", "Check the path, and that the node has been started once"
        ) from error


def write_file(path: str, data: bytes, mode: int = 0o600, owner: str | None = None, group: str | None = None, replace: bool = True) -> None:
    """Write a file and its name to the disk before returning; at each moment the old or the new content is there, never a part.

    Args:
        path: where; the folder must be there.
        data: the content.
        mode: permissions. Until they are set nobody but the writer can read it.
        owner: user name; the writer by default.
        group: group name; the writer's by default.
        replace: False leaves a file alone that is there already, even since a moment ago.

    Raises:
        InvalidInput: it cannot be written; the text says why.
    """
    folder = os.path.dirname(path) or "."
    scratch = None
    try:
        handle, scratch = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(path)}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if owner:
                shutil.chown(scratch, user=owner)
            if group:
                shutil.chown(scratch, group=group)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.rename(scratch, path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(scratch, path)
            os.unlink(scratch)
        sync_folder(folder)
    except (OSError, LookupError) as error:
        if scratch and os.path.exists(scratch):
            os.unlink(scratch)
        raise InvalidInput(
            f"Cannot write {path}: {getattr(error, 'strerror', None) or error}", "Check the folder, its owner and the space on its disk"
        ) from error


@contextlib.contextmanager
def alone(path: str) -> t.Iterator[None]:
    """Let those who name the same file, which is there and stays as it is, go one after the other. A process that ends gives its turn away."""
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def keep_older(path: str) -> str | None:
    """Give a file that is about to be replaced a second, numbered name, so that its content stays. Gives that name; None if there is no file."""
    if not os.path.lexists(path):
        return None
    number = 1
    while True:
        older = f"{path}.{number}"
        try:
            os.link(path, older, follow_symlinks=False)
        except FileExistsError:
            number += 1
            continue
        except OSError as error:
            raise InvalidInput(f"Cannot keep {path} as {older}: {error.strerror}", "Check the folder and its owner") from error
        sync_folder(os.path.dirname(path) or ".")
        return older


def sync_folder(path: str) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
