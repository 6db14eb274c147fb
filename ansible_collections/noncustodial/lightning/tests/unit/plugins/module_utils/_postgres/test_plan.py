# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hba.conf as sections, and the statements that lead from the present state to the wanted one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres import hba
from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres.plan import (
    DatabaseState,
    Plan,
    PostgresError,
    Role,
    WantedDatabase,
    WantedOwner,
    plan_database,
    plan_hba,
)

VERIFIER = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy"
WANTED = WantedDatabase(name="lnd_acme", verifier=VERIFIER, connection_limit=45, addresses=["192.0.2.14"])
HBA = hba.render(
    {"00-server": ["local all postgres peer"], "lnd_acme": ["hostssl lnd_acme lnd_acme 192.0.2.14/32 scram-sha-256"]}
)
THERE = DatabaseState(role=Role(VERIFIER, 45), owner="lnd_acme", public=False, hba=HBA)


def test_a_foreign_file_has_no_sections() -> None:
    assert hba.parse("local all all trust\nhost all all 0.0.0.0/0 trust\n") == {}


def test_lines_outside_of_sections_go() -> None:
    text = hba.with_section(
        "host all all 0.0.0.0/0 trust\n" + HBA,
        "lnd_globex",
        ["hostssl lnd_globex lnd_globex 192.0.2.15/32 scram-sha-256"],
    )
    assert "trust" not in text
    assert list(hba.parse(text)) == ["00-server", "lnd_acme", "lnd_globex"]


def test_a_file_survives_being_read_and_written() -> None:
    assert hba.render(hba.parse(HBA)) == HBA


def test_an_empty_section_goes() -> None:
    assert "lnd_acme" not in hba.with_section(HBA, "lnd_acme", [])


@pytest.mark.parametrize(
    ("address", "written"),
    [("192.0.2.14", "192.0.2.14/32"), ("192.0.2.0/28", "192.0.2.0/28"), ("2001:db8::1", "2001:db8::1/128")],
)
def test_a_node_comes_by_tls_and_scram_alone(address: str, written: str) -> None:
    assert hba.node_lines("lnd_acme", "lnd_acme", [address]) == [f"hostssl lnd_acme lnd_acme {written} scram-sha-256"]


@pytest.mark.parametrize(
    ("state", "statements"),
    [
        (THERE, []),
        (
            DatabaseState(),
            [
                (
                    'CREATE ROLE "lnd_acme" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS'
                    " CONNECTION LIMIT 45 PASSWORD '...'"
                ),
                "CREATE DATABASE \"lnd_acme\" OWNER \"lnd_acme\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
                'REVOKE ALL ON DATABASE "lnd_acme" FROM PUBLIC',
            ],
        ),
        (replace(THERE, role=Role("SCRAM-SHA-256$4096:old", 45)), ["ALTER ROLE \"lnd_acme\" PASSWORD '...'"]),
        (replace(THERE, role=Role(VERIFIER, -1)), ['ALTER ROLE "lnd_acme" CONNECTION LIMIT 45']),
        (
            replace(THERE, role=Role(VERIFIER, 45, plain=False)),
            ['ALTER ROLE "lnd_acme" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS'],
        ),
        (replace(THERE, public=True), ['REVOKE ALL ON DATABASE "lnd_acme" FROM PUBLIC']),
        (
            replace(THERE, owner=None),
            [
                "CREATE DATABASE \"lnd_acme\" OWNER \"lnd_acme\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
                'REVOKE ALL ON DATABASE "lnd_acme" FROM PUBLIC',
            ],
        ),
    ],
)
def test_statements(state: DatabaseState, statements: list[str]) -> None:
    plan = plan_database(state, WANTED)
    assert plan.shown == statements
    assert plan.changed == (statements != [] or state.hba != HBA)


OWNED = replace(WANTED, owner=WantedOwner("owner_lnd_acme", VERIFIER, 2))
OWNED_HBA = hba.with_section(HBA, "lnd_acme", OWNED.access())
OWNED_THERE = replace(THERE, owner="owner_lnd_acme", owner_role=Role(VERIFIER, 2), connects=True, hba=OWNED_HBA)


