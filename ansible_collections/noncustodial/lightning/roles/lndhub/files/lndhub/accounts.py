# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of the hub, their passwords and their own limits."""

from __future__ import annotations

import asyncio
import re
import secrets
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import argon2
import asyncpg

from . import db
from .config import MAX_MSAT, Limits
from .db import Pool, Record
from .errors import BadArguments, BadAuth, NotFound, TooMany
from .tokens import Access

LOGIN = re.compile(r"[A-Za-z0-9._@-]{3,64}")
_PASSWORD_CHARACTERS = range(8, 129)
# Logins that may wait for the one thread that hashes; more are refused at once.
_MAX_WAITING_LOGINS = 32


class LoginTaken(BadArguments):
    """Another user has this login."""

    default = "login already taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user, with the limits that hold for it, in msat.

    Attributes:
        epoch: access tokens of an earlier epoch are refused.
    """

    id: int
    login: str
    deactivated: bool
    epoch: int
    max_receive_msat: int
    max_send_msat: int
    max_balance_msat: int


class Passwords:
    """Password hashes. Hashing is slow and takes memory on purpose: it is done one at a time, in a thread beside the
    event loop.
    """

    def __init__(self) -> None:
        # One of the settings that OWASP lists as equally strong, with little memory: a hub has 80 MB.
        self._hasher = argon2.PasswordHasher(time_cost=4, memory_cost=9216, parallelism=1)
        self._thread = ThreadPoolExecutor(1, "argon2")
        self._waiting = 0
        # Verified where there is no such login, so that the time taken does not reveal that.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    async def hash(self, password: str) -> str:
        """Return the hash to be stored."""
        return str(await self._run(self._hasher.hash, password))

    async def matches(self, stored: str | None, password: str) -> bool:
        """Return whether a password is the one whose hash is stored."""
        try:
            await self._run(self._hasher.verify, stored or self._nobody, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
            return False
        return stored is not None

    async def _run(self, function: t.Callable[..., t.Any], *arguments: str) -> t.Any:
        if self._waiting >= _MAX_WAITING_LOGINS:
            raise TooMany
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
        finally:
            self._waiting -= 1


class Accounts:
    """Make users, find them and change them."""

    def __init__(self, pool: Pool, limits: Limits, passwords: Passwords) -> None:
        self._pool, self._limits, self._passwords = pool, limits, passwords

    async def create(self, login: str | None, password: str | None) -> tuple[User, str]:
        """Make a user, and return it with its password; a login or password that is not given is random.

        Raises:
            LoginTaken: another user has the login; nothing was made.
            BadArguments: login or password is not of the allowed form.
        """
        login = secrets.token_hex(10) if login is None else login
        password = secrets.token_hex(16) if password is None else password
        _check_login(login)
        _check_password(password)
        hashed = await self._passwords.hash(password)
        try:
            row = await db.row(
                self._pool, "INSERT INTO users (login, password_hash) VALUES ($1, $2) RETURNING *", login, hashed
            )
        except asyncpg.UniqueViolationError as error:
            raise LoginTaken from error
        return self._user(row), password

    async def login(self, login: str, password: str) -> User:
        """Return the user with this login and password.

        Raises:
            BadAuth: there is none, or it is deactivated; the error is the same for both.
        """
        known = bool(LOGIN.fullmatch(login))
        row = await self._pool.fetchrow("SELECT * FROM users WHERE login = $1", login) if known else None
        if len(password) not in _PASSWORD_CHARACTERS:
            raise BadAuth
        right = await self._passwords.matches(row["password_hash"] if row else None, password)
        if row is None or not right or row["deactivated"]:
            raise BadAuth
        return self._user(row)

    async def by_id(self, user_id: int) -> User | None:
        """Return the user with this number, or None."""
        row = await self._pool.fetchrow("SELECT * FROM users WHERE id = $1", user_id)
        return self._user(row) if row else None

    async def speaking(self, access: Access) -> User | None:
        """Return the user of an access token; None if its session has ended meanwhile: by a new password, or because a
        token of it was stolen.
        """
        row = await self._pool.fetchrow(
            """
            SELECT * FROM users u WHERE id = $1 AND epoch = $2 AND NOT deactivated
              AND EXISTS (SELECT FROM refresh_tokens r WHERE r.family = $3 AND r.user_id = u.id)
            """,
            access.user_id,
            access.epoch,
            access.family,
        )
        return self._user(row) if row else None

    async def by_login(self, login: str) -> User | None:
        """Return the user with this login, or None."""
        row = (
            await self._pool.fetchrow("SELECT * FROM users WHERE login = $1", login) if LOGIN.fullmatch(login) else None
        )
        return self._user(row) if row else None

    async def update(self, user_id: int, changes: t.Mapping[str, t.Any]) -> User:
        """Change login, password, deactivated or the limits of a user. A new password or a deactivation ends its
        tokens.

        Raises:
            NotFound: there is no such user.
            LoginTaken: another user has the login; nothing was changed.
        """
        values: dict[str, t.Any] = dict(changes)
        if "login" in values:
            _check_login(values["login"])
        password = values.pop("password", None)
        if password is not None:
            _check_password(password)
            values["password_hash"] = await self._passwords.hash(password)
        ends_tokens = "password_hash" in values or bool(values.get("deactivated"))
        # The names are those of the caller's model, never of a request.
        sets = [f"{name} = ${number}" for number, name in enumerate(values, 2)] + (
            ["epoch = epoch + 1"] if ends_tokens else []
        )
        if not sets:
            user = await self.by_id(user_id)
            if user is None:
                raise NotFound
            return user
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                row = await connection.fetchrow(
                    f"UPDATE users SET {', '.join(sets)} WHERE id = $1 RETURNING *",  # noqa: S608
                    user_id,
                    *values.values(),
                )
            except asyncpg.UniqueViolationError as error:
                raise LoginTaken from error
            if row is None:
                raise NotFound
            if ends_tokens:
                await connection.execute("DELETE FROM refresh_tokens WHERE user_id = $1", user_id)
        return self._user(row)

    def _user(self, row: Record) -> User:
        def limit(name: str) -> int:
            own = row[name]
            return int(getattr(self._limits, name) if own is None else own)

        return User(
            id=row["id"],
            login=row["login"],
            deactivated=row["deactivated"],
            epoch=row["epoch"],
            max_receive_msat=min(limit("max_receive_msat"), MAX_MSAT),
            max_send_msat=min(limit("max_send_msat"), MAX_MSAT),
            max_balance_msat=min(limit("max_balance_msat"), MAX_MSAT),
        )


def _check_login(login: str) -> None:
    if not LOGIN.fullmatch(login):
        raise BadArguments("login must be 3 to 64 letters, digits or . _ @ -")


def _check_password(password: str) -> None:
    if len(password) not in _PASSWORD_CHARACTERS:
        raise BadArguments(
            f"password must have {_PASSWORD_CHARACTERS.start} to {_PASSWORD_CHARACTERS.stop - 1} characters"
        )
