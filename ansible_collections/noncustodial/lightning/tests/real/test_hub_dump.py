# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a ledger from a dump that somebody else has written executes nothing on the machine."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

pytestmark = pytest.mark.database

# A line that psql takes for a command of its own, and not for SQL.
COMMAND = r"\! touch /tmp/owned"
HEADER = "--\n-- PostgreSQL database dump\n--\n\n"
SERVICE = "[owner]\nhost=127.0.0.1\nport={port}\nuser={owner}\ndbname={database}\n"


class Machine:
    """The container of PostgreSQL in the place of a hub's machine, which has pg_restore too."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self.database, self.owner = postgres.create_owned()

    def run(self, script: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        inside = ["podman", "exec", "--interactive", self.postgres.name, "sh", "-euc", script]
        return subprocess.run(inside, input=data, check=False, capture_output=True)

    def restore(self, dump: bytes) -> subprocess.CompletedProcess[bytes]:
        """Run the role's program on a dump."""
        service = SERVICE.format(port=self.postgres.port, owner=self.owner, database=self.database)
        for path, content in (
            ("/tmp/pg_service.conf", service.encode()),  # noqa: S108
            ("/tmp/lndhub-restore", (COLLECTION / "roles/lndhub/files/lndhub-restore").read_bytes()),  # noqa: S108
            ("/tmp/restore.dump", dump),  # noqa: S108
        ):
            assert self.run(f"cat > {path}", content).returncode == 0
        environment = "CREDENTIALS_DIRECTORY=/tmp/given PGPASSFILE=/tmp/used PGSERVICEFILE=/tmp/pg_service.conf"
        return self.run(
            f"mkdir -p /tmp/given; : > /tmp/given/pgpass; {environment} sh /tmp/lndhub-restore /tmp/restore.dump"
        )

    def is_owned(self) -> bool:
        """Return whether the command was executed, and undo that."""
        return self.run("rm /tmp/owned").returncode == 0


def sql(postgres: Postgres, database: str, statement: str) -> str:
    done = postgres._psql(database, statement)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_line_for_psql_in_a_dump_is_not_executed(postgres: Postgres) -> None:
    """In a dump that is text, and in the name of a table, from which pg_restore would write such a line for psql."""
    machine = Machine(postgres)
    text = f"{HEADER}CREATE TABLE from_text ();\n{COMMAND}\n{'-- more' * 100}\n".encode()
    name = f'"named\n{COMMAND}\n"'
    hostile = postgres.create()
    sql(postgres, hostile, f"CREATE TABLE {name} (number int); INSERT INTO {name} VALUES (7)")  # noqa: S608

    # The positive control: psql does it, as the former program had it do.
    control = postgres.create()
    psql = f"psql --quiet --host=127.0.0.1 --port={postgres.port} --username=postgres --dbname={control} --file=-"
    assert machine.run(psql, text).returncode == 0
    assert machine.is_owned()

    refused = machine.restore(text)
    assert refused.returncode != 0
    assert b"text format dump" in refused.stderr, refused.stderr
    assert not machine.is_owned()

    done = machine.restore(postgres.dump(hostile))
    assert done.returncode == 0, done.stderr
    assert sql(postgres, machine.database, f"SELECT number FROM {name}") == "7"  # noqa: S608
    assert not machine.is_owned()
