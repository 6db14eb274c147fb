# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both tenants are on board, and the proving payments show on both ends."""

from __future__ import annotations

import json
import typing as t
from contextlib import contextmanager

import pytest
from regtest import NODES, Regtest, until

TENANTS = ["acme", "globex"]


def report(regtest: Regtest, tenant: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((regtest.state / f"provider/reports/{tenant}.json").read_text()))


def settled(regtest: Regtest, host: str, memo: str) -> list[dict[str, t.Any]]:
    """Return the paid invoices of a node with a memo."""
    invoices = regtest.lncli(host, "listinvoices", "--max_invoices=100")["invoices"]
    return [one for one in invoices if one["state"] == "SETTLED" and one["memo"] == memo]


def succeeded(regtest: Regtest, host: str) -> dict[str, int]:
    """Return the payments of a node, by hash, in sat."""
    payments = regtest.lncli(host, "listpayments")["payments"]
    return {one["payment_hash"]: int(one["value_sat"]) for one in payments if one["status"] == "SUCCEEDED"}


@pytest.mark.parametrize("tenant", TENANTS)
def test_runs_without_a_key(regtest: Regtest, tenant: str) -> None:
    node = NODES[tenant]
    assert regtest.machine("nodes").service(node.unit).is_running
    assert regtest.sh("nodes", f"ls /run/credentials/{node.unit}").split() == [
        "bitcoind-cookie",
        "pgpass",
        "signer.macaroon",
        "wallet-password",
    ]
    accounts = regtest.lncli(tenant, "wallet", "accounts", "list")["accounts"]
    assert len(accounts) >= 259
    assert all(account["watch_only"] for account in accounts)
    assert (
        regtest.lncli(tenant, "getinfo")["identity_pubkey"]
        == regtest.lncli(f"signer-{tenant}", "getinfo")["identity_pubkey"]
    )


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_slow_second_of_the_signer_does_not_stop_the_node(regtest: Regtest, tenant: str) -> None:
    """lnd's own settings are one attempt of one second; tests/real/test_signer_health.py shows what these do."""
    config = regtest.lncli(tenant, "getdebuginfo")["config"]
    found = {name: config[f"healthcheck.remotesigner.{name}"] for name in ("attempts", "timeout", "backoff")}
    assert found == {"attempts": "4", "timeout": "10s", "backoff": "15s"}


@pytest.mark.parametrize("tenant", TENANTS)
def test_one_channel_on_both_ends(regtest: Regtest, tenant: str) -> None:
    """However often the onboarding was interrupted."""
    (mine,) = regtest.lncli(tenant, "listchannels")["channels"]
    theirs = regtest.lncli("gateway", "listchannels", f"--peer={report(regtest, tenant)['node_id']}")["channels"]
    assert [one["channel_point"] for one in theirs] == [mine["channel_point"]] == report(regtest, tenant)["channels"]
    assert (mine["active"], mine["private"], mine["capacity"]) == (True, True, "1000000")
    assert regtest.lncli(tenant, "pendingchannels")["pending_open_channels"] == []


@pytest.mark.parametrize("tenant", TENANTS)
def test_paid_in_and_out_once_each(regtest: Regtest, tenant: str) -> None:
    """Money moved on both ends, and never twice for one purpose."""
    proved = report(regtest, tenant)
    world = json.loads((regtest.state / f"provider/reports/world/{tenant}.json").read_text())
    for other, costs in (("own-node", proved), ("world-node", world)):
        for payee, payer, way, amount in ((tenant, other, "in", 50000), (other, tenant, "out", 10000)):
            assert succeeded(regtest, payer)[costs[f"payment_{way}"]["payment_hash"]] == amount
            hashes = (
                [costs["payment_in"]["payment_hash"] for costs in (proved, world)]
                if way == "in"
                else [costs["payment_out"]["payment_hash"]]
            )
            invoices = settled(regtest, payee, f"{tenant}, payment {way}")
            assert sorted(one["r_hash"] for one in invoices) == sorted(hashes)
            assert {one["amt_paid_sat"] for one in invoices} == {str(amount)}


