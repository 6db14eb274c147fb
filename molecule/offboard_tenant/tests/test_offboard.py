# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant leaves: its payments end, its channels are closed to its own address, what its hub owes is written down, and
nothing of it starts again. The tests run in their order.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import typing as t
from pathlib import Path

import pytest
from hubs import Wallet
from regtest import NODES, ROOT, Regtest, Run, until

TENANT = "globex"
OPTIONS = (f"--limit={TENANT}", f"--extra-vars=confirm={TENANT}")
# Of an invoice whose preimage nobody knows.
HASH = secrets.token_hex(32)
UNITS = f"lnd@{TENANT}.service lndhub@{TENANT}.service wall-wallet@{TENANT}.service"
ROLES = "runuser --user=postgres -- psql -Atc 'SELECT rolname, rolcanlogin FROM pg_roles' | grep globex || true"


def offboard(regtest: Regtest, *options: str) -> Run:
    """Run the playbook as it is to be run, with further options."""
    return regtest.play("offboard_tenant", *OPTIONS, *options)


def killed_in(task: str) -> None:
    """Begin to off-board, and kill ansible-playbook in a task."""
    command = [
        "ansible-playbook",
        "--inventory=inventories/regtest/provider",
        *OPTIONS,
        "playbooks/offboard_tenant.yml",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        said = []
        for line in t.cast("t.IO[str]", run.stdout):
            said.append(line)
            if line.startswith("TASK") and task in line:
                os.killpg(run.pid, signal.SIGKILL)
                return
    raise AssertionError(f"{''.join(said)}\nnever came to: {task}")


@pytest.fixture(scope="module")
def folder(regtest: Regtest) -> Path:
    """The folder of what is handed over."""
    return regtest.state / f"provider/reports/offboarded/{TENANT}"


@pytest.fixture(scope="module")
def customer(regtest: Regtest) -> Wallet:
    """A user of the tenant's hub with 5,000 sat."""
    wallet = Wallet(regtest, TENANT)
    regtest.sh(
        "world",
        f"lncli --network=regtest --lnddir={NODES['world-node'].lnddir} payinvoice --force --json"
        f" {wallet.invoice(5_000)}",
    )
    until("the deposit", lambda: wallet.msat == 5_000_000)
    return wallet


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ((f"--limit={TENANT}", "--extra-vars=confirm=acme"), "ends its service for good. Nothing was changed"),
        ((*OPTIONS, f"--extra-vars=drop={TENANT}"), f"{TENANT} is not archived yet, so its databases are not dropped"),
        ((*OPTIONS, "--check"), f"Without --check {TENANT} would be off-boarded"),
    ],
)
def test_nothing_is_done_by_mistake(regtest: Regtest, options: tuple[str, ...], text: str) -> None:
    run = regtest.play("offboard_tenant", *options)
    assert text in run.text, run.output
    assert run.status == (0 if "--check" in options else 2)
    assert set(run.changed.values()) == {0}


def test_a_payment_under_way_keeps_the_tenant(regtest: Regtest, customer: Wallet) -> None:
    """It is named, and the hub is in service again."""
    held = regtest.lncli("world-node", "addholdinvoice", HASH, "1000")["payment_request"]
    node = NODES[TENANT]
    regtest.sh(
        "nodes",
        f"systemd-run --quiet --collect lncli --network=regtest --lnddir={node.lnddir}"
        f" --rpcserver=localhost:{node.port} payinvoice --force {held}",
    )
    until("the payee to hold it", lambda: regtest.lncli("world-node", "lookupinvoice", HASH)["state"] == "ACCEPTED")
    run = offboard(regtest, "--extra-vars=tenant_drain_timeout=5")
    assert run.status != 0
    assert f"{TENANT} was not off-boarded, and no channel was closed." in run.text, run.output
    assert f"out {HASH} of " in run.text, run.output
    assert all(one["active"] for one in regtest.lncli(TENANT, "listchannels")["channels"])
    assert customer.invoice(1)

    assert regtest.lncli("world-node", "cancelinvoice", HASH) == {}


def test_interrupted_it_goes_on(regtest: Regtest, customer: Wallet, folder: Path) -> None:
    channels = regtest.lncli(TENANT, "listchannels")["channels"]
    for task in (
        "The hub runs, and makes none",
        "The channels are closed cooperatively",
        "The units of the hub are masked",
    ):
        killed_in(task)
    run = offboard(regtest)
    assert run.status == 0, run.output
    assert f"The grant of {TENANT} is still alive" in run.text, run.output

    report = json.loads((folder / "report.json").read_text())
    assert (report["databases"], report["grant"], report["hub"]["pending_payments"]) == ("read-only", "alive", 0)
    assert {one["channel_point"] for one in report["closed_channels"]} == {one["channel_point"] for one in channels}
    assert {one["close_type"] for one in report["closed_channels"]} == {"COOPERATIVE_CLOSE"}
    assert sum(one["settled_balance"] for one in report["closed_channels"]) == sum(
        int(one["local_balance"]) for one in json.loads((folder / "channels.json").read_text())
    )
    accounts = {one["login"]: one for one in json.loads((folder / "balances.json").read_text())["accounts"]}
    assert accounts[customer.login]["available_msat"] == 5_000_000
    assert report["hub"]["owed_msat"] == sum(one["available_msat"] + one["reserved_msat"] for one in accounts.values())
    assert (folder / "channel.backup").stat().st_size > 100


def test_nothing_of_it_starts_again(regtest: Regtest) -> None:
    nodes = regtest.machine("nodes")
    assert set(nodes.run(f"systemctl is-enabled {UNITS}").stdout.split()) == {"masked"}
    assert "masked" in nodes.run(f"systemctl start lnd@{TENANT}").stderr
    assert nodes.run(f"systemctl start lnd-lock@{TENANT}").rc != 0
    assert {line.split("|")[1] for line in regtest.sh("chain", ROLES).split()} == {"f"}
    for playbook in ("provision_tenant", "onboard_tenant"):
        run = regtest.play(playbook, f"--limit={TENANT}")
        assert f"{TENANT} was off-boarded" in run.text, run.output
        assert set(run.changed.values()) == {0}


def test_the_grant_is_proven_dead_and_the_databases_dropped(regtest: Regtest, folder: Path) -> None:
    run = offboard(regtest)
    assert run.status == 0, run.output
    assert run.changed == {TENANT: 0}, run.output
    revoked = regtest.module(
        TENANT,
        f"signer-{TENANT}",
        "lnd_macaroon",
        lnddir="/var/lib/lnd/signer",
        network="regtest",
        state="absent",
        root_key_id=1,
        path="/etc/signer/provider.macaroon",
    )
    assert revoked.status == 0, revoked.output
    run = offboard(regtest)
    assert run.status == 0, run.output
    assert json.loads((folder / "report.json").read_text())["grant"] == "macaroon_refused"
    assert regtest.ssh("nodes", "test", "-e", f"/etc/credstore.encrypted/lnd@{TENANT}.signer.macaroon").returncode == 1
    assert offboard(regtest).changed == {TENANT: 0}

    drop = f"--extra-vars=drop={TENANT}"
    run = offboard(regtest, drop)
    assert run.status == 0, run.output
    assert regtest.sh("chain", ROLES).split() == []
    assert json.loads((folder / "report.json").read_text())["databases"] == "dropped"
    assert offboard(regtest, drop).changed == {TENANT: 0}
