# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Articles: files NAME.md or NAME.html of one directory, read anew for each request, so that an article is published by
writing its file.

Each begins with lines `title: …`, `price: SAT` and `teaser: …`; the paid text follows after an empty line. Markdown may
hold no HTML; an HTML file is shown as it is, but the pages' policy blocks its scripts and content from other sites.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

_LOG = logging.getLogger("wall_wallet.articles")
_NAME = re.compile("[a-z0-9][a-z0-9-]{0,63}")
_SUFFIXES = (".md", ".html")
_MAX_PRICE_SAT = 100_000_000
_FIELDS = {"title", "price", "teaser"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


class Unreadable(Exception):
    """A file is no article, for the reason in the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article.

    Attributes:
        name: name of its file, and of its page in the address.
        price: the price in sat.
        markdown: whether the body is Markdown, and not HTML.
    """

    name: str
    title: str
    price: int
    teaser: str
    body: str
    markdown: bool

    @property
    def content(self) -> str:
        """The paid text, as HTML."""
        return str(_MARKDOWN.render(self.body)) if self.markdown else self.body


def read(path: Path) -> Article:
    """Read an article.

    Raises:
        Unreadable: the file is no article.
    """
    if not _NAME.fullmatch(path.stem):
        raise Unreadable(f"{path}: the name must be small letters, digits and hyphens, 64 at most")
    try:
        head, _empty, body = path.read_text().partition("\n\n")
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from error
    fields = {
        name.strip().lower(): value.strip()
        for name, _colon, value in (line.partition(":") for line in head.splitlines())
    }
    if set(fields) != _FIELDS or not all(fields.values()):
        raise Unreadable(
            f"{path}: it must begin with the lines title:, price: and teaser:, and an empty one after them"
        )
    price = fields["price"]
    if not price.isascii() or not price.isdigit() or not 0 < int(price) <= _MAX_PRICE_SAT:
        raise Unreadable(f"{path}: price must be a whole number of sat from 1 to {_MAX_PRICE_SAT}")
    return Article(
        name=path.stem,
        title=fields["title"],
        price=int(price),
        teaser=fields["teaser"],
        body=body,
        markdown=path.suffix == ".md",
    )


def all_in(directory: str) -> list[Article]:
    """Return all articles, by title; a file that is no article is left out, and named in the log."""
    names = sorted({path.stem for path in Path(directory).iterdir() if path.suffix in _SUFFIXES}) if directory else []
    found = [article for article in (find(directory, name) for name in names) if article is not None]
    return sorted(found, key=lambda article: article.title.casefold())


def find(directory: str, name: str) -> Article | None:
    """Return one article; None if there is none of this name that can be read."""
    # The pattern comes first: nothing of a request's path reaches the file system without it.
    if not directory or not _NAME.fullmatch(name):
        return None
    path = next((path for path in (Path(directory, name + suffix) for suffix in _SUFFIXES) if path.is_file()), None)
    try:
        return read(path) if path else None
    except Unreadable as error:
        _LOG.error("%s", error)
        return None
