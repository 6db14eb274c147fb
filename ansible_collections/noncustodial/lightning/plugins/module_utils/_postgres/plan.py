# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One role and one database of PostgreSQL: the present state, the wanted one, and the statements that lead from one to
the other.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .._core.errors import LightningError
from . import hba as _hba

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_VERIFIER = re.compile(r"SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")
_HIDDEN_VERIFIER = "'...'"
# A role of a node can log in and nothing else.
_ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


class PostgresError(LightningError):
    """A change that PostgreSQL cannot or must not make; the text names the cause and the cure."""


@dataclass(frozen=True)
class WantedOwner:
    """Another role, which owns the database and its content.

    Attributes:
        name: the name of the role.
        verifier: the verifier of its password; None keeps the password.
        connection_limit: the number of connections that it may have, -1 for any number.
    """

    name: str
    verifier: str | None = None
    connection_limit: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDatabase:
    """The role, the database and the access that a node needs on the server.

    Attributes:
        name: the name of the role and of its database.
        verifier: the verifier of the role's password; None keeps the password, as check mode must.
        connection_limit: the number of connections that the role may have, -1 for any number.
        addresses: those from which the role and its owner may connect.
        owner: the owner of the database, if it is another role.
    """

    name: str
    verifier: str | None
    connection_limit: int
    addresses: t.Sequence[str]
    owner: WantedOwner | None = None

    def __post_init__(self) -> None:
        for option, role in (("name", self), ("owner", self.owner)):
            if role is None:
                continue
            if not _NAME.fullmatch(role.name):
                raise PostgresError(
                    f"{option}: {role.name!r} is no plain name; use small letters, digits and _, at most 63."
                )
            if role.verifier is not None and not _VERIFIER.fullmatch(role.verifier):
                raise PostgresError(
                    "verifier: this is no SCRAM-SHA-256 verifier; take the one that the module node_secret returns."
                )
        if self.owner is not None and self.owner.name == self.name:
            raise PostgresError("owner: it is the role itself; leave the option out.")
        try:
            self.access()
        except ValueError as error:
            raise PostgresError(f"addresses: {error}.") from None

    def access(self) -> list[str]:
        """The lines of pg_hba.conf."""
        names = [self.name] if self.owner is None else [self.name, self.owner.name]
        return [line for name in names for line in _hba.node_lines(self.name, name, self.addresses)]


@dataclass(frozen=True)
class Role:
    """A role that exists."""

    verifier: str | None = None
    connection_limit: int = -1
    superuser: bool = False
    plain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """The present state.

    Attributes:
        role: None if there is no role of that name.
        owner: the database's owner, None if there is no database.
        owner_role: the role that is to own it, None if there is no role of that name.
        connects: whether the role may connect to the database.
        public: whether everybody may connect to it.
        hba: pg_hba.conf.
        stale: whether the server has not read that file since it was written.
        certificate: the server's certificate, PEM.
    """

    role: Role | None = None
    owner: str | None = None
    public: bool = True
    hba: str = ""
    stale: bool = False
    certificate: str = ""
    owner_role: Role | None = None
    connects: bool = False


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        text: the text as it is run.
        shown: the text as it may be shown, without the verifier.
        database: the database in which it runs.
    """

    text: str
    shown: str
    database: str = "postgres"


@dataclass(frozen=True)
class Plan:
    """Statements in their order, and then the new pg_hba.conf, if it changes."""

    statements: list[Statement] = field(default_factory=list)
    hba: str | None = None
    reload: bool = False

    @property
    def changed(self) -> bool:
        """Return whether there is anything to do: a statement, a new pg_hba.conf, or a reload of it."""
        return bool(self.statements) or self.hba is not None or self.reload

    @property
    def shown(self) -> list[str]:
        """The statements without the verifier."""
        return [statement.shown for statement in self.statements]


def plan_hba(state: DatabaseState, name: str, lines: t.Sequence[str]) -> Plan:
    """Plan to put one section of pg_hba.conf into force."""
    hba = _hba.with_section(state.hba, name, lines)
    return Plan(hba=hba if hba != state.hba else None, reload=hba != state.hba or state.stale)


def plan_database(state: DatabaseState, wanted: WantedDatabase) -> Plan:
    """Plan to put role, database and access into force."""
    access = plan_hba(state, wanted.name, wanted.access())
    statements = [*_plan_role(state.role, wanted)]
    if wanted.owner is not None:
        statements += _plan_role(state.owner_role, wanted.owner)
    return Plan(statements=[*statements, *_plan_owned(state, wanted)], hba=access.hba, reload=access.reload)


def _plan_role(role: Role | None, wanted: WantedDatabase | WantedOwner) -> t.Iterator[Statement]:
    if role is not None and role.superuser:
        raise PostgresError(
            f"The role {wanted.name} is a superuser of PostgreSQL. A node never gets such a role; choose another"
            " lnd_name."
        )
    parts = []
    if role is None or not role.plain:
        parts.append(_ATTRIBUTES)
    if role is None or role.connection_limit != wanted.connection_limit:
        parts.append(f"CONNECTION LIMIT {wanted.connection_limit}")
    if wanted.verifier is not None and (role is None or role.verifier != wanted.verifier):
        parts.append(f"PASSWORD '{wanted.verifier}'")
    if parts:
        statement = f'{"CREATE" if role is None else "ALTER"} ROLE "{wanted.name}" {" ".join(parts)}'
        yield Statement(statement, statement.replace(f"'{wanted.verifier}'", _HIDDEN_VERIFIER))


def _plan_owned(state: DatabaseState, wanted: WantedDatabase) -> t.Iterator[Statement]:
    name, owner = wanted.name, wanted.name if wanted.owner is None else wanted.owner.name
    moves = state.owner == name != owner
    if state.owner is None:
        # In the C locale text is compared by bytes: this is fast, and no library upgrade can silently corrupt an index.
        yield _plain(
            f"CREATE DATABASE \"{name}\" OWNER \"{owner}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        )
    elif moves:
        # Transfer the database with its content. The service keeps its rights until its next start removes those that
        # it does not need.
        yield _plain(f'REASSIGN OWNED BY "{name}" TO "{owner}"', name)
        yield _plain(f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{name}"', name)
    elif state.owner != owner:
        raise PostgresError(
            f"The database {name} belongs to the role {state.owner}. Two nodes on one database lose money, so it is"
            " left alone. Choose another lnd_name, or move that database away."
        )
    if state.owner is None or state.public:
        yield _plain(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    if owner != name and (state.owner is None or moves or not state.connects):
        yield _plain(f'GRANT CONNECT ON DATABASE "{name}" TO "{name}"')


def _plain(text: str, database: str = "postgres") -> Statement:
    return Statement(text, text, database)
