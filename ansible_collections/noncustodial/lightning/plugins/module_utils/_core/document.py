# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON documents that pass between tenant and provider: read strictly, written in one canonical form, dated in one
way."""

from __future__ import annotations

import datetime
import json
import math
import typing as t

from .errors import InvalidInput

_DATE_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# Our documents have four levels. Deeper ones could be read, but neither checked nor written again.
_MAX_DEPTH = 16


class NotJson(InvalidInput):
    """The text is not a JSON document."""


def read(text: str | bytes) -> t.Any:
    """Parse a JSON text.

    Raises:
        NotJson: it is not JSON, or holds NaN, an infinity, half a character (a lone surrogate), the same name twice, or
            more than 16 levels.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_object)
        _check(value)
        return value
    except (ValueError, RecursionError) as error:
        raise NotJson("is not JSON: it was cut, altered, or is another file") from error


def canonical(value: t.Any) -> bytes:
    """Return the one form in which a document is hashed and signed: sorted names, no space, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def date(text: str) -> datetime.datetime:
    """Parse a point in time: RFC 3339 in UTC to the second, for example 2026-12-06T18:00:00Z.

    Raises:
        InvalidInput: it has another form.
    """
    try:
        return datetime.datetime.strptime(text, _DATE_FORMAT).replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise InvalidInput("is not a date such as 2026-12-06T18:00:00Z") from error


def date_text(moment: datetime.datetime) -> str:
    """Return the text of a point in time."""
    return moment.astimezone(datetime.UTC).strftime(_DATE_FORMAT)


def now() -> datetime.datetime:
    """Return the present time in UTC."""
    return datetime.datetime.now(datetime.UTC)


def _refuse(text: str) -> t.NoReturn:
    raise ValueError(text)


def _check(value: t.Any) -> None:
    """Refuse values that could not be written again, and values nested too deeply. It goes level by level, because
    recursion has a limit of its own.
    """
    level = [value]
    for _depth in range(_MAX_DEPTH):
        inner: list[t.Any] = []
        for one in level:
            if isinstance(one, str):
                one.encode()
            elif isinstance(one, float) and not math.isfinite(one):
                raise ValueError("a number is too great")
            elif isinstance(one, dict):
                inner += [*one, *one.values()]
            elif isinstance(one, list):
                inner += one
        if not inner:
            return
        level = inner
    raise ValueError("it has too many levels")


def _object(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is there twice")
    return value
