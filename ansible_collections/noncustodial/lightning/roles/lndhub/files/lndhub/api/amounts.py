# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts of requests and answers. Inside the hub all are msat; the API uses sat."""

from __future__ import annotations

import re
import typing as t

from pydantic import BeforeValidator, Field, WithJsonSchema

from ..config import MAX_MSAT

_MAX_SAT = MAX_MSAT // 1000
_WHOLE_NUMBER = re.compile(r"([0-9]{1,19})(\.0{1,8})?")


def _whole(value: object) -> object:
    """Make a number of an amount in text, as BlueWallet sends it, or with a fraction of 0. The check that follows
    refuses what is not a whole number, a bool too.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    found = _WHOLE_NUMBER.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else value


def _described(most: int) -> WithJsonSchema:
    return WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": most}, {"type": "string", "pattern": "^[0-9]{1,16}$"}]}
    )


Sat = t.Annotated[int, Field(strict=True, ge=0, le=_MAX_SAT), BeforeValidator(_whole), _described(_MAX_SAT)]
"""A whole number of sat, as a number or as text."""

Msat = t.Annotated[int, Field(strict=True, ge=0, le=MAX_MSAT), BeforeValidator(_whole), _described(MAX_MSAT)]
"""A whole number of msat, likewise."""


def down(msat: int) -> int:
    """Return in sat an amount that a user has or gets."""
    return msat // 1000


def up(msat: int) -> int:
    """Return in sat an amount that a user pays."""
    return -(-msat // 1000)


def buffer(value: bytes) -> dict[str, t.Any]:
    """Return bytes in the form of the first LndHub, which was JavaScript; clients still read this form."""
    return {"type": "Buffer", "data": list(value)}
