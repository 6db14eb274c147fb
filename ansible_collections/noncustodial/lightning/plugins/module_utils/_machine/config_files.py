# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories of a configuration: read, compare and write them."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.files import own, read_file, write_file

MAX_COPY_BYTES = 1 << 20
"""The maximum size of a file to be copied, bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file or directory.

    Attributes:
        path: where.
        mode: its permissions.
        owner: user name; None where it does not matter.
        group: group name; None where it does not matter.
        content: the content of a file, None for a directory.
    """

    path: str
    mode: int
    owner: str | None = None
    group: str | None = None
    content: bytes | None = None


def entry(options: t.Mapping[str, t.Any]) -> Entry:
    """Return the entry that the options describe.

    Raises:
        InvalidInput: its mode is not an octal number, or the file to be copied cannot be read safely.
        Missing: the file to be copied does not exist.
    """
    try:
        mode = int(options["mode"], 8)
    except ValueError as error:
        raise InvalidInput(
            f"The mode {options['mode']!r} of {options['path']} is not an octal number", 'Write it as in "0640"'
        ) from error
    content = options["content"].encode() if options.get("content") is not None else None
    if options.get("copy_of"):
        content = read_file(options["copy_of"], "the file to be copied", MAX_COPY_BYTES)
    return Entry(path=options["path"], mode=mode, owner=options["owner"], group=options["group"], content=content)


def read_entry(wanted: Entry) -> Entry | None:
    """Read what is at the path of an entry; return None if nothing is.

    Raises:
        InvalidInput: something of another kind is there.
    """
    try:
        status = os.lstat(wanted.path)
    except FileNotFoundError:
        return None
    kind, is_kind = ("directory", stat.S_ISDIR) if wanted.content is None else ("file", stat.S_ISREG)
    if not is_kind(status.st_mode):
        raise InvalidInput(f"{wanted.path} is there and is no {kind}", "See what it is, and move it out of the way")
    return Entry(
        path=wanted.path,
        mode=stat.S_IMODE(status.st_mode),
        owner=_name(status.st_uid, lambda number: pwd.getpwuid(number).pw_name),
        group=_name(status.st_gid, lambda number: grp.getgrgid(number).gr_name),
        content=None if wanted.content is None else read_file(wanted.path, "the file in place"),
    )


def differs(wanted: Entry, present: Entry | None) -> bool:
    """Return whether the entry must be written."""
    return present is None or any(
        value is not None and value != getattr(present, name)
        for name, value in (
            ("mode", wanted.mode),
            ("owner", wanted.owner),
            ("group", wanted.group),
            ("content", wanted.content),
        )
    )


def apply_entry(wanted: Entry) -> None:
    """Make the file or directory, with the directories above it, as wanted. A file is replaced in one step.

    Raises:
        InvalidInput: it cannot be made; the text states why.
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


def ensure(wanted: t.Sequence[Entry], check_mode: bool) -> dict[str, t.Any]:
    """Make all entries as wanted, each after the ones before it; in check mode only compare them.

    Returns:
        changed, paths (of the entries that were written) and diff, as a module returns them.

    Raises:
        InvalidInput: one cannot be read or made. None is written before all were read.
    """
    steps = [(one, present) for one in wanted for present in [read_entry(one)] if differs(one, present)]
    if not check_mode:
        for one, _present in steps:
            apply_entry(one)
    return {
        "changed": bool(steps),
        "paths": [one.path for one, _present in steps],
        "diff": [diff(one, present) for one, present in steps],
    }


def _make_directory(wanted: Entry) -> None:
    # Nobody else can enter it before it has its owner.
    with contextlib.suppress(FileExistsError):
        os.mkdir(wanted.path, mode=0o700)
    # Users with write access to the directory above could have put a link in its place.
    handle = os.open(wanted.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        own(handle, wanted.owner, wanted.group)
        os.fchmod(handle, wanted.mode)
    finally:
        os.close(handle)


def diff(wanted: Entry, present: Entry | None) -> dict[str, str]:
    """Return before and after, as Ansible shows them."""
    return {
        "before_header": wanted.path,
        "after_header": wanted.path,
        "before": _shown(present) if present else "",
        "after": _shown(wanted),
    }


def _shown(one: Entry) -> str:
    """Return a line with owner, group and mode, and the content."""
    return f"{one.owner or '-'}:{one.group or '-'} {one.mode:04o}\n{(one.content or b'').decode(errors='replace')}"


def _name(number: int, name: t.Callable[[int], str]) -> str:
    try:
        return name(number)
    except KeyError:
        return str(number)
