# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant that runs its own node is on board: payments arrive on both ends, and the provider's hub can do only what a
hub needs.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from hubs import Wallet, client
from regtest import Regtest, until

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant, macaroon

ENDPOINT, CERTIFICATE = "umbrella:10009", "/etc/lndhub/umbrella/node.crt"


def report(regtest: Regtest) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((regtest.state / "provider/reports/umbrella.json").read_text()))


def hubs_macaroon(regtest: Regtest) -> bytes:
    return regtest.unsealed("nodes", "lndhub@umbrella", "macaroon")


def succeeded(regtest: Regtest, host: str) -> dict[str, int]:
    """Return the payments of a node, by hash, in sat."""
    payments = regtest.lncli(host, "listpayments")["payments"]
    return {one["payment_hash"]: int(one["value_sat"]) for one in payments if one["status"] == "SUCCEEDED"}


def test_the_node_is_the_tenants(regtest: Regtest) -> None:
    """The keys are the node's own, and no lnd of it is at the provider."""
    accounts = regtest.lncli("umbrella", "wallet", "accounts", "list")["accounts"]
    assert not any(account["watch_only"] for account in accounts)
    assert regtest.lncli("umbrella", "getinfo")["identity_pubkey"] == report(regtest)["node_id"]
    assert regtest.sh("nodes", "ls /etc/lnd").split() == ["acme", "globex"]
    assert "umbrella" not in regtest.sh(
        "chain", "runuser --user=postgres -- psql -Atc 'SELECT datname FROM pg_database'"
    ).replace("hub_umbrella", "")


def test_one_channel_however_often_it_was_interrupted(regtest: Regtest) -> None:
    (mine,) = regtest.lncli("umbrella", "listchannels")["channels"]
    assert [mine["channel_point"]] == report(regtest)["channels"]
    assert (mine["active"], mine["private"], mine["initiator"]) == (True, True, False)
    assert regtest.lncli("umbrella", "pendingchannels")["pending_open_channels"] == []


def test_paid_in_and_out_once_each(regtest: Regtest) -> None:
    proved, world = report(regtest), json.loads((regtest.state / "provider/reports/world/umbrella.json").read_text())
    for other, costs in (("own-node", proved), ("world-node", world)):
        assert succeeded(regtest, other)[costs["payment_in"]["payment_hash"]] == 50_000
        assert succeeded(regtest, "umbrella")[costs["payment_out"]["payment_hash"]] == 10_000
    assert len(succeeded(regtest, "umbrella")) == 2


def test_the_hub_is_well(regtest: Regtest) -> None:
    """It shows no difference from any other hub."""
    with client(regtest, "umbrella") as http:
        answer = http.get("/healthz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "database": "ok", "node": "ok", "signer": "ok"},
    )
    assert regtest.sh("nodes", "lndhub-command umbrella check").splitlines() == [
        "database: ok",
        "node: ok",
        "receipts: ok",
        "signer: ok",
    ]


def test_its_customers_are_paid_and_pay(regtest: Regtest) -> None:
    """They are paid from the world and pay a customer of the provider, by the tenant's own node."""
    customer, provider = Wallet(regtest, "umbrella"), Wallet(regtest, "own-node")
    regtest.sh(
        "world",
        "lncli --network=regtest --lnddir=/var/lib/lnd/world-node payinvoice --force --json"
        f" {customer.invoice(20_000)}",
    )
    until("the deposit", lambda: customer.msat == 20_000_000)
    customer.pay(provider.invoice(3_000))
    until("the payment", lambda: provider.msat == 3_000_000)
    assert 20_000_000 - 3_000_000 - 100_000 < customer.msat < 17_000_000


def test_the_grant_is_just_what_a_hub_calls(regtest: Regtest) -> None:
    decoded = macaroon.decode(hubs_macaroon(regtest))
    assert decoded.permissions == frozenset(grant.HUB_PERMISSIONS)
    assert decoded.root_key_id == 31


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("lnrpc.Lightning/SendCoins", {"addr": "bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x", "amount": 1000}),
        ("lnrpc.Lightning/BakeMacaroon", {"permissions": [{"entity": "onchain", "action": "write"}]}),
        ("lnrpc.Lightning/CloseChannel", {}),
        ("lnrpc.Lightning/WalletBalance", {}),
        ("walletrpc.WalletKit/FinalizePsbt", {}),
        ("lnrpc.Lightning/ConnectPeer", {}),
    ],
)
def test_what_the_providers_hub_cannot_do(regtest: Regtest, method: str, fields: dict[str, t.Any]) -> None:
    answer = regtest.call("nodes", ENDPOINT, CERTIFICATE, hubs_macaroon(regtest), method, **fields)
    assert answer.get("error") == "Denied", answer


def test_the_grant_is_of_this_node_alone(regtest: Regtest) -> None:
    answer = regtest.call(
        "nodes", "localhost:10010", "/var/lib/lnd/acme/tls.cert", hubs_macaroon(regtest), "lnrpc.Lightning/GetInfo"
    )
    assert answer.get("error") == "Denied", answer


@pytest.mark.parametrize(
    "path",
    [
        "/run/credentials/lndhub@umbrella.service/macaroon",
        "/run/lndhub/umbrella/http",
        "/etc/lndhub/umbrella/config.json",
    ],
)
def test_not_for_another_hub(regtest: Regtest, path: str) -> None:
    assert regtest.denies("nodes", "hub-acme", path)
