# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant has node, hub, wall & wallet on its own machine: the provider runs only a gateway, and holds nothing else of
the tenant.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from bundles import opened, sealed
from hubs import Wallet, client
from regtest import PROVIDER, Regtest, until
from walls import visitor

BOTH = "provider+provider_shapes"


def report(regtest: Regtest) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((regtest.state / "provider/reports/hooli.json").read_text()))


def test_one_channel_from_the_gateway(regtest: Regtest) -> None:
    (mine,) = regtest.lncli("hooli", "listchannels")["channels"]
    assert [mine["channel_point"]] == report(regtest)["channels"]
    assert (mine["active"], mine["private"], mine["initiator"]) == (True, True, False)
    assert mine["remote_pubkey"] == regtest.lncli("gateway", "getinfo")["identity_pubkey"]


def test_its_customers_are_paid_and_pay(regtest: Regtest) -> None:
    """They use their own hub, on their own node, and pay and are paid beyond the gateway."""
    customer = Wallet(regtest, "hooli")
    regtest.sh(
        "world",
        "lncli --network=regtest --lnddir=/var/lib/lnd/world-node payinvoice --force --json"
        f" {customer.invoice(50_000)}",
    )
    until("the deposit", lambda: customer.msat == 50_000_000)
    invoice = regtest.lncli("world-node", "addinvoice", "--amt=10000")
    customer.pay(invoice["payment_request"])
    assert regtest.lncli("world-node", "lookupinvoice", invoice["r_hash"])["state"] == "SETTLED"
    assert 40_000_000 - 100_000 < customer.msat < 40_000_000


def test_the_hub_is_well(regtest: Regtest) -> None:
    with client(regtest, "hooli") as http:
        assert http.get("/healthz").json() == {"status": "ok", "database": "ok", "node": "ok", "signer": "ok"}


def test_an_article_of_its_wall_is_bought(regtest: Regtest) -> None:
    """A customer of the provider buys it through the gateway."""
    customer = Wallet(regtest, "own-node")
    regtest.sh(
        "world",
        f"lncli --network=regtest --lnddir=/var/lib/lnd/world-node payinvoice --force --json {customer.invoice(1_000)}",
    )
    until("the deposit", lambda: customer.msat == 1_000_000)
    with visitor(regtest, "hooli") as http:
        assert http.get("/healthz").json()["status"] == "ok"
        offer = http.get("/articles/watch-only")
        assert (offer.status_code, offer.json()["price_sat"]) == (402, 100)
        token = f"L402 {offer.json()['token']}"
        assert http.get("/articles/watch-only", headers={"Authorization": f"{token}:{'00' * 32}"}).status_code == 402
        bought = http.get(
            "/articles/watch-only", headers={"Authorization": f"{token}:{customer.pay(offer.json()['invoice'])}"}
        )
    assert bought.status_code == 200


@pytest.mark.parametrize("machine", PROVIDER)
def test_nothing_of_it_is_at_the_provider(regtest: Regtest, machine: str) -> None:
    """No user, no unit, no credential, no database."""
    found = regtest.sh(
        machine,
        "find /etc /var/lib/lnd /usr/lib/systemd -name '*hooli*' 2>/dev/null; getent passwd | grep hooli || true",
    )
    assert found == ""
    assert "hooli" not in regtest.sh("chain", "runuser --user=postgres -- psql -Atc 'SELECT datname FROM pg_database'")


def test_the_bundle_grants_nothing(regtest: Regtest) -> None:
    fields = {
        "schema",
        "version",
        "tenant",
        "network",
        "recipient",
        "kit_fingerprint",
        "node_id",
        "p2p_address",
        "lnd_version",
        "expires",
    }
    assert set(opened(regtest, "hooli")) == fields
    assert regtest.lncli("hooli", "listmacaroonids")["root_key_ids"] == ["0", "21"]


def test_another_node_is_refused(regtest: Regtest, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(
        sealed(
            regtest,
            "hooli",
            opened(regtest, "hooli") | {"node_id": regtest.lncli("own-node", "getinfo")["identity_pubkey"]},
        )
    )
    run = regtest.play("onboard_tenant", "--limit=hooli", f"--extra-vars=tenant_bundle={bundle}", inventory=BOTH)
    assert run.status != 0
    assert "that is another node. Nothing was changed" in run.text, run.output
    assert not any(run.changed.values())


def test_a_hub_at_the_provider_is_refused(regtest: Regtest, tmp_path: Path) -> None:
    (tmp_path / "hosts.json").write_text(json.dumps({"hubs": {"hosts": {"hooli": {}}}}))
    run = regtest.play("provision_tenant", "--limit=hooli", f"--inventory={tmp_path}/hosts.json", inventory=BOTH)
    assert run.status != 0
    assert "hooli is on_premises and in the group hubs" in run.text, run.output


@pytest.mark.parametrize("playbook", ["provision_tenant", "onboard_tenant"])
def test_check_mode_predicts_nothing(regtest: Regtest, playbook: str) -> None:
    run = regtest.play(playbook, "--check", "--limit=hooli", inventory=BOTH)
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_every_shape_in_one_run(regtest: Regtest) -> None:
    """The gateway looks at the channels of all of them at once."""
    run = regtest.play("onboard_tenant", inventory=BOTH)
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_verify_changes_nothing(regtest: Regtest) -> None:
    """The provider verifies all tenants, whatever their shape; the tenant verifies its own node."""
    for inventory in (BOTH, "hooli"):
        run = regtest.play("verify", inventory=inventory)
        assert run.status == 0, run.output
        assert not any(run.changed.values()), run.output


def active_channels(regtest: Regtest) -> t.Any:
    return regtest.lncli("gateway", "listchannels", "--active_only", f"--peer={report(regtest)['node_id']}")["channels"]


def test_a_channel_that_is_away_is_told(regtest: Regtest) -> None:
    regtest.sh("hooli", "systemctl stop lnd@hooli")
    try:
        until("the channel to go", lambda: not active_channels(regtest), timeout=60)
        run = regtest.play("verify", "--limit=hooli", inventory=BOTH)
        assert run.status != 0
        assert "gateway has no active channel of at least 1000000 sat to hooli" in run.text, run.output
    finally:
        regtest.sh("hooli", "systemctl start lnd@hooli")
        until("the channel to be back", lambda: active_channels(regtest), timeout=120)