def test_a_tenant_stranger_pays_the_other(regtest: Regtest) -> None:
    """Beyond the proof: between two tenants, each with its own signer."""
    request = regtest.lncli("globex", "addinvoice", "--amt=1000", "--private")["payment_request"]
    regtest.sh(
        "nodes",
        "lncli --network=regtest --lnddir=/var/lib/lnd/acme --rpcserver=localhost:10010 payinvoice --force --json"
        f" {request}",
    )
    assert regtest.lncli("globex", "decodepayreq", request)["payment_hash"] in succeeded(regtest, "acme")


@pytest.mark.parametrize("tenant", TENANTS)
def test_the_backup_has_left_the_machine(regtest: Regtest, tenant: str) -> None:
    newest = f"ls -d /var/backups/lnd/{tenant}/channel-* | tail --lines=1 | xargs sha256sum"
    file = f"/var/lib/lnd/{tenant}/data/chain/bitcoin/regtest/channel.backup"

    def arrived() -> bool:
        return regtest.sh("chain", newest).split()[0] == regtest.sh("nodes", f"sha256sum {file}").split()[0]

    until("the newest backup on the backup machine", arrived)


@contextmanager
def lost_backup(regtest: Regtest) -> t.Iterator[None]:
    """Remove acme's newest backup, and wait until it is there again."""
    newest = regtest.sh("chain", "ls -d /var/backups/lnd/acme/channel-* | tail --lines=1").strip()
    digest = regtest.sh("chain", f"sha256sum < {newest}")
    regtest.sh("chain", f"rm {newest}")
    yield
    until(
        "the backup",
        lambda: digest in regtest.sh("chain", "for one in /var/backups/lnd/acme/channel-*; do sha256sum < $one; done"),
    )


def test_a_backup_from_before_the_watch_leaves_too(regtest: Regtest) -> None:
    """This happens after a boot, or when a node that has channels gets its backup machine."""

    with lost_backup(regtest):
        regtest.sh("nodes", "systemctl restart lnd-backup@acme.path")


def test_a_backup_that_the_watch_has_missed_leaves_within_minutes(regtest: Regtest) -> None:
    """The timer is not waited for; what it starts hands the backup over."""
    timer = regtest.sh("nodes", "systemctl show --property=ActiveState,TimersMonotonic lnd-backup@acme.timer")
    assert "ActiveState=active" in timer
    assert "OnUnitInactiveUSec=5min" in timer
    with lost_backup(regtest):
        regtest.sh("nodes", "systemctl start $(systemctl show --property=Unit --value lnd-backup@acme.timer)")


def backup_ssh(regtest: Regtest, *arguments: str, data: bytes = b"") -> t.Any:
    """Run a command as acme's node could with the key that hands its backups over."""
    config = ["ssh", "-F", "/etc/lnd/acme/backup_ssh", "-i", "/etc/lnd/acme/backup_key"]
    return regtest.ssh("nodes", *config, *arguments, data=data)


def test_the_backups_key_does_nothing_else(regtest: Regtest) -> None:
    before = regtest.sh("chain", "find /var/backups/lnd -type f | sort")
    for command in ("cat /etc/passwd", "sh", "rm -rf /var/backups/lnd/acme", "lnd-backup-receive globex"):
        done = backup_ssh(regtest, "backup", command)
        assert done.returncode != 0
        assert b"refused: a channel backup" in done.stderr
        assert done.stdout == b""
    assert regtest.sh("chain", "find /var/backups/lnd -type f | sort") == before
    assert b"prohibited" in backup_ssh(regtest, "-W", "127.0.0.1:5432", "backup").stderr


def test_the_backups_key_writes_only_its_own(regtest: Regtest) -> None:
    before = regtest.sh("chain", "ls /var/backups/lnd/globex")
    assert backup_ssh(regtest, "backup", "globex", data=b"not a backup").returncode == 0
    assert regtest.sh("chain", "grep -l 'not a backup' -r /var/backups/lnd").startswith("/var/backups/lnd/acme/")
    assert regtest.sh("chain", "ls /var/backups/lnd/globex") == before
    regtest.sh("chain", "grep -lr 'not a backup' /var/backups/lnd | xargs rm")
