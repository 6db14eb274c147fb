# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories of a configuration: what is there, what differs, and how to make it so."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import typing as t
from dataclasses import dataclass

from ._lnd.errors import InvalidInput
from ._lnd.files import own, read_file, write_file

MAX_COPY = 1 << 20
"""How much is copied from another file, bytes."""


@dataclass(frozen=True)
class Entry:
    """One file or directory.

    Attributes:
        path: where.
        mode: its permissions.
        owner: user name; None where it does not matter.
        group: group name; None where it does not matter.
        content: of a file; None for a directory.
    """

    path: str
    mode: int
    owner: str | None = None
    group: str | None = None
    content: bytes | None = None


def entry(given: t.Mapping[str, t.Any]) -> Entry:
    """What the options say.

    Raises:
        InvalidInput: its mode is not an octal number, or the file to be copied cannot be read safely.
        Missing: there is no file to be copied.
    """
    try:
        mode = int(given["mode"], 8)
    except ValueError as error:
        raise InvalidInput(f"The mode {given['mode']!r} of {given['path']} is not an octal number", 'Write it as in "0640"') from error
    content = given.get("content")
    if given.get("copy_of"):
        return Entry(given["path"], mode, given["owner"], given["group"], read_file(given["copy_of"], "the file to be copied", MAX_COPY))
    return Entry(given["path"], mode, given["owner"], given["group"], None if content is None else content.encode())


def read_entry(wanted: Entry) -> Entry | None:
    """What is at the path of an entry, or None.

    Raises:
        InvalidInput: something of another kind is there.
    """
    try:
        found = os.lstat(wanted.path)
    except FileNotFoundError:
        return None
    kind, is_kind = ("directory", stat.S_ISDIR) if wanted.content is None else ("file", stat.S_ISREG)
    if not is_kind(found.st_mode):
        raise InvalidInput(f"{wanted.path} is there and is no {kind}", "See what it is, and move it out of the way")
    return Entry(
        wanted.path,
        stat.S_IMODE(found.st_mode),
        _name(found.st_uid, lambda number: pwd.getpwuid(number).pw_name),
        _name(found.st_gid, lambda number: grp.getgrgid(number).gr_name),
        None if wanted.content is None else read_file(wanted.path, "the file in place"),
    )


def differs(wanted: Entry, found: Entry | None) -> bool:
    """Whether there is something to be done."""
    return found is None or any(
        value is not None and value != getattr(found, name)
        for name, value in (("mode", wanted.mode), ("owner", wanted.owner), ("group", wanted.group), ("content", wanted.content))
    )


def apply_entry(wanted: Entry) -> None:
    """Make the file or directory, with the directories above it, as wanted. A file is replaced at once.

    Raises:
        InvalidInput: it cannot be made; the text says why.
    """
    try:
        os.makedirs(os.path.dirname(wanted.path), mode=0o755, exist_ok=True)
        if wanted.content is None:
            _make_directory(wanted)
    except (OSError, LookupError) as error:
        raise InvalidInput(
            f"Cannot make {wanted.path}: {getattr(error, 'strerror', None) or error}",
            "Check what is there, its owner and the space on its disk",
        ) from error
    if wanted.content is not None:
        write_file(wanted.path, wanted.content, wanted.mode, wanted.owner, wanted.group)


def _make_directory(wanted: Entry) -> None:
    # Nobody else enters before it belongs to whom it should.
    with contextlib.suppress(FileExistsError):
        os.mkdir(wanted.path, mode=0o700)
    # Whoever may write in the directory above could have put a link in its place.
    handle = os.open(wanted.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        own(handle, wanted.owner, wanted.group)
        os.fchmod(handle, wanted.mode)
    finally:
        os.close(handle)


def diff(wanted: Entry, found: Entry | None) -> dict[str, str]:
    """Before and after, as Ansible shows them."""
    return {
        "before_header": wanted.path,
        "after_header": wanted.path,
        "before": _shown(found) if found else "",
        "after": _shown(wanted),
    }


def _shown(one: Entry) -> str:
    """A line for whose it is, and the content."""
    return f"{one.owner or '-'}:{one.group or '-'} {one.mode:04o}\n{(one.content or b'').decode(errors='replace')}"


def _name(number: int, name: t.Callable[[int], str]) -> str:
    try:
        return name(number)
    except KeyError:
        return str(number)
