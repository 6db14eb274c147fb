# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lnd's version strings, compared."""

from __future__ import annotations

import re

from .errors import InvalidInput

# For example 0.21.3-beta, v0.21.3-beta.rc1, and GetInfo's 0.21.3-beta commit=…
_FORM = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-beta)?(?:\.rc(\d{1,6}))?(?: commit=.*)?")

# What a document of ours holds: nothing after the version, and ASCII alone.
_BARE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){2}(-beta)?(\.rc[0-9]{1,6})?")

_FINAL = float("inf")


def parse(text: str) -> tuple[int, int, int, float]:
    """The version as something that compares; a release candidate comes before its release.

    Raises:
        InvalidInput: it is not a version of lnd's.
    """
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise InvalidInput("is not a version such as 0.21.3-beta")
    major, minor, patch, candidate = found.groups()
    return int(major), int(minor), int(patch), float(candidate) if candidate else _FINAL


def check_bare(text: str) -> None:
    """Refuse what is more than a version, as in a document that is somebody else's.

    Raises:
        InvalidInput: it is not a version of lnd's, or something stands before or after it.
    """
    if not _BARE.fullmatch(text):
        raise InvalidInput("is not a version such as 0.21.3-beta")


def older(version: str, than: str) -> bool:
    """Whether a version comes before another one; the name of a build of one's own that follows in either does not count.

    Args:
        version: of lnd's.
        than: another, or anything else, than which nothing is older.

    Raises:
        InvalidInput: the first is not a version of lnd's.
    """
    found = _FORM.match(than)
    if not found:
        return False
    wanted = _FORM.match(version)
    return parse(wanted.group() if wanted else version) < parse(found.group())


def plain(text: str) -> str:
    """The version without what GetInfo appends (0.21.3-beta out of 0.21.3-beta commit=…)."""
    return text.strip().partition(" ")[0].removeprefix("v")
