# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant's node has nothing of another's."""

from __future__ import annotations

import pytest
from regtest import NODES, Regtest, Run

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
    done = regtest.ssh(
        "nodes", "/usr/bin/python3", "-c", CONNECT, dsn, data=regtest.unsealed("nodes", "lnd@acme", "pgpass")
    )
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
    assert regtest.denies("nodes", "lnd-acme", path)


ADMIN = "data/chain/bitcoin/regtest/admin.macaroon"


def looked_at(regtest: Regtest) -> Run:
    """Read acme's node as root with a module, as the playbooks do."""
    acme = NODES["acme"]
    return regtest.module(
        "provider", "acme", "lnd_info", rpcserver=f"localhost:{acme.port}", lnddir=acme.lnddir, network="regtest"
    )


@pytest.mark.parametrize(
    ("file", "planted", "refused"),
    [
        (ADMIN, f"ln -s /var/lib/lnd/globex/{ADMIN} {ADMIN}", "link"),
        (ADMIN, f"mkfifo {ADMIN}", "regular file"),
        ("tls.cert", "ln -s /etc/shadow tls.cert", "link"),
    ],
)
def test_root_reads_no_others_file_for_it(regtest: Regtest, file: str, planted: str, refused: str) -> None:
    """An intruder in acme's node makes root send it the content of these paths. A module that follows a link sends
    another's admin macaroon there.
    """
    as_acme = ("runuser", "--user=lnd-acme", "--", "sh", "-ec")
    done = regtest.ssh("nodes", *as_acme, f"cd /var/lib/lnd/acme; mv {file} kept; {planted}")
    assert done.returncode == 0, done.stderr
    try:
        run = looked_at(regtest)
    finally:
        assert regtest.ssh("nodes", *as_acme, f"cd /var/lib/lnd/acme; rm {file}; mv kept {file}").returncode == 0
    assert run.status != 0
    assert f"/var/lib/lnd/acme/{file}" in run.text, run.output
    assert refused in run.text, run.output
    assert looked_at(regtest).status == 0
