# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks can be read only by their own ledger, and show nothing to anybody else."""

from __future__ import annotations

import secrets

import pytest

from lndhub import marks

KEY, OTHER, ABOUT = b"k" * 32, b"o" * 32, b"a" * 32


@pytest.mark.parametrize("user_id", [1, 2, 255, 2**31, 2**63 - 1])
def test_what_is_written_is_read(user_id: int) -> None:
    mark = marks.write(KEY, ABOUT, user_id)
    assert len(mark) == marks.MARK_BYTES
    assert marks.read(KEY, ABOUT, mark) == user_id


def test_nothing_else_is_a_mark() -> None:
    mark = marks.write(KEY, ABOUT, 5)
    assert marks.read(OTHER, ABOUT, mark) is None, "of another ledger"
    assert marks.read(KEY, b"b" * 32, mark) is None, "of something else"
    for place in range(marks.MARK_BYTES):
        changed = mark[:place] + bytes([mark[place] ^ 1]) + mark[place + 1 :]
        assert marks.read(KEY, ABOUT, changed) is None
    for wrong in (
        b"",
        mark[:-1],
        mark + b"x",
        bytes(marks.MARK_BYTES),
        *(secrets.token_bytes(marks.MARK_BYTES) for _turn in range(100)),
    ):
        assert marks.read(KEY, ABOUT, wrong) is None


def test_two_of_one_user_have_nothing_in_common() -> None:
    first, second = marks.write(KEY, ABOUT, 5), marks.write(KEY, b"b" * 32, 5)
    assert not {first[begin : begin + 4] for begin in range(13)} & {second[begin : begin + 4] for begin in range(13)}
