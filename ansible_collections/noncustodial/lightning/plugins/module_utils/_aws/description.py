# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image tells of itself to those with whom it is shared. Its tags are seen by its owner alone, its description by everybody."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from .disk import Image

_UPDATES = "updates itself"
_FORM = re.compile(rf"Lightning signer \S+, lnd (?P<lnd>[^\s,]+)(?P<updates>, {_UPDATES})?")


class Told(t.NamedTuple):
    """What a description says.

    Attributes:
        lnd_version: of the lnd in the image.
        updates_itself: its machines fetch Debian's updates by themselves.
    """

    lnd_version: str
    updates_itself: bool


def write(image: Image) -> str:
    """The description of an image."""
    return f"Lightning signer {image.version}, lnd {image.lnd_version}" + (f", {_UPDATES}" if image.updates_itself else "")


def read(text: str) -> Told | None:
    """What a description says; None if it is none of a signer's image."""
    found = _FORM.fullmatch(text)
    return Told(found["lnd"], bool(found["updates"])) if found else None
