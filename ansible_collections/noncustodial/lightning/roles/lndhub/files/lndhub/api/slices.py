# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists as JSON, made a slice at a time: in between, the requests of others are served."""

from __future__ import annotations

import asyncio
import json
import typing as t

from fastapi import Response

_SLICE_ROWS = 20
"""Rows of one slice; they take some milliseconds."""

RowT = t.TypeVar("RowT")


async def listed(rows: t.Sequence[RowT], convert: t.Callable[[RowT], t.Any]) -> Response:
    """Return the answer that lists rows.

    Args:
        rows: the rows in the order in which they are listed.
        convert: returns a row as a value that JSON can hold.
    """
    parts: list[str] = []
    for begin in range(0, len(rows), _SLICE_ROWS):
        parts.append(
            ",".join(
                json.dumps(convert(row), ensure_ascii=False, separators=(",", ":"))
                for row in rows[begin : begin + _SLICE_ROWS]
            )
        )
        await asyncio.sleep(0)
    return Response(f"[{','.join(parts)}]".encode(), media_type="application/json")
