# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that must be either whole or absent, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pwd
import stat
import tempfile
import time
import typing as t

from .errors import Busy, InvalidInput, Missing

_MAX_LINKS = 40
_MAX_BYTES = 64 << 20


def read_file(path: str, what: str, limit: int = _MAX_BYTES) -> bytes:
    """Read a file that is needed.

    It may be in a directory of a service, which could put a link or a pipe in its place, and the reader may be root. So
    it is opened with open_file.

    Args:
        path: where.
        what: its purpose, for the error.
        limit: its maximum size in bytes.

    Raises:
        Missing: it is not there.
        InvalidInput: it cannot be read, or not safely; the text names the file and what it is for.
    """
    with os.fdopen(open_file(path, what), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InvalidInput(
            f"{what} {path} has more than {limit} bytes", "See what it is: what is meant is much smaller"
        )
    return content


def open_file(path: str, what: str) -> int:
    """Open a file for reading, only if nobody but root, the reader and the owner of its directory can have placed it
    there; return the descriptor.

    A link is followed if it is in a directory where nobody but root and the reader can put one. The file must be a
    regular one that belongs to the owner of its directory. Root's or the reader's own file is also accepted if it has
    no second name: a service could have put such a name there.

    Args:
        path: where.
        what: its purpose, for the error.

    Raises:
        Missing: it is not there.
        InvalidInput: it cannot be opened, or is none of these.
    """
    try:
        handle, folder_owner = _walk(os.path.abspath(path), what)
    except FileNotFoundError as error:
        raise Missing(
            f"There is no file {path} ({what})", "Check the path, and that the node has been started once"
        ) from error
    except OSError as error:
        raise InvalidInput(
            f"Cannot read {what} {path}: {error.strerror}", "Check the path, and that the node has been started once"
        ) from error
    found = os.fstat(handle)
    its_own = found.st_uid == folder_owner
    if stat.S_ISREG(found.st_mode) and (its_own or (found.st_uid in (0, os.geteuid()) and found.st_nlink == 1)):
        return handle
    os.close(handle)
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(f"{what} {path} is no regular file", _SUSPECT_CURE)
    names = f", under {found.st_nlink} names" if found.st_nlink > 1 else ""
    raise InvalidInput(
        f"{what} {path} belongs to user {found.st_uid}{names}, and its directory to user {folder_owner}", _SUSPECT_CURE
    )


_SUSPECT_CURE = (
    "Nothing of it was read. Look who put it there: a service that was broken into reaches for others' files in"
    " this way"
)


def _walk(path: str, what: str) -> tuple[int, int]:
    """Return a descriptor of a file, and the id of the user who owns its directory."""
    folder, links = os.open("/", os.O_RDONLY | os.O_DIRECTORY), 0
    names = [name for name in path.split("/") if name][::-1]
    try:
        while True:
            name = names.pop() if names else "."
            at, found = os.fstat(folder), os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if links > _MAX_LINKS or not _is_ours(at, found):
                    raise InvalidInput(
                        f"{what} {path}: {name} is a link, in a directory where others than root can put one",
                        _LINK_CURE,
                    )
                target = os.readlink(name, dir_fd=folder)
                names += [part for part in target.split("/") if part][::-1]
                if not target.startswith("/"):
                    continue
                below = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
            elif not names:
                # Opening a pipe would wait for a writer.
                return (
                    os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder),
                    at.st_uid,
                )
            else:
                below = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
    finally:
        os.close(folder)


def _is_ours(folder: os.stat_result, link: os.stat_result) -> bool:
    """Return whether only root or the reader can have put a link there. In a sticky directory, as Kubernetes makes for
    a secret, the link's owner decides.
    """
    trusted = (0, os.geteuid())
    return folder.st_uid in trusted and (
        not folder.st_mode & 0o022 or (bool(folder.st_mode & stat.S_ISVTX) and link.st_uid in trusted)
    )


_LINK_CURE = "Nothing was read. If the link is meant, give the path to which it leads"


def own(handle: int, owner: str | None, group: str | None) -> None:
    """Change owner and group of an open file or directory.

    Raises:
        LookupError: there is no such user or group.
        OSError: the owner or group cannot be changed.
    """
    os.fchown(handle, pwd.getpwnam(owner).pw_uid if owner else -1, grp.getgrnam(group).gr_gid if group else -1)


def write_file(
    path: str, data: bytes, mode: int = 0o600, owner: str | None = None, group: str | None = None, replace: bool = True
) -> None:
    """Write a file and its name to the disk before returning; at each moment the old or the new content is there, never
    a part.

    Args:
        path: where; the folder must be there.
        data: the content.
        mode: permissions. Until they are set nobody but the writer can read it.
        owner: user name; the writer by default.
        group: group name; the writer's by default.
        replace: False keeps a file that already exists, even one made a moment ago.

    Raises:
        InvalidInput: it cannot be written; the text states why.
    """
    folder = os.path.dirname(path) or "."
    scratch = None
    try:
        handle, scratch = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(path)}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            own(file.fileno(), owner, group)
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
            f"Cannot write {path}: {getattr(error, 'strerror', None) or error}",
            "Check the folder, its owner and the space on its disk",
        ) from error


@contextlib.contextmanager
def alone(path: str, timeout: float = 300.0) -> t.Iterator[None]:
    """Hold a lock on an existing file, so that callers that name it run one after the other. A process that ends
    releases the lock.

    Args:
        path: the file, which may be a service's.
        timeout: seconds to wait for the lock, because the service could hold it for ever.

    Raises:
        Missing: it is not there.
        InvalidInput: it cannot be opened safely, see open_file.
        Busy: the lock was not released in time.
    """
    with os.fdopen(open_file(path, "the file that says whose turn it is"), "rb") as file:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Busy(
                        f"{path} was locked for {timeout:g} s", "Look who holds it (fuser), and run again"
                    ) from error
                time.sleep(0.05)
        yield


def keep_older(path: str) -> str | None:
    """Keep a file that is about to be replaced under a second, numbered name. Return that name, or None if there is no
    file.
    """
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
            raise InvalidInput(
                f"Cannot keep {path} as {older}: {error.strerror}", "Check the folder and its owner"
            ) from error
        sync_folder(os.path.dirname(path) or ".")
        return older


def sync_folder(path: str) -> None:
    """Write the names in a folder to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
