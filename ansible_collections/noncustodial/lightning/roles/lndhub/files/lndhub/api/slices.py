# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists as JSON, made a slice at a time: in between, the requests of others are served."""

from __future__ import annotations

import asyncio
import json
import typing as t

from fastapi import Response

_AT_ONCE = 20
"""Rows of a slice, which take some milliseconds."""

RowT = t.TypeVar("RowT")


async def listed(rows: t.Sequence[RowT], shown: t.Callable[[RowT], t.Any], before: str = "[", after: str = "]") -> Response:
    """The answer that lists rows.

    Args:
        rows: in the order in which they are listed.
        shown: makes a row what JSON can say.
        before, after: what is around them.
    """
    parts: list[str] = []
    for begin in range(0, len(rows), _AT_ONCE):
        parts.append(",".join(json.dumps(shown(row), ensure_ascii=False, separators=(",", ":")) for row in rows[begin : begin + _AT_ONCE]))
        await asyncio.sleep(0)
    return Response(f"{before}{','.join(parts)}{after}".encode(), media_type="application/json")
