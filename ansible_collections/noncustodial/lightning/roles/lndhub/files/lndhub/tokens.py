# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of a logged-in client: a short-lived access token (a signed JWT), and a refresh token that can be used
once.

An access token is never a refresh token, nor the other way round: one is a JWT with its own audience, the other random
bytes of which the database has the hash. Using a refresh token twice ends all tokens of the same login, the access
tokens among them, because one of the two users has stolen it; which of them came first shows nothing.

But an answer may get lost on its way, and a client that did not get it can only ask again. So the same answer is
returned once more if all of this holds:

- the token was used at least a second ago: nobody knows earlier that an answer is lost, so that uses at the same
  instant are those of two users;
- and at most `refresh_again` seconds ago;
- it comes from the network from which it was used;
- the refresh token of that answer has not been used.

A thief who has the old token gains nothing by that: he gets, from the victim's own network, the same token that the
victim has too, and not one of his own. It can be used once: when both have used it the session ends, as if he had
stolen it unused. Nothing readable is stored for that: the successor of a token is derived from it with a key that the
database does not have.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import typing as t
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass

import jwt

from serving.networks import network

from .config import ServiceSettings
from .db import Connection, Pool
from .errors import BadAuth

_ALGORITHM = "HS256"
_AUDIENCE = "lndhub-access"
_LEAST_KEY_BYTES = 32
# Seconds: a client that uses a token again earlier did not wait for an answer.
_INSTANT_SECONDS = 1.0


class WeakKey(Exception):
    """The key that signs access tokens is too short."""


@dataclass(frozen=True)
class Access:
    """The contents of an access token.

    Attributes:
        epoch: the user's epoch when the token was made.
        family: the family of the login that it came from.
    """

    user_id: int
    epoch: int
    family: uuid.UUID


@dataclass(frozen=True)
class Pair:
    """Both tokens, as a client gets them; seconds is the lifetime of the access token."""

    access: str
    refresh: str
    seconds: int


class Tokens:
    """Make tokens and read them.

    Args:
        key: secret, 32 bytes or more.
        service: settings with the lifetimes of tokens.
    """

    def __init__(self, key: bytes, service: ServiceSettings) -> None:
        if len(key) < _LEAST_KEY_BYTES:
            raise WeakKey(
                f"credential jwt_key has {len(key)} bytes. Give {_LEAST_KEY_BYTES} or more, for example from `openssl"
                " rand -hex 32`"
            )
        self._key, self._service = key, service

    def access(self, of: Access) -> str:
        """Return a new access token."""
        now = int(time.time())
        claims = {"aud": _AUDIENCE, "sub": str(of.user_id), "epoch": of.epoch, "family": of.family.hex}
        # Two tokens of one second are two texts too.
        claims |= {"iat": now, "exp": now + self._service.access_seconds, "jti": uuid.uuid4().hex}
        return jwt.encode(claims, self._key, _ALGORITHM)

    def read(self, token: str) -> Access:
        """Return the contents of an access token.

        Raises:
            BadAuth: it is not an access token, is forged, or has expired.
        """
        try:
            claims: dict[str, t.Any] = jwt.decode(
                token, self._key, [_ALGORITHM], audience=_AUDIENCE, options={"require": ["aud", "sub", "iat", "exp"]}
            )
            access = Access(int(claims["sub"]), int(claims["epoch"]), uuid.UUID(claims["family"]))
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadAuth from error
        if not 0 < access.user_id < 2**63:
            raise BadAuth
        return access

    async def login(self, pool: Pool, user_id: int, epoch: int) -> Pair:
        """Return the tokens after a login by password: the beginning of a family.

        Raises:
            BadAuth: since the password was checked, it was changed or the user was deactivated.
        """
        access, token = Access(user_id, epoch, uuid.uuid4()), secrets.token_urlsafe(32)
        # A change of the user that is under way is waited for, and one that comes later finds this token and ends it.
        made = await pool.fetchval(
            """
            WITH owner AS (SELECT id FROM users WHERE id = $2 AND epoch = $5 AND NOT deactivated FOR SHARE)
            INSERT INTO refresh_tokens (hash, user_id, family, expires_at)
            SELECT $1, id, $3, now() + make_interval(secs => $4) FROM owner RETURNING true
            """,
            _hash(token),
            user_id,
            access.family,
            float(self._service.refresh_seconds),
            epoch,
        )
        if not made:
            raise BadAuth
        return Pair(self.access(access), token, self._service.access_seconds)

    async def refresh(self, pool: Pool, token: str, address: str, admit: t.Callable[[int], None]) -> Pair:
        """Return new tokens for a refresh token, which is used up by that.

        Args:
            address: the client's address.
            admit: called with the user's number; it may raise TooMany, and the token can still be used then.

        Raises:
            BadAuth: it is unknown, has expired or was used before; in the last case its family ends, with the exception
                at the head of this file.
        """
        async with pool.acquire() as connection, connection.transaction():
            access = await self._used(connection, token, self._digest(network(address)), admit)
        if access is None:
            raise BadAuth
        return Pair(self.access(access), self._successor(token), self._service.access_seconds)

    async def _used(
        self, connection: Connection, token: str, origin: bytes, admit: t.Callable[[int], None]
    ) -> Access | None:
        """Use a token up, or find that it may be answered again; return None if neither. Uses of one user's tokens wait
        for each other.
        """
        owner = await connection.fetchrow(
            """
            SELECT id, epoch FROM users WHERE id = (SELECT user_id FROM refresh_tokens WHERE hash = $1)
              AND NOT deactivated
            FOR NO KEY UPDATE
            """,
            _hash(token),
        )
        if owner is None:
            return None
        admit(owner["id"])
        row = await connection.fetchrow(
            """
            SELECT family, used_at IS NULL AS fresh,
              used_from = $2 AND EXISTS (SELECT FROM refresh_tokens s WHERE s.hash = $3 AND s.used_at IS NULL)
                AND extract(epoch FROM clock_timestamp() - used_at) BETWEEN $4 AND $5 AS again
            FROM refresh_tokens WHERE hash = $1 AND expires_at > now()
            """,
            _hash(token),
            origin,
            _hash(self._successor(token)),
            _INSTANT_SECONDS,
            self._service.refresh_again,
        )
        if row is None:
            return None
        if row["fresh"]:
            await self._use(connection, token, origin)
        elif not row["again"]:
            await connection.execute("DELETE FROM refresh_tokens WHERE family = $1", row["family"])
            return None
        return Access(owner["id"], owner["epoch"], row["family"])

    async def _use(self, connection: Connection, token: str, origin: bytes) -> None:
        await connection.execute(
            """
            WITH used AS (
              UPDATE refresh_tokens SET used_at = clock_timestamp(), used_from = $2 WHERE hash = $1
                RETURNING user_id, family
            )
            INSERT INTO refresh_tokens (hash, user_id, family, expires_at)
            SELECT $3, user_id, family, now() + make_interval(secs => $4) FROM used
            """,
            _hash(token),
            origin,
            _hash(self._successor(token)),
            float(self._service.refresh_seconds),
        )

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, b"refresh token " + text.encode(), "sha256")

    def _successor(self, token: str) -> str:
        """Return the refresh token that follows another one: 43 characters, as those of a login."""
        return urlsafe_b64encode(self._digest(f"after {token}")).decode().rstrip("=")


async def remove_lapsed(pool: Pool) -> None:
    """Delete refresh tokens that have expired."""
    await pool.execute("DELETE FROM refresh_tokens WHERE expires_at < now()")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
