# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strangers' texts, as they are shown and saved, and amounts that a person types."""

from __future__ import annotations

import re

import pytest

from wall_wallet.pages import _TEMPLATES, amount_of, clean
from wall_wallet.wallet import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cake", "cake"),
        ("Ünïcode 🎂 ok", "Ünïcode 🎂 ok"),
        ("pay \u202eecila ot\u202c", "pay ecila ot"),
        ("a\x00b\nc\td\x1b[31m", "abcd[31m"),
        ("\u200bhidden\ufeff", "hidden"),
    ],
)
def test_nothing_invisible_is_shown(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =cmd", "\t=1", "\u202e=1", "\r=1", "\uff1d1+1"])
def test_no_spreadsheet_takes_a_memo_for_a_formula(text: str) -> None:
    assert plain(text).startswith("'")


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("a;=1+1", "a;'=1+1"),
        ('a; "=1+1"', 'a; "\'=1+1"'),
        ("a,\t@SUM(A1)", "a,'@SUM(A1)"),
        ("tea|-1;+2", "tea|'-1;'+2"),
        ("-1;=2", "'-1;'=2"),
    ],
)
def test_no_part_of_a_memo_becomes_a_cell_with_a_formula(text: str, saved: str) -> None:
    assert plain(text) == saved


@pytest.mark.parametrize("text", ["", "cake", "1 = 1", "a@b", "tea, cake; 1 - 1"])
def test_other_memos_stay(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        (" 21 ", 21),
        ("1,000", 1000),
        ("2100000000000000", 21 * 10**14),
        ("2100000000000001", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("١٢", None),
        ("", None),
    ],
)
def test_amounts(text: str, amount: int | None) -> None:
    assert amount_of(text) == amount


def source_of(name: str) -> str:
    assert _TEMPLATES.loader is not None
    return _TEMPLATES.loader.get_source(_TEMPLATES, name)[0]


def test_every_template_escapes() -> None:
    """Only two values are put in unescaped: attributes of our own, and the content of an article."""
    safe = [
        (name, line.strip())
        for name in _TEMPLATES.list_templates()
        for line in source_of(name).splitlines()
        if "| safe" in line or "autoescape" in line or "Markup" in line
    ]
    assert {name for name, _line in safe} == {"login.html", "article.html"}
    assert [line for name, line in safe if name == "article.html"] == [
        '<div class="content">{{ article.content | safe }}</div>'
    ]


@pytest.mark.parametrize("name", _TEMPLATES.list_templates())
def test_no_template_has_script_or_style_in_it(name: str) -> None:
    source = source_of(name)
    assert "style=" not in source
    assert "<style" not in source
    assert not re.search(r"\son[a-z]+=", source)
    assert source.count("<script") == (1 if name == "base.html" else 0)
    assert "http://" not in source
    assert "https://" not in source
