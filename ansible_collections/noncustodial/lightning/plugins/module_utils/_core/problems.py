# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The problems of a document that came from elsewhere: each with its path, all reported together."""

from __future__ import annotations

import re
import typing as t
from dataclasses import asdict, dataclass

from .errors import InvalidInput

_SHOWN_CHARACTERS = 60
# Problems that a message names, and those that are kept: each of 259 accounts may have one.
_REPORTED_PROBLEMS, _KEPT_PROBLEMS = 20, 300
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_KINDS = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a fraction", bool: "true or false"}


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        path: its place, for example accounts[12].xpub; empty for the whole document.
        text: the fault, as the rest of a sentence that begins with the path. Never holds a secret.
    """

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path} {self.text}".lstrip()


class Invalid(InvalidInput):
    """A document that has problems.

    Args:
        what: which document.
        problems: all of them; the message names the first 20.
        cure: the cure.

    Attributes:
        problems: the first 300, as dictionaries.
    """

    def __init__(self, what: str, problems: t.Sequence[Problem], cure: str) -> None:
        more = f"; and {len(problems) - _REPORTED_PROBLEMS} faults more" if len(problems) > _REPORTED_PROBLEMS else ""
        super().__init__(f"{what} is refused: {'; '.join(map(str, problems[:_REPORTED_PROBLEMS]))}{more}", cure)
        self.problems = [asdict(problem) for problem in problems[:_KEPT_PROBLEMS]]


def shown(value: object) -> str:
    """Return a value of a foreign document in a form for messages: quoted, cut, without control characters."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def check_fields(value: object, fields: t.Mapping[str, type | tuple[type, ...]], path: str = "") -> list[Problem]:
    """Check that a parsed JSON value is an object with exactly these fields. No value is shown, because it may be a
    secret in the wrong place.

    Args:
        fields: each field's type; with type(None) among them it may be null, but it must be there.
    """
    if not isinstance(value, dict):
        return [Problem(path, f"is {_kind(value)}, not an object")]
    found = [Problem(joined(path, name), "is missing") for name in fields if name not in value]
    found += [Problem(joined(path, name), "is not known") for name in value if name not in fields]
    for name, kinds in fields.items():
        # For Python true is an int, for JSON it is not.
        if name in value and (not isinstance(value[name], kinds) or isinstance(value[name], bool)):
            found.append(Problem(joined(path, name), f"is of a wrong type: {_kind(value[name])}"))
    return found


def joined(path: str, name: str) -> str:
    """Return the path of a field. A name that could not be one of our documents' is not repeated."""
    shown_name = name if _NAME.fullmatch(name) else "(a field with an odd name)"
    return f"{path}.{shown_name}" if path else shown_name


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "null")
