# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One role and one database of PostgreSQL: what is there, what is wanted, and the statements between the two."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from . import _hba

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_VERIFIER = re.compile(r"SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")
_HIDDEN = "'...'"
# A role of a node can log in and nothing else.
_ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


class PostgresError(Exception):
    """What PostgreSQL cannot or must not do; the text names the cause and the cure."""


@dataclass(frozen=True)
class Wanted:
    """What a node needs of the server.

    Attributes:
        name: of the role and of its database.
        verifier: of the role's password; None leaves the password alone, as check mode must.
        connection_limit: how many connections the role may have, -1 for any number.
        addresses: from where the role may connect.
    """

    name: str
    verifier: str | None
    connection_limit: int
    addresses: t.Sequence[str]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PostgresError(f"name: {self.name!r} is no plain name; use small letters, digits and _, at most 63.")
        if self.verifier is not None and not _VERIFIER.fullmatch(self.verifier):
            raise PostgresError("verifier: this is no SCRAM-SHA-256 verifier; take the one that the module node_secret returns.")
        try:
            _hba.node_lines(self.name, self.addresses)
        except ValueError as error:
            raise PostgresError(f"addresses: {error}.") from None


@dataclass(frozen=True)
class Role:
    """A role that exists."""

    verifier: str | None = None
    connection_limit: int = -1
    superuser: bool = False
    plain: bool = True


@dataclass(frozen=True)
class State:
    """What is there.

    Attributes:
        role: None if there is none of that name.
        owner: the database's owner, None if there is no database.
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


@dataclass(frozen=True)
class Plan:
    """Statements in their order, each as it runs and as it may be shown; then the new pg_hba.conf, if it changes."""

    statements: list[tuple[str, str]] = field(default_factory=list)
    hba: str | None = None
    reload: bool = False

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.statements) or self.hba is not None or self.reload

    @property
    def shown(self) -> list[str]:
        """The statements without the verifier."""
        return [shown for _statement, shown in self.statements]


def plan_hba(state: State, name: str, lines: t.Sequence[str]) -> Plan:
    """Bring one section of pg_hba.conf into force."""
    hba = _hba.with_section(state.hba, name, lines)
    return Plan(hba=hba if hba != state.hba else None, reload=hba != state.hba or state.stale)


def plan_database(state: State, wanted: Wanted) -> Plan:
    """Bring role, database and access into force."""
    access = plan_hba(state, wanted.name, _hba.node_lines(wanted.name, wanted.addresses))
    return Plan(statements=[*_plan_role(state.role, wanted), *_plan_owned(state, wanted.name)], hba=access.hba, reload=access.reload)


def _plan_role(role: Role | None, wanted: Wanted) -> t.Iterator[tuple[str, str]]:
    if role is not None and role.superuser:
        raise PostgresError(f"The role {wanted.name} is a superuser of PostgreSQL. A node never gets such a role; choose another lnd_name.")
    parts = []
    if role is None or not role.plain:
        parts.append(_ATTRIBUTES)
    if role is None or role.connection_limit != wanted.connection_limit:
        parts.append(f"CONNECTION LIMIT {wanted.connection_limit}")
    if wanted.verifier is not None and (role is None or role.verifier != wanted.verifier):
        parts.append(f"PASSWORD '{wanted.verifier}'")
    if parts:
        statement = f'{"CREATE" if role is None else "ALTER"} ROLE "{wanted.name}" {" ".join(parts)}'
        yield statement, statement.replace(f"'{wanted.verifier}'", _HIDDEN)


def _plan_owned(state: State, name: str) -> t.Iterator[tuple[str, str]]:
    if state.owner is None:
        # In the C locale text compares by bytes: fast, and no library upgrade can silently spoil an index.
        create = f"CREATE DATABASE \"{name}\" OWNER \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        yield create, create
    elif state.owner != name:
        raise PostgresError(
            f"The database {name} belongs to the role {state.owner}. Two nodes on one database lose money, so it is left alone. "
            f"Choose another lnd_name, or move that database away."
        )
    if state.owner is None or state.public:
        revoke = f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC'
        yield revoke, revoke
