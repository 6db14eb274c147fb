# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers of one hub pay those of another over Lightning, one tenant's hub has nothing of another's, and the ledger's
backups leave the machine.
"""

from __future__ import annotations

import ssl

import pytest
from hubs import BROUGHT, HUBS, Wallet, client
from regtest import Regtest, until

CONNECT = """
import psycopg2, sys
try:
    psycopg2.connect(sys.argv[1], password=sys.stdin.read().strip().rpartition(":")[2], connect_timeout=5)
except psycopg2.OperationalError as error:
    sys.exit(str(error))
"""


def fee_msat(regtest: Regtest, host: str, request: str) -> int:
    """Return the fee of a node's payment of a request, according to lnd's own record."""
    payments = regtest.lncli(host, "listpayments")["payments"]
    (made,) = [one for one in payments if one["payment_request"] == request and one["status"] == "SUCCEEDED"]
    return int(made["fee_msat"])


@pytest.mark.parametrize("host", HUBS)
def test_every_hub_is_well(regtest: Regtest, host: str) -> None:
    """A watch-only node's hub shows no difference from the own node's."""
    with client(regtest, host) as http:
        answer = http.get("/healthz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "database": "ok", "node": "ok", "signer": "ok"},
    )


def test_a_certificate_that_was_brought(regtest: Regtest) -> None:
    """Wallets that trust the authority need no more; the key is in nobody's hands but the proxy's."""
    served = ssl.get_server_certificate((regtest.address("nodes"), HUBS[BROUGHT].port))
    assert served.strip() == (regtest.state / f"provider/certificates/{BROUGHT}.crt").read_text().strip()
    assert regtest.sh("nodes", f"stat -c '%a %U' /etc/lndhub/{BROUGHT}/tls.key").strip() == "600 root"


def test_a_command_has_the_hubs_credentials(regtest: Regtest) -> None:
    parts = ("database", "node", "receipts", "signer")
    assert regtest.sh("nodes", "lndhub-command acme check").splitlines() == [f"{part}: ok" for part in parts]


def test_customers_of_two_hubs_pay_each_other(regtest: Regtest) -> None:
    """Through the gateway, and back. The first coins come from the gateway's node."""
    provider, acme = Wallet(regtest, "own-node"), Wallet(regtest, "acme")
    regtest.sh(
        "gateway",
        f"lncli --network=regtest --lnddir=/var/lib/lnd/gateway payinvoice --force --json {provider.invoice(20_000)}",
    )
    until("the deposit", lambda: provider.msat == 20_000_000)

    there = acme.invoice(8_000)
    provider.pay(there)
    until("the payment", lambda: acme.msat == 8_000_000)
    left = 12_000_000 - fee_msat(regtest, "own-node", there)
    assert provider.msat == left

    back = provider.invoice(3_000)
    acme.pay(back)
    until("the payment back", lambda: provider.msat == left + 3_000_000)
    assert acme.msat == 5_000_000 - fee_msat(regtest, "acme", back)


@pytest.mark.parametrize("database", ["hub_globex", "hub_own_node", "lnd_acme", "postgres"])
def test_not_another_database(regtest: Regtest, database: str) -> None:
    dsn = f"postgresql://hub_acme@chain:5432/{database}?sslmode=require"
    done = regtest.ssh(
        "nodes", "/usr/bin/python3", "-c", CONNECT, dsn, data=regtest.unsealed("nodes", "lndhub@acme", "pgpass")
    )
    assert "no pg_hba.conf entry" in done.stderr.decode()


def test_its_database_by_tls_alone(regtest: Regtest) -> None:
    password = regtest.unsealed("nodes", "lndhub@acme", "pgpass")
    for tls, problem in (
        ("sslmode=verify-full&sslrootcert=/etc/lndhub/acme/postgres.crt", ""),
        ("sslmode=disable", "no encryption"),
    ):
        done = regtest.ssh(
            "nodes",
            "/usr/bin/python3",
            "-c",
            CONNECT,
            f"postgresql://hub_acme@chain:5432/hub_acme?{tls}",
            data=password,
        )
        assert problem in done.stderr.decode()
        assert bool(done.returncode) is bool(problem), done.stderr


