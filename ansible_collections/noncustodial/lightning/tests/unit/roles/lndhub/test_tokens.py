# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens and passwords, as far as they need no database."""

from __future__ import annotations

import asyncio

import pytest

from lndhub.accounts import Passwords
from lndhub.errors import BadAuth, TooMany
from lndhub.tokens import Access, Tokens, WeakKey

KEY = b"k" * 32


def test_an_access_token_says_who() -> None:
    tokens = Tokens(KEY, 60, 60)
    assert tokens.read(tokens.access(7, 3)) == Access(7, 3)


def test_what_is_no_access_token() -> None:
    tokens = Tokens(KEY, 60, 60)
    good = tokens.access(7, 3)
    head, body, signature = good.split(".")
    other = Tokens(b"o" * 32, 60, 60).access(8, 3)
    for token in (
        "",
        "x",
        good[:-2],
        f"{head}.{body}.",
        f"{head}.{other.split('.')[1]}.{signature}",
        other,
        Tokens(KEY, -1, 60).access(7, 3),
    ):
        with pytest.raises(BadAuth):
            tokens.read(token)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(WeakKey, match="openssl rand"):
        Tokens(b"k" * 31, 60, 60)


def test_passwords() -> None:
    async def body() -> None:
        passwords = Passwords()
        stored = await passwords.hash("correct horse")
        assert stored.startswith("$argon2id$")
        assert await passwords.matches(stored, "correct horse")
        assert not await passwords.matches(stored, "wrong")
        assert not await passwords.matches(None, "correct horse")
        assert not await passwords.matches("no hash", "correct horse")

    asyncio.run(body())


def test_logins_do_not_pile_up() -> None:
    async def body() -> None:
        passwords = Passwords()
        stored = await passwords.hash("correct horse")
        done = await asyncio.gather(*(passwords.matches(stored, "correct horse") for _turn in range(40)), return_exceptions=True)
        assert [one for one in done if one is not True and not isinstance(one, TooMany)] == []
        assert sum(isinstance(one, TooMany) for one in done) == 8

    asyncio.run(body())
