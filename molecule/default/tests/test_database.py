# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's database can be used only by that node, by one process, and over TLS."""

from __future__ import annotations

import typing as t

import pytest
from regtest import Regtest, until

# A node's own lock is the program at hand that connects as the node does, so a connection is tried with psycopg2 as the
# lock uses it.
CONNECT = """
import psycopg2, sys
try:
    psycopg2.connect(sys.argv[1], password=sys.stdin.read().strip().rpartition(":")[2], connect_timeout=5)
except psycopg2.OperationalError as error:
    sys.exit(str(error))
"""

TWIN = """
useradd --system --home-dir=/var/lib/lnd/twin lnd-twin
cp -a /etc/lnd/gateway /etc/lnd/twin
cp -a /etc/systemd/system/lnd@gateway.service.d /etc/systemd/system/lnd@twin.service.d
chgrp -R lnd-twin /etc/lnd/twin
sed -i 's#/etc/lnd/gateway#/etc/lnd/twin#; s#credentials/lnd@gateway#credentials/lnd@twin#' /etc/lnd/twin/lnd.conf
for name in bitcoind-cookie pgpass wallet-password; do
  cp -a /etc/credstore.encrypted/lnd@gateway.$name /etc/credstore.encrypted/lnd@twin.$name
done
mkdir -p /run/systemd/system/lnd-lock@twin.service.d
printf '[Service]\nEnvironment=LND_LOCK_WAIT=1\n' > /run/systemd/system/lnd-lock@twin.service.d/test.conf
systemctl daemon-reload
"""

NO_TWIN = """
systemctl stop lnd@twin lnd-lock@twin
systemctl reset-failed 'lnd*@twin.service'
rm -rf /etc/lnd/twin /var/lib/lnd/twin
rm -rf /etc/systemd/system/lnd@twin.service.d /run/systemd/system/lnd-lock@twin.service.d
rm -f /etc/credstore.encrypted/lnd@twin.*
systemctl daemon-reload
userdel lnd-twin
"""


def connect(regtest: Regtest, machine: str, node: str, database: str, tls: str) -> str:
    """Return why a node's own role cannot connect to a database; empty if it can."""
    dsn = f"postgresql://lnd_{node.replace('-', '_')}@chain:5432/{database}?{tls}"
    done = regtest.ssh(
        machine, "/usr/bin/python3", "-c", CONNECT, dsn, data=regtest.unsealed(machine, f"lnd@{node}", "pgpass")
    )
    return done.stderr.decode()


def test_with_tls_and_the_pinned_certificate(regtest: Regtest) -> None:
    assert (
        connect(
            regtest,
            "gateway",
            "gateway",
            "lnd_gateway",
            "sslmode=verify-full&sslrootcert=/etc/lnd/gateway/postgres.crt",
        )
        == ""
    )


def test_never_without_tls(regtest: Regtest) -> None:
    assert "no encryption" in connect(regtest, "gateway", "gateway", "lnd_gateway", "sslmode=disable")


def test_never_to_another_nodes_database(regtest: Regtest) -> None:
    assert "no pg_hba.conf entry" in connect(regtest, "gateway", "gateway", "lnd_own_node", "sslmode=require")
    assert "no pg_hba.conf entry" in connect(regtest, "gateway", "gateway", "postgres", "sslmode=require")


def test_never_from_another_machine(regtest: Regtest) -> None:
    """Even with the right password."""
    dsn = "postgresql://lnd_gateway@chain:5432/lnd_gateway?sslmode=require"
    done = regtest.ssh(
        "own", "/usr/bin/python3", "-c", CONNECT, dsn, data=regtest.unsealed("gateway", "lnd@gateway", "pgpass")
    )
    assert "no pg_hba.conf entry" in done.stderr.decode()


def test_what_the_database_server_knows_is_no_password(regtest: Regtest) -> None:
    passwords = regtest.sh(
        "chain", "runuser --user=postgres -- psql -Atc \"SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'lnd_%'\""
    )
    assert passwords
    assert all(line.startswith("SCRAM-SHA-256$") for line in passwords.splitlines())


# Sessions of lnd that have ended a migration and were never used again.
KEPT = """runuser --user=postgres -- psql -Atc "SELECT datname, query FROM pg_stat_activity
  WHERE datname LIKE 'lnd_%' AND query ~ 'pg_advisory_unlock|schema_migrations'" """


def test_lnd_has_its_whole_pool(regtest: Regtest) -> None:
    """The process that made the schema would keep most of it for the migrations."""
    assert regtest.sh("chain", KEPT) == ""


@pytest.fixture
def twin(regtest: Regtest) -> t.Iterator[None]:
    """A second node on the gateway's machine that was set up, by mistake, on the gateway's database."""
    regtest.sh("gateway", TWIN)
    yield
    regtest.machine("gateway").run(NO_TWIN)


@pytest.mark.usefixtures("twin")
def test_a_second_lnd_on_a_database_does_not_start(regtest: Regtest) -> None:
    before = regtest.sh("gateway", "systemctl show --property=MainPID,NRestarts lnd@gateway lnd-lock@gateway")
    regtest.machine("gateway").run("systemctl start lnd@twin")
    until(
        "the lock to give up",
        lambda: "failed" in regtest.machine("gateway").run("systemctl is-failed lnd-lock@twin").stdout,
    )
    said = regtest.sh("gateway", "journalctl --no-pager --unit=lnd-lock@twin.service")
    assert "Another lnd works on the database lnd_gateway: its lock is held by lnd-lock on gateway" in said
    assert regtest.sh("gateway", "systemctl show --value --property=ExecMainStartTimestampMonotonic lnd@twin") == "0"
    assert regtest.sh("gateway", "systemctl show --property=MainPID,NRestarts lnd@gateway lnd-lock@gateway") == before


# The sessions that hold the lock of the gateway's database.
END_SESSION = """runuser --user=postgres -- psql -d lnd_gateway -Atc "SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity
  WHERE datname = 'lnd_gateway' AND application_name = 'lnd-lock on gateway'" """


def test_an_lnd_that_has_lost_its_lock_is_killed(regtest: Regtest) -> None:
    """It must not write another word, and comes back with a new lock."""

    def node(name: str) -> str:
        return regtest.sh("gateway", f"systemctl show --value --property={name} lnd@gateway.service")

    before, pid = node("InvocationID"), node("MainPID")
    assert regtest.sh("chain", END_SESSION).split() == ["t"]
    until("the node to be killed", lambda: not regtest.machine("gateway").file(f"/proc/{pid}").exists)
    until("the node to be back", lambda: node("InvocationID") != before and node("ActiveState") == "active", timeout=90)
    said = regtest.sh(
        "gateway",
        f"journalctl --no-pager _SYSTEMD_INVOCATION_ID={before} + UNIT=lnd@gateway.service INVOCATION_ID={before}",
    )
    assert "status=9/KILL" in said
    until("the node to serve", lambda: regtest.lncli("gateway", "state")["state"] == "SERVER_ACTIVE", timeout=90)
