# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger is restored from its backup, and amounts that were paid since then cannot be spent twice."""

from __future__ import annotations

from hubs import Wallet
from regtest import Regtest, until

DATABASES = "runuser --user=postgres -- psql -Atc 'SELECT datname FROM pg_database'"


def test_a_restored_ledger_knows_what_was_paid_since(regtest: Regtest) -> None:
    provider, acme = Wallet(regtest, "own-node"), Wallet(regtest, "acme")
    regtest.sh(
        "gateway",
        f"lncli --network=regtest --lnddir=/var/lib/lnd/gateway payinvoice --force --json {acme.invoice(5_000)}",
    )
    until("the deposit", lambda: acme.msat == 5_000_000)
    regtest.sh("nodes", "systemctl start lndhub-backup@acme.service")

    acme.pay(provider.invoice(2_000))
    regtest.sh(
        "gateway",
        f"lncli --network=regtest --lnddir=/var/lib/lnd/gateway payinvoice --force --json {acme.invoice(700)}",
    )
    until("the second deposit", lambda: acme.msat > 3_000_000)
    before = acme.msat
    databases = set(regtest.sh("chain", DATABASES).split())

    run = regtest.play("restore_hub", "--limit=acme", "--extra-vars=confirm=acme")
    assert run.status == 0, run.output
    assert "recovered 1 invoices, 1 deposits, 1 payments; new unexplained: 0" in run.text, run.output
    assert acme.msat == before
    # The one that was there is beside it, and no copy of the dump is.
    (aside,) = set(regtest.sh("chain", DATABASES).split()) - databases
    assert aside.startswith("hub_acme_replaced_")
    assert regtest.sh("nodes", "ls -A /var/lib/lndhub/acme /var/cache/lndhub/acme | grep dump || true") == ""
    assert regtest.sh("nodes", "systemctl is-enabled lndhub@acme.service lndhub-backup@acme.timer").split() == [
        "enabled",
        "enabled",
    ]


def test_a_dump_that_is_none_leaves_the_hub_stopped(regtest: Regtest) -> None:
    """It reports the reason, and goes on with another one."""
    regtest.sh("nodes", "systemctl start lndhub-backup@globex.service")
    regtest.sh(
        "chain",
        "head --bytes=3000 $(ls -d /var/backups/lndhub/globex/* | tail --lines=1) > /var/backups/lndhub/cut.dump",
    )
    cut = "--extra-vars=lndhub_restore_dump=/var/backups/lndhub/cut.dump"
    run = regtest.play("restore_hub", "--limit=globex", "--extra-vars=confirm=globex", cut)
    assert run.status != 0
    assert "The hub stays stopped. Correct the cause and run again" in run.text, run.output
    assert "pg_restore: error" in run.text, run.output
    state = (
        regtest.machine("nodes")
        .run("systemctl is-active lndhub@globex.service; systemctl is-enabled lndhub@globex.service")
        .stdout
    )
    assert state.split() == ["inactive", "disabled"]

    # Whoever receives backups can have put a link in the place of one. Root would bring what it leads to.
    link = "/var/backups/lndhub/globex/ledger-29990101T000000.000000000Z.dump"
    regtest.sh("chain", f"runuser --user=lnd-backup -- ln -s /etc/shadow {link}")
    run = regtest.play(
        "restore_hub", "--limit=globex", "--extra-vars=confirm=globex", f"--extra-vars=lndhub_restore_dump={link}"
    )
    assert run.status != 0
    assert f"failed to open '{link}': Too many levels of symbolic links" in run.text, run.output
    assert regtest.sh("chain", "find /var/backups -name 'restore-*'") == ""

    # It is not the newest either.
    run = regtest.play("restore_hub", "--limit=globex", "--extra-vars=confirm=globex")
    assert run.status == 0, run.output
    assert regtest.machine("nodes").service("lndhub@globex.service").is_running
