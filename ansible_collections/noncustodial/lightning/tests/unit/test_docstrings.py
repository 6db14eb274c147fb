# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docstrings are an imperative verb and its object, or a noun phrase, according to docs/development.md."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

RELATIVE = {"What", "Whether", "Who", "Where", "How", "Which", "When"}
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(source: str) -> t.Iterator[tuple[int, str]]:
    """Return the docstrings of a file, each with the line of its owner."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def files() -> t.Iterator[Path]:
    yield from COLLECTION.rglob("*.py")
    for folder in ("molecule", "tools", "bench", "docs"):
        yield from (ROOT / folder).rglob("*.py")


def test_no_docstring_is_a_relative_clause() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for path in files()
        for line, text in docstrings(path.read_text())
        if text.split()[0] in RELATIVE
    ]
    assert found == []


def test_one_would_be_found() -> None:
    assert [text for _line, text in docstrings('"""What this is."""')] == ["What this is."]
