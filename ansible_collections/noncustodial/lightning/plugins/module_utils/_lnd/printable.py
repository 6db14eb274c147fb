# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign text, fit for a screen: what a tenant, a provider, a node or a program has written may hold terminal escapes, or megabytes."""

from __future__ import annotations

import re

MOST = 500
"""Characters that are shown of one text."""

# All but what ASCII prints; the rest could move the cursor, or turn the direction of writing.
_OTHER = re.compile(r"[^ -~]")


def printable(text: str, most: int = MOST) -> str:
    """A text of printable ASCII characters: others are shown as escapes, and what is too long is cut."""
    shown = _OTHER.sub(lambda found: ascii(found[0])[1:-1], text[:most])
    return shown if len(text) <= most else shown + "…"
