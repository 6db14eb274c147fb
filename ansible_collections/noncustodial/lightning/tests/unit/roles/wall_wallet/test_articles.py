# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Articles: the form of their files; a request's name reaches no other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from wall_wallet import articles

HEAD = "title: A key\nprice: 7\nteaser: One."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a-key.md").write_text(f"{HEAD}\n\n# Deep\n\n<script>x()</script> and **bold**\n")
    (tmp_path / "whole.html").write_text("Title: Another\nTEASER: Two: three.\nprice: 9\n\n<p>as <i>it</i> is</p>\n")
    (tmp_path / "notes.txt").write_text("not for sale")
    return tmp_path


def test_markdown_holds_no_html(folder: Path) -> None:
    found = articles.find(str(folder), "a-key")
    assert found is not None
    assert (found.title, found.price, found.teaser) == ("A key", 7, "One.")
    assert "<h1>Deep</h1>" in found.content
    assert "<strong>bold</strong>" in found.content
    assert "<script" not in found.content


def test_html_is_as_it_is(folder: Path) -> None:
    found = articles.find(str(folder), "whole")
    assert found is not None
    assert (found.title, found.teaser, found.content) == ("Another", "Two: three.", "<p>as <i>it</i> is</p>\n")


def test_all_are_listed_by_title(folder: Path) -> None:
    assert [article.name for article in articles.all_in(str(folder))] == ["a-key", "whole"]
    assert articles.all_in("") == []


@pytest.mark.parametrize(
    "name", ["", "notes", "..", "../a-key", "a-key.md", "A-KEY", "a-key\x00", "a/key", "-", "x" * 65]
)
def test_no_other_file_is_found(folder: Path, name: str) -> None:
    assert articles.find(str(folder / "sub") if name == "../a-key" else str(folder), name) is None


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Capital.md", f"{HEAD}\n\nx", "small letters"),
        ("a.md", "title: A\nprice: 7\n\nx", "must begin with the lines"),
        ("a.md", f"{HEAD}\nauthor: me\n\nx", "must begin with the lines"),
        ("a.md", "title:\nprice: 7\nteaser: x\n\nx", "must begin with the lines"),
        ("a.md", "title: A\nprice: 0\nteaser: x\n\nx", "price must be"),
        ("a.md", "title: A\nprice: 1.5\nteaser: x\n\nx", "price must be"),
        ("a.md", "title: A\nprice: -5\nteaser: x\n\nx", "price must be"),
        ("a.md", "title: A\nprice: 100000001\nteaser: x\n\nx", "price must be"),
        ("a.md", b"\xff\xfe", "can't decode"),
    ],
)
def test_what_is_no_article(tmp_path: Path, name: str, text: str | bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(articles.Unreadable, match=words):
        articles.read(path)
    assert articles.all_in(str(tmp_path)) == [], "and it stops no other"
