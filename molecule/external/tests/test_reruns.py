# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook can be run again for a tenant that runs its own node; and the tenant by itself takes its node from the
hub and gives it back.
"""

from __future__ import annotations

import pytest
from hubs import client
from regtest import Regtest, until

BOTH = "provider+provider_shapes"
ADMIN = "lncli --network=regtest --lnddir=/var/lib/lnd/umbrella"


@pytest.mark.parametrize("playbook", ["provision_tenant", "onboard_tenant"])
def test_check_mode_predicts_nothing(regtest: Regtest, playbook: str) -> None:
    run = regtest.play(playbook, "--check", "--limit=umbrella", inventory=BOTH)
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


@pytest.mark.parametrize("playbook", ["site", "handover"])
def test_check_mode_of_the_tenant(regtest: Regtest, playbook: str) -> None:
    run = regtest.play(playbook, "--check", inventory="umbrella")
    assert run.status == 0, run.output
    assert run.changed == {"umbrella": 0}, run.output


def test_all_tenants_in_one_run(regtest: Regtest) -> None:
    """Tenants of every shape are on board, each by its own steps."""
    run = regtest.play("provision_tenant", inventory=BOTH)
    assert run.status == 0, run.output
    assert {host: run.changed[host] for host in ("acme", "globex", "umbrella")} == {
        "acme": 0,
        "globex": 0,
        "umbrella": 0,
    }
    run = regtest.play("onboard_tenant", "--limit=acme,umbrella", inventory=BOTH)
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_verify_changes_nothing(regtest: Regtest) -> None:
    run = regtest.play("verify", "--limit=umbrella,gateway", inventory=BOTH)
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_verify_pays_on_demand(regtest: Regtest) -> None:
    def payments(host: str) -> int:
        return len(regtest.lncli(host, "listpayments")["payments"])

    before = {host: payments(host) for host in ("umbrella", "own-node")}
    run = regtest.play("verify", "--limit=umbrella", "--extra-vars=tenant_pay=true", inventory=BOTH)
    assert run.status == 0, run.output
    assert {host: payments(host) for host in before} == {host: count + 1 for host, count in before.items()}


def health(regtest: Regtest) -> int:
    with client(regtest, "umbrella") as http:
        return http.get("/healthz").status_code


def test_the_tenant_takes_its_node_away_and_gives_it_back(regtest: Regtest) -> None:
    """The tenant deletes the root key, and later hands over a new bundle."""
    regtest.sh("umbrella", f"{ADMIN} deletemacaroonid 31")
    until("the hub without its node", lambda: health(regtest) == 503)
    run = regtest.play("verify", "--limit=umbrella", inventory=BOTH)
    assert run.status != 0
    assert "The tenant's node at umbrella:10009 fails at macaroon (macaroon_refused)" in run.text, run.output
    assert "The tenant has revoked the grant" in run.text

    run = regtest.play("handover", inventory="umbrella")
    assert run.status != 0
    assert "The grant 31 in /etc/handover/provider.macaroon was revoked on this node" in run.text
    regtest.sh("umbrella", "rm /etc/handover/provider.macaroon")
    run = regtest.play("handover", inventory="umbrella")
    assert run.status == 0, run.output
    run = regtest.play("onboard_tenant", "--limit=umbrella", inventory=BOTH)
    assert run.status == 0, run.output
    until("the hub with its node", lambda: health(regtest) == 200)
    assert len(regtest.lncli("umbrella", "listchannels")["channels"]) == 1
