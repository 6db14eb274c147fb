# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that is read strictly, and written in one form."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput


@pytest.mark.parametrize("text", ["", "{", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000, b"\xff", "1" * 5000])
def test_json_that_is_refused(text: str) -> None:
    with pytest.raises(document.NotJson):
        document.read(text)


def test_canonical_json_is_one_form() -> None:
    assert document.canonical({"b": ["ä"], "a": None}) == b'{"a":null,"b":["\\u00e4"]}'


@pytest.mark.parametrize(
    "text", ["", "2026-12-06", "2026-12-06T18:00:00", "2026-12-06T18:00:00+01:00", "2026-13-06T18:00:00Z"]
)
def test_dates_that_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        document.date(text)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\ud800": 1}', "1e999", "[" * 17 + "]" * 17])
def test_json_that_could_not_be_written_again(text: str) -> None:
    with pytest.raises(document.NotJson):
        document.read(text)
