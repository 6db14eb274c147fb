# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a logged-in client shows: a short access token (a signed JWT), and a refresh token that is good once.

An access token is never a refresh token and the other way round: one is a JWT with its own audience, the other random bytes of which the
database has the hash. Using a refresh token twice ends all tokens that came of the same login, because one of the two users has stolen it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import typing as t
import uuid
from dataclasses import dataclass

import jwt

from .db import Pool
from .errors import BadAuth

_ALGORITHM = "HS256"
_AUDIENCE = "lndhub-access"
_LEAST_KEY_BYTES = 32


class WeakKey(Exception):
    """The key that signs access tokens is too short."""


@dataclass(frozen=True)
class Access:
    """Who an access token speaks for, and of which epoch of that user it is."""

    user_id: int
    epoch: int


@dataclass(frozen=True)
class Pair:
    """Both tokens, as a client gets them."""

    access: str
    refresh: str
    seconds: int


class Tokens:
    """Makes tokens and reads them.

    Args:
        key: secret, 32 bytes or more.
        access_seconds: life of an access token.
        refresh_seconds: life of a refresh token.
    """

    def __init__(self, key: bytes, access_seconds: int, refresh_seconds: int) -> None:
        if len(key) < _LEAST_KEY_BYTES:
            raise WeakKey(
                f"credential jwt_key has {len(key)} bytes. Give {_LEAST_KEY_BYTES} or more, for example from `openssl rand -hex 32`"
            )
        self._key, self._access_seconds, self._refresh_seconds = key, access_seconds, refresh_seconds

    def access(self, user_id: int, epoch: int) -> str:
        """A new access token."""
        now = int(time.time())
        claims = {"aud": _AUDIENCE, "sub": str(user_id), "epoch": epoch, "iat": now, "exp": now + self._access_seconds}
        return jwt.encode(claims, self._key, _ALGORITHM)

    def read(self, token: str) -> Access:
        """Whom an access token speaks for.

        Raises:
            BadAuth: it is none, is forged, or has lapsed.
        """
        try:
            claims: dict[str, t.Any] = jwt.decode(
                token, self._key, [_ALGORITHM], audience=_AUDIENCE, options={"require": ["aud", "sub", "iat", "exp"]}
            )
            access = Access(int(claims["sub"]), int(claims["epoch"]))
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise BadAuth from error
        if not 0 < access.user_id < 2**63:
            raise BadAuth
        return access

    async def login(self, pool: Pool, user_id: int, epoch: int) -> Pair:
        """Tokens after a login by password: the beginning of a family."""
        return await self._issue(pool, user_id, epoch, uuid.uuid4())

    async def refresh(self, pool: Pool, token: str) -> Pair:
        """New tokens for a refresh token, which is used up by that.

        Raises:
            BadAuth: it is unknown, has lapsed or was used before; in the last case its family ends.
        """
        row = await pool.fetchrow(
            """
            UPDATE refresh_tokens r SET used_at = now() FROM users u
            WHERE r.hash = $1 AND r.used_at IS NULL AND r.expires_at > now() AND u.id = r.user_id AND NOT u.deactivated
            RETURNING r.user_id, r.family, u.epoch
            """,
            _hash(token),
        )
        if row is None:
            await pool.execute(
                "DELETE FROM refresh_tokens WHERE family = (SELECT family FROM refresh_tokens WHERE hash = $1 AND used_at IS NOT NULL)",
                _hash(token),
            )
            raise BadAuth
        return await self._issue(pool, row["user_id"], row["epoch"], row["family"])

    async def _issue(self, pool: Pool, user_id: int, epoch: int, family: uuid.UUID) -> Pair:
        token = secrets.token_urlsafe(32)
        await pool.execute(
            "INSERT INTO refresh_tokens (hash, user_id, family, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))",
            _hash(token),
            user_id,
            family,
            float(self._refresh_seconds),
        )
        return Pair(self.access(user_id, epoch), token, self._access_seconds)


async def remove_lapsed(pool: Pool) -> None:
    """Forget refresh tokens that could not be used any more."""
    await pool.execute("DELETE FROM refresh_tokens WHERE expires_at < now()")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
