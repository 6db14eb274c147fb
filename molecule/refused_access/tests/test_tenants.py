# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant's node has nothing of another's."""

from __future__ import annotations

import pytest
from regtest import Regtest

CONNECT = """
import psycopg2, sys
try:
    psycopg2.connect(sys.argv[1], password=sys.stdin.read().strip().rpartition(":")[2], connect_timeout=5)
except psycopg2.OperationalError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("database", ["lnd_globex", "lnd_gateway", "postgres"])
def test_not_its_database(regtest: Regtest, database: str) -> None:
    dsn = f"postgresql://lnd_acme@chain:5432/{database}?sslmode=require"
    done = regtest.ssh("nodes", "/usr/bin/python3", "-c", CONNECT, dsn, data=regtest.unsealed("nodes", "lnd@acme", "pgpass"))
    assert "no pg_hba.conf entry" in done.stderr.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/run/credentials/lnd@globex.service/signer.macaroon",
        "/run/credentials/lnd@globex.service/pgpass",
        "/etc/credstore.encrypted/lnd@acme.signer.macaroon",
        "/etc/lnd/globex/lnd.conf",
        "/etc/lnd/globex/signer.crt",
        "/etc/lnd/acme/backup_key",
        "/var/lib/lnd/globex/data/chain/bitcoin/regtest/admin.macaroon",
        "/var/lib/lnd/globex/tls.key",
    ],
)
def test_not_its_files(regtest: Regtest, path: str) -> None:
    """Two nodes on one machine, each with a user of its own."""
    assert regtest.ssh("nodes", "test", "-e", path).returncode == 0
    assert b"Permission denied" in regtest.ssh("nodes", "runuser", "--user=lnd-acme", "--", "cat", path).stderr
