# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of lnd's version strings."""

from __future__ import annotations

import re

from .errors import InvalidInput

# For example 0.21.3-beta, v0.21.3-beta.rc1, and GetInfo's 0.21.3-beta commit=…
_FORM = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-beta)?(?:\.rc(\d{1,6}))?(?: commit=.*)?")

# The form in our documents: nothing after the version, and only ASCII.
_BARE_FORM = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){2}(-beta)?(\.rc[0-9]{1,6})?")

_FINAL_CANDIDATE = float("inf")


def parse(text: str) -> tuple[int, int, int, float]:
    """Parse a version into a comparable value; a release candidate comes before its release.

    Raises:
        InvalidInput: it is not a version of lnd's.
    """
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise InvalidInput("is not a version such as 0.21.3-beta")
    major, minor, patch, candidate = found.groups()
    return int(major), int(minor), int(patch), float(candidate) if candidate else _FINAL_CANDIDATE


def check_bare(text: str) -> None:
    """Refuse a text that is more than a version, in a document that is somebody else's.

    Raises:
        InvalidInput: it is not a version of lnd's, or something stands before or after it.
    """
    if not _BARE_FORM.fullmatch(text):
        raise InvalidInput("is not a version such as 0.21.3-beta")


def older(version: str, than: str) -> bool:
    """Return whether a version is older than another one. A suffix that names a custom build does not count in either.

    Args:
        version: a version of lnd's.
        than: another version. If the text is none, nothing is older.

    Raises:
        InvalidInput: the first is not a version of lnd's.
    """
    found = _FORM.match(than)
    if not found:
        return False
    wanted = _FORM.match(version)
    return parse(wanted.group() if wanted else version) < parse(found.group())


def plain(text: str) -> str:
    """Return the version without the suffix that GetInfo appends (0.21.3-beta for 0.21.3-beta commit=…)."""
    return text.strip().partition(" ")[0].removeprefix("v")
