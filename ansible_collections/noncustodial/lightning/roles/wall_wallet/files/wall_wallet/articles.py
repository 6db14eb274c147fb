# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Articles: files NAME.md or NAME.html of one directory, read anew for each request, so that writing a file is all it takes to publish.

Each begins with lines `title: …`, `price: SAT` and `teaser: …`; after an empty line follows what is paid for. Markdown may hold no HTML;
an HTML file is shown as it is, but the pages' policy lets no script and no foreign content of it work.
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
_MOST = 100_000_000
_FIELDS = {"title", "price", "teaser"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


class Unreadable(Exception):
    """A file is no article; the text says why."""


@dataclass(frozen=True)
class Article:
    """One article.

    Attributes:
        name: in its address.
        price: sat.
        markdown: whether the body is that, and not HTML.
    """

    name: str
    title: str
    price: int
    teaser: str
    body: str
    markdown: bool

    @property
    def content(self) -> str:
        """What is paid for, HTML."""
        return str(_MARKDOWN.render(self.body)) if self.markdown else self.body


def read(path: Path) -> Article:
    """An article.

    Raises:
        Unreadable: it is none.
    """
    if not _NAME.fullmatch(path.stem):
        raise Unreadable(f"{path}: the name must be small letters, digits and hyphens, 64 at most")
    try:
        head, _empty, body = path.read_text().partition("\n\n")
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from error
    said = {name.strip().lower(): value.strip() for name, _colon, value in (line.partition(":") for line in head.splitlines())}
    if set(said) != _FIELDS or not all(said.values()):
        raise Unreadable(f"{path}: it must begin with the lines title:, price: and teaser:, and an empty one after them")
    price = said["price"]
    if not price.isascii() or not price.isdigit() or not 0 < int(price) <= _MOST:
        raise Unreadable(f"{path}: price must be a whole number of sat from 1 to {_MOST}")
    return Article(path.stem, said["title"], int(price), said["teaser"], body, path.suffix == ".md")


def all_in(directory: str) -> list[Article]:
    """All articles, by title; what is none is left out, and named in the log."""
    names = sorted({path.stem for path in Path(directory).iterdir() if path.suffix in _SUFFIXES}) if directory else []
    found = [article for article in (find(directory, name) for name in names) if article is not None]
    return sorted(found, key=lambda article: article.title.casefold())


def find(directory: str, name: str) -> Article | None:
    """One article; None if there is none of this name that can be read."""
    # The pattern comes first: nothing of a request's path reaches the file system without it.
    if not directory or not _NAME.fullmatch(name):
        return None
    path = next((path for path in (Path(directory, name + suffix) for suffix in _SUFFIXES) if path.is_file()), None)
    try:
        return read(path) if path else None
    except Unreadable as error:
        _LOG.error("%s", error)
        return None
