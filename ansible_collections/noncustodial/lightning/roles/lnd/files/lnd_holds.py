# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lnd-holds LND_CONF: report what lnd's database holds: a wallet, and channels, closed ones included; each is a line.

It asks as the role of the node. What is in the database belongs to that role, which can put code of its own where a
query meets it; run by an administrator of PostgreSQL, that code could do everything.
"""

from __future__ import annotations

import os
import re
import sys

import psycopg2

# A wallet is in a table of its own, and an lnd that waits for one has it empty; a new database has no tables.
WALLET_SQL = "SELECT FROM walletdb_kv LIMIT 1"
CHANNELS_SQL = """SELECT FROM channeldb_kv bucket JOIN channeldb_kv entry ON entry.parent_id = bucket.id
  WHERE bucket.parent_id IS NULL AND bucket.key IN ('open-chan-bucket', 'closed-chan-bucket') LIMIT 1"""
LOOKS = {"wallet": ("walletdb_kv", WALLET_SQL), "channels": ("channeldb_kv", CHANNELS_SQL)}


def main() -> None:
    """Look, and report."""
    with open(sys.argv[1], encoding="utf-8") as file:
        dsn = re.findall(r"^\s*db\.postgres\.dsn\s*=\s*(\S+)\s*$", file.read(), re.MULTILINE)[-1]
    # libpq refuses a file of passwords that its group can read, as the group can read this credential.
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "pgpass"), encoding="ascii") as line:
        password = line.read().strip().rpartition(":")[2]
    try:
        session = psycopg2.connect(
            dsn,
            password=password,
            connect_timeout=20,
            # A lock that the node's role holds is not waited for.
            options="-c statement_timeout=20s",
            # An lnd-lock that starts ends all others of the node's sessions.
            application_name="lnd-lock on behalf of lnd-holds",
        )
    except psycopg2.OperationalError as error:
        sys.exit(
            f"The database does not let us in: {str(error).strip()}. Look whether it runs; if it does, run"
            " provision_tenant.yml again, which sets its password, its certificate and its access anew."
        )
    with session, session.cursor() as cursor:
        for what, (table, look) in LOOKS.items():
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (table,))
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(look)
            if cursor.rowcount:
                print(what)


main()
