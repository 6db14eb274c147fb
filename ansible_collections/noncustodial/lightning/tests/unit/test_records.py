# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record with more than four fields is made by keyword and does not change, according to docs/development.md. One
that must change has a comment above it with the reason.
"""

from __future__ import annotations

import ast
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

MOST_FIELDS_BY_POSITION = 4
ARGUMENTS = {"frozen", "slots", "kw_only"}


def records(source: str) -> t.Iterator[tuple[ast.ClassDef, ast.expr | None]]:
    """Yield the dataclasses and named tuples of a file that have many fields, each with its decorator or None."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        decorator = next((one for one in node.decorator_list if "dataclass" in ast.unparse(one)), None)
        is_tuple = any("NamedTuple" in ast.unparse(base) for base in node.bases)
        fields = [
            one
            for one in node.body
            if isinstance(one, ast.AnnAssign) and not ast.unparse(one.annotation).startswith(("t.ClassVar", "ClassVar"))
        ]
        if (decorator or is_tuple) and len(fields) > MOST_FIELDS_BY_POSITION:
            yield node, decorator


def faults(source: str) -> list[str]:
    """Return the names of the records of a file that do not keep the rule, each with what it lacks."""
    lines, found = source.splitlines(), []
    for node, decorator in records(source):
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        lacking = ARGUMENTS - {one.arg for one in keywords if ast.unparse(one.value) == "True"}
        if decorator and lines[decorator.lineno - 2].startswith("#"):
            lacking -= {"frozen"}
        found += [f"{node.name} lacks {', '.join(sorted(lacking))}"] if lacking else []
    return found


def test_every_record_of_the_product_keeps_the_rule() -> None:
    found = {
        str(path.relative_to(COLLECTION)): wrong
        for folder in ("plugins", "roles")
        for path in sorted((COLLECTION / folder).rglob("*.py"))
        if (wrong := faults(path.read_text()))
    }
    assert found == {}


FIELDS = "    a: int\n    b: int\n    c: int\n    d: int\n    e: int\n"


@pytest.mark.parametrize(
    ("head", "lacking"),
    [
        ("@dataclass(frozen=True, slots=True, kw_only=True)\nclass A:", []),
        ("# It counts.\n@dataclass(slots=True, kw_only=True)\nclass A:", []),
        ("@dataclass(slots=True, kw_only=True)\nclass A:", ["A lacks frozen"]),
        ("@dataclass(frozen=True)\nclass A:", ["A lacks kw_only, slots"]),
        ("# It counts.\n@dataclasses.dataclass\nclass A:", ["A lacks kw_only, slots"]),
        ("class A(t.NamedTuple):", ["A lacks frozen, kw_only, slots"]),
        ("class A:", []),
    ],
)
def test_one_that_does_not_would_be_found(head: str, lacking: list[str]) -> None:
    assert faults(f"{head}\n{FIELDS}") == lacking
    assert faults(f"{head}\n{FIELDS.replace('    e: int', '    e: t.ClassVar[int]')}") == []
