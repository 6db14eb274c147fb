# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that the provider can and cannot make on a tenant's signer with its grant, tried from the node's machine
with our own client.
"""

from __future__ import annotations

import base64
import json
import typing as t

import pytest
from regtest import Regtest, until

SIGNER = "signer-acme:10009"
CERTIFICATE = "/etc/lnd/acme/signer.crt"
# The key by which a node is known (lnd: keychain.KeyFamilyNodeKey).
NODE_KEY = {"key_family": 6, "key_index": 0}


@pytest.fixture
def grant(regtest: Regtest) -> bytes:
    """acme's grant, as its node has it."""
    return regtest.unsealed("nodes", "lnd@acme", "signer.macaroon")


def bitcoin_cli(regtest: Regtest, *arguments: str) -> t.Any:
    """Return bitcoind's answer to somebody who is neither provider nor tenant."""
    text = regtest.ssh("chain", "bitcoin-cli", "-datadir=/var/lib/bitcoind", "-rpcwallet=miner", *arguments)
    if text.returncode:
        raise AssertionError(text.stderr.decode())
    answer = text.stdout.decode().strip()
    return json.loads(answer) if answer[:1] in ("{", "[", '"') else answer


DENIED: list[tuple[str, dict[str, t.Any]]] = [
    ("lnrpc.Lightning/SendCoins", {"addr": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "amount": 1000}),
    ("lnrpc.Lightning/BakeMacaroon", {"permissions": [{"entity": "onchain", "action": "write"}]}),
    ("lnrpc.Lightning/ListMacaroonIDs", {}),
    ("lnrpc.Lightning/DeleteMacaroonID", {"root_key_id": 1}),
    ("lnrpc.Lightning/WalletBalance", {}),
    ("lnrpc.Lightning/ChannelBalance", {}),
    ("lnrpc.Lightning/GetInfo", {}),
    ("lnrpc.Lightning/NewAddress", {}),
    ("lnrpc.Lightning/ConnectPeer", {}),
    ("lnrpc.Lightning/AddInvoice", {}),
    ("lnrpc.Lightning/ExportAllChannelBackups", {}),
    ("walletrpc.WalletKit/ListAccounts", {}),
    (
        "walletrpc.WalletKit/FundPsbt",
        {"raw": {"outputs": {"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": 1000}}, "sat_per_vbyte": 2},
    ),
    ("walletrpc.WalletKit/FinalizePsbt", {"funded_psbt": "hex:00"}),
    ("walletrpc.WalletKit/PublishTransaction", {"tx_hex": "hex:00"}),
]


@pytest.mark.parametrize(("method", "fields"), DENIED, ids=[method for method, _fields in DENIED])
def test_what_the_grant_cannot_do(regtest: Regtest, grant: bytes, method: str, fields: dict[str, t.Any]) -> None:
    answer = regtest.call("nodes", SIGNER, CERTIFICATE, grant, method, **fields)
    assert answer.get("error") == "Denied", answer
    assert "permission denied" in answer["text"]


def test_nothing_without_a_macaroon(regtest: Regtest) -> None:
    assert (
        regtest.call("nodes", SIGNER, CERTIFICATE, b"", "signrpc.Signer/SignMessage", msg="hex:00", key_loc=NODE_KEY)[
            "error"
        ]
        == "Denied"
    )


def test_what_the_grant_can_do(regtest: Regtest, grant: bytes) -> None:
    """It signs whatever it is given: here a payment of acme's coins to a stranger, which acme never asked for. Until a
    guard exists, this is so.
    """
    address = regtest.lncli("acme", "newaddress", "p2wkh")["address"]
    regtest.sh("chain", f"regtest-fund {address} 0.01")
    until("acme's coins", lambda: int(regtest.lncli("acme", "walletbalance")["confirmed_balance"]) >= 1_000_000)
    thief = bitcoin_cli(regtest, "getnewaddress")
    admin = regtest.ssh("nodes", "cat", "/var/lib/lnd/acme/data/chain/bitcoin/regtest/admin.macaroon").stdout
    funded = regtest.call(
        "nodes",
        "localhost:10010",
        "/var/lib/lnd/acme/tls.cert",
        admin,
        "walletrpc.WalletKit/FundPsbt",
        raw={"outputs": {thief: 700_000}},
        sat_per_vbyte=5,
    )
    unsigned = funded["answer"]["funded_psbt"]
    signed = regtest.call(
        "nodes", SIGNER, CERTIFICATE, grant, "walletrpc.WalletKit/SignPsbt", funded_psbt=f"hex:{unsigned}"
    )
    final = bitcoin_cli(
        regtest, "finalizepsbt", base64.b64encode(bytes.fromhex(signed["answer"]["signed_psbt"])).decode()
    )
    assert final["complete"]
    transaction = bitcoin_cli(regtest, "sendrawtransaction", final["hex"])
    until("the theft in a block", lambda: bitcoin_cli(regtest, "gettransaction", transaction)["confirmations"] > 0)
    assert bitcoin_cli(regtest, "getreceivedbyaddress", thief) == "0.00700000"


def test_one_tenants_grant_at_anothers_signer(regtest: Regtest, grant: bytes) -> None:
    answer = regtest.call(
        "nodes",
        "signer-globex:10009",
        "/etc/lnd/globex/signer.crt",
        grant,
        "signrpc.Signer/SignMessage",
        msg="hex:00",
        key_loc=NODE_KEY,
    )
    assert answer.get("error") == "Denied", answer
    assert "permission denied" not in answer["text"], (
        "it is not that it may not: it is not a macaroon of this signer at all"
    )


def test_a_revoked_grant_ends_at_once(regtest: Regtest) -> None:
    """The test uses a second grant like the provider's, under a root key of its own, so that globex stays on board."""
    grant = {
        "path": "/root/second.macaroon",
        "permissions": ["uri:/signrpc.Signer/SignMessage"],
        "root_key_id": 7,
        "lnddir": "/var/lib/lnd/signer",
        "network": "regtest",
    }

    def sign(macaroon: bytes) -> dict[str, t.Any]:
        endpoint = "signer-globex:10009"
        return regtest.call(
            "nodes",
            endpoint,
            "/etc/lnd/globex/signer.crt",
            macaroon,
            "signrpc.Signer/SignMessage",
            msg="hex:00",
            key_loc=NODE_KEY,
        )

    assert regtest.module("globex", "signer-globex", "lnd_macaroon", **grant).status == 0
    macaroon = regtest.ssh("signer-globex", "cat", "/root/second.macaroon").stdout
    assert "answer" in sign(macaroon)
    assert regtest.module("globex", "signer-globex", "lnd_macaroon", **grant, state="absent").status == 0
    assert sign(macaroon)["error"] == "Denied"
    # And the other one holds.
    assert "answer" in sign(regtest.unsealed("nodes", "lnd@globex", "signer.macaroon"))
