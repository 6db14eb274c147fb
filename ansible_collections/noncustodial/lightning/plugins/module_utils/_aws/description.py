# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of an image, for the accounts with which it is shared. Only the owner sees an image's tags; everybody
sees its description.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from .disk import Image

_UPDATES_ITSELF_TEXT = "updates itself"
_FORM = re.compile(rf"Lightning signer \S+, lnd (?P<lnd>[^\s,]+)(?P<updates>, {_UPDATES_ITSELF_TEXT})?")


class Told(t.NamedTuple):
    """The facts that a description states.

    Attributes:
        lnd_version: the version of the lnd in the image.
        updates_itself: its machines install Debian's updates themselves.
    """

    lnd_version: str
    updates_itself: bool


def write(image: Image) -> str:
    """Return the description of an image."""
    return f"Lightning signer {image.version}, lnd {image.lnd_version}" + (
        f", {_UPDATES_ITSELF_TEXT}" if image.updates_itself else ""
    )


def read(text: str) -> Told | None:
    """Parse a description; return None if it is not that of a signer's image."""
    found = _FORM.fullmatch(text)
    return Told(found["lnd"], bool(found["updates"])) if found else None
