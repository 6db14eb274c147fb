# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign text made safe for a screen: the text of a tenant, a provider, a node or a program may hold terminal escapes,
or be megabytes long.
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 500
"""The maximum number of characters that are shown of one text."""

# All but what ASCII prints; the rest could move the cursor, or turn the direction of writing.
_UNPRINTABLE_CHARACTER = re.compile(r"[^ -~]")


def printable(text: str, most: int = MAX_CHARACTERS) -> str:
    """Return a text in printable ASCII characters: others become escapes, and a long text is cut."""
    shown = _UNPRINTABLE_CHARACTER.sub(lambda match: ascii(match[0])[1:-1], text[:most])
    return shown if len(text) <= most else shown + "…"