@pytest.mark.parametrize(
    ("state", "statements"),
    [
        (OWNED_THERE, []),
        (replace(OWNED_THERE, connects=False), ['GRANT CONNECT ON DATABASE "lnd_acme" TO "lnd_acme"']),
        (
            replace(OWNED_THERE, owner=None, connects=False),
            [
                (
                    'CREATE DATABASE "lnd_acme" OWNER "owner_lnd_acme" TEMPLATE template0 ENCODING \'UTF8\' LOCALE'
                    " 'C.UTF-8'"
                ),
                'REVOKE ALL ON DATABASE "lnd_acme" FROM PUBLIC',
                'GRANT CONNECT ON DATABASE "lnd_acme" TO "lnd_acme"',
            ],
        ),
        (
            replace(THERE, connects=True, hba=OWNED_HBA),
            [
                (
                    'CREATE ROLE "owner_lnd_acme" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS'
                    " CONNECTION LIMIT 2 PASSWORD '...'"
                ),
                'REASSIGN OWNED BY "lnd_acme" TO "owner_lnd_acme"',
                'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "lnd_acme"',
                # After that: who was the owner had the right to connect as such.
                'GRANT CONNECT ON DATABASE "lnd_acme" TO "lnd_acme"',
            ],
        ),
    ],
)
def test_a_database_of_an_owner(state: DatabaseState, statements: list[str]) -> None:
    plan = plan_database(state, OWNED)
    assert plan.shown == statements
    assert plan.changed == (statements != [])
    inside = [statement.shown for statement in plan.statements if statement.database == "lnd_acme"]
    assert inside == [statement for statement in statements if "REASSIGN" in statement or "ALL TABLES" in statement]


def test_both_come_in_and_nobody_else() -> None:
    assert OWNED.access() == [
        f"hostssl lnd_acme {role} 192.0.2.14/32 scram-sha-256" for role in ("lnd_acme", "owner_lnd_acme")
    ]


def test_the_verifier_is_run_and_not_shown() -> None:
    plan = plan_database(DatabaseState(), WANTED)
    assert VERIFIER in plan.statements[0].text
    assert VERIFIER not in "".join(plan.shown)


def test_without_a_verifier_the_password_is_left_alone() -> None:
    assert not plan_database(THERE, replace(WANTED, verifier=None)).changed


@pytest.mark.parametrize(
    ("state", "name", "lines", "plan"),
    [
        (THERE, "00-server", ["local all postgres peer"], Plan()),
        (replace(THERE, stale=True), "00-server", ["local all postgres peer"], Plan(reload=True)),
        (THERE, "lnd_acme", [], Plan(hba=hba.render({"00-server": ["local all postgres peer"]}), reload=True)),
    ],
)
def test_access(state: DatabaseState, name: str, lines: list[str], plan: Plan) -> None:
    assert plan_hba(state, name, lines) == plan


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (replace(THERE, owner="lnd_globex"), "belongs to the role lnd_globex"),
        (replace(THERE, role=Role(VERIFIER, superuser=True)), "is a superuser"),
        (replace(OWNED_THERE, owner="owner_lnd_acme"), "belongs to the role owner_lnd_acme"),
    ],
)
def test_what_belongs_to_others_is_refused(state: DatabaseState, message: str) -> None:
    with pytest.raises(PostgresError, match=message):
        plan_database(state, WANTED)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": 'acme"; DROP DATABASE x'}, "no plain name"),
        ({"name": "Acme"}, "no plain name"),
        ({"name": "a" * 64}, "no plain name"),
        ({"verifier": "secret"}, "no SCRAM-SHA-256 verifier"),
        ({"verifier": VERIFIER + "'; DROP"}, "no SCRAM-SHA-256 verifier"),
        ({"addresses": ["nodes.example.org"]}, "addresses: .*nodes.example.org"),
        ({"addresses": ["192.0.2.14 trust"]}, "addresses: "),
        ({"addresses": ["fd00::1%x trust\nhost all all all trust\n#"]}, "addresses: "),
        ({"owner": WantedOwner('x"; DROP')}, "owner: .* no plain name"),
        ({"owner": WantedOwner("lnd_acme")}, "it is the role itself"),
        ({"owner": WantedOwner("other", "secret")}, "no SCRAM-SHA-256 verifier"),
    ],
)
def test_bad_input_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(PostgresError, match=message):
        WantedDatabase(**{"name": "lnd_acme", "verifier": VERIFIER, "connection_limit": 45, "addresses": [], **wrong})  # type: ignore[arg-type]