@pytest.mark.parametrize(
    "path",
    [
        "/run/credentials/lndhub@globex.service/macaroon",
        "/run/credentials/lndhub@globex.service/pgpass",
        "/run/credentials/lnd@acme.service/signer.macaroon",
        "/run/lndhub/globex/http",
        "/etc/credstore.encrypted/lndhub@acme.macaroon",
        "/etc/credstore.encrypted/lndhub-migrate@acme.pgpass",
        "/etc/lndhub/globex/config.json",
        "/etc/lndhub/acme/tls.key",
        "/etc/lndhub/acme/backup_key",
        "/var/lib/lnd/acme/data/chain/bitcoin/regtest/admin.macaroon",
    ],
)
def test_not_what_is_anothers(regtest: Regtest, path: str) -> None:
    """Two hubs and their nodes on one machine, each with a user of its own."""
    assert regtest.denies("nodes", "hub-acme", path)


def test_not_another_hubs_socket(regtest: Regtest) -> None:
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    for user, hub, refused in (
        ("hub-acme", "globex", True),
        ("lnd-acme", "acme", True),
        ("hub-acme", "acme", False),
        ("www-data", "acme", False),
    ):
        done = regtest.ssh(
            "nodes", "runuser", f"--user={user}", "--", "/usr/bin/python3", "-c", connect, f"/run/lndhub/{hub}/http"
        )
        assert bool(done.returncode) is refused, done.stderr
        assert (b"PermissionError" in done.stderr) is refused


def test_a_tenants_hub_cannot_spend_its_coins(regtest: Regtest) -> None:
    macaroon = regtest.unsealed("nodes", "lndhub@acme", "macaroon")
    for method in ("lnrpc.Lightning/SendCoins", "walletrpc.WalletKit/FinalizePsbt", "lnrpc.Lightning/CloseChannel"):
        assert (
            regtest.call("nodes", "localhost:10010", "/var/lib/lnd/acme/tls.cert", macaroon, method).get("error")
            == "Denied"
        )
    # Nor is it good for another node.
    answer = regtest.call(
        "nodes", "localhost:10011", "/var/lib/lnd/globex/tls.cert", macaroon, "lnrpc.Lightning/GetInfo"
    )
    assert answer.get("error") == "Denied", answer


def dumps(regtest: Regtest, host: str) -> list[str]:
    """Return the dumps of a ledger on the backup machine."""
    return regtest.sh("chain", f"ls -d /var/backups/lndhub/{host}/ledger-*.dump 2>/dev/null || true").split()


def test_the_ledger_leaves_the_machine(regtest: Regtest) -> None:
    before = dumps(regtest, "acme")
    assert regtest.machine("nodes").service("lndhub-backup@acme.timer").is_running
    regtest.sh("nodes", "systemctl start lndhub-backup@acme.service")
    (new,) = set(dumps(regtest, "acme")) - set(before)
    assert "TABLE DATA public entries owner_hub_acme" in regtest.sh("chain", f"pg_restore --list {new}")
    assert regtest.sh("nodes", "ls -A /var/cache/lndhub/acme") == ""


def test_the_backups_key_does_nothing_else(regtest: Regtest) -> None:
    config = ["ssh", "-F", "/etc/lndhub/acme/backup_ssh", "-i", "/etc/lndhub/acme/backup_key"]
    before = regtest.sh("chain", "find /var/backups -type f | sort")
    done = regtest.ssh("nodes", *config, "backup", "cat /etc/passwd")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"refused: a ledger backup has between 1 byte and 4096 MiB" in done.stderr
    assert b"prohibited" in regtest.ssh("nodes", *config, "-W", "127.0.0.1:5432", "backup").stderr
    assert regtest.sh("chain", "find /var/backups -type f | sort") == before


@pytest.mark.parametrize(
    "options", [["--extra-vars=confirm=acme"], ["--limit=acme"], ["--limit=acme", "--extra-vars=confirm=globex"]]
)
def test_no_ledger_is_replaced_by_accident(regtest: Regtest, options: list[str]) -> None:
    state = "systemctl show --property=MainPID,UnitFileState lndhub@acme.service"
    databases = "runuser --user=postgres -- psql -Atc 'SELECT datname FROM pg_database ORDER BY 1'"
    before = regtest.sh("nodes", state), regtest.sh("chain", databases)
    run = regtest.play("restore_hub", *options)
    assert run.status != 0
    assert (
        "-e confirm=acme" if "--limit=acme" in options else "of name-the-hub-by-limit this run has no host"
    ) in run.text, run.output
    assert (regtest.sh("nodes", state), regtest.sh("chain", databases)) == before
