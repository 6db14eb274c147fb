# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens and passwords, as far as they need no database."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from lndhub.accounts import Passwords
from lndhub.config import ServiceSettings
from lndhub.errors import BadAuth, TooMany
from lndhub.tokens import Access, Tokens, WeakKey

KEY = b"k" * 32
WHO = Access(7, 3, uuid.UUID(int=5))


def tokens_of(key: bytes = KEY, access_seconds: int = 60) -> Tokens:
    """Return the maker of tokens of a hub."""
    return Tokens(key, ServiceSettings(access_seconds=access_seconds))


def test_an_access_token_says_who() -> None:
    tokens = tokens_of()
    assert tokens.read(tokens.access(WHO)) == WHO


def test_what_is_no_access_token() -> None:
    tokens = tokens_of()
    good = tokens.access(WHO)
    head, body, signature = good.split(".")
    other = tokens_of(b"o" * 32).access(Access(8, 3, WHO.family))
    for token in (
        "",
        "x",
        good[:-2],
        f"{head}.{body}.",
        f"{head}.{other.split('.')[1]}.{signature}",
        other,
        tokens_of(access_seconds=-1).access(WHO),
    ):
        with pytest.raises(BadAuth):
            tokens.read(token)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(WeakKey, match="openssl rand"):
        tokens_of(b"k" * 31)


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
        done = await asyncio.gather(
            *(passwords.matches(stored, "correct horse") for _turn in range(40)), return_exceptions=True
        )
        assert [one for one in done if one is not True and not isinstance(one, TooMany)] == []
        assert sum(isinstance(one, TooMany) for one in done) == 8

    asyncio.run(body())
