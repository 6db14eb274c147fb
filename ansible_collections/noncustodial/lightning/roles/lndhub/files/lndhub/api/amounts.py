# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts as they come in and go out. Inside the hub all are msat; the API speaks sat."""

from __future__ import annotations

import re
import typing as t

from pydantic import BeforeValidator, Field, WithJsonSchema

from ..config import MAX_MSAT

MAX_SAT = MAX_MSAT // 1000
_DIGITS = re.compile("[0-9]{1,16}")


def _whole(value: object) -> object:
    """BlueWallet sends amounts as text; what is not a whole number is refused by the check that follows, a bool too."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return value


Sat = t.Annotated[int, Field(strict=True, ge=0, le=MAX_SAT)]
"""A whole number of sat."""

LooseSat = t.Annotated[
    int,
    Field(strict=True, ge=0, le=MAX_SAT),
    BeforeValidator(_whole),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": MAX_SAT}, {"type": "string", "pattern": "^[0-9]{1,16}$"}]}),
]
"""The same, as text too."""


def down(msat: int) -> int:
    """What a user has or gets, in sat."""
    return msat // 1000


def up(msat: int) -> int:
    """What a user pays, in sat."""
    return -(-msat // 1000)


def buffer(value: bytes) -> dict[str, t.Any]:
    """Bytes as the first LndHub, which was JavaScript, wrote them; clients still read this form."""
    return {"type": "Buffer", "data": list(value)}
