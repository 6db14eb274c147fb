# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An onboarding's payments are made once for a seed: not again for a renewed bundle, nor by another prover, nor from
another controller.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import typing as t
from functools import partial
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import envelope
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import proof
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind, Lnd, until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

pytestmark = pytest.mark.chain

# Steps of the playbook, as they stand there.
STEPS = ("The bundle", "Payments in and out", "The report")


class Provider:
    """Three nodes in a row, each with coins on both sides of its channels, and the provider's controller."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = bundles.make_keys(folder / "keys")
        self.bitcoind = Bitcoind()
        self.own1, self.tenant, self.own2 = (
            Lnd(folder / name, self.bitcoind, "--noseedbackup") for name in ("own1", "tenant", "own2")
        )
        self._kit = bundles.kit(age_recipient=self.keys.recipient)
        (folder / "kit.json").write_text(json.dumps(self._kit))
        plays = yaml.safe_load((COLLECTION / "playbooks/onboard_tenant.yml").read_text())
        (play,) = (play for play in plays if play["name"] == "Onboard")
        play["tasks"] = [task for task in play["tasks"] if task["name"] in STEPS]
        assert len(play["tasks"]) == len(STEPS)
        (folder / "play.yml").write_text(yaml.safe_dump([play]))
        groups = {
            name: {"hosts": {host: None}}
            for name, host in (("tenants", "acme"), ("gateways", "gateway"), ("own", "prover"))
        }
        common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "lnd_network": "regtest"}
        (folder / "hosts.json").write_text(json.dumps({"all": {"children": groups, "vars": common}}))

    def connect(self) -> None:
        """Start the nodes and open the channels."""
        nodes = (self.own1, self.tenant, self.own2)
        for node in nodes:
            node.start()
        for node in nodes:
            state = node.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
            assert state.get("state") == "SERVER_ACTIVE", state
        peer = self.tenant.module("lnd_info")["identity_pubkey"]
        channel = [{"peer": peer, "capacity": 1_000_000, "push_sat": 400_000}]
        for node in (self.own1, self.own2):
            self.bitcoind.pay(node.module("lnd_address")["address"], 1)
            node.module("lnd_balance_info", min_confirmed=100_000_000, wait_timeout=30)
            node.module("lnd_peer", pubkey=peer, host=self.tenant.host)
            node.module("lnd_channel", channels=channel)
        self.bitcoind.mine(6)
        for node in (self.own1, self.own2):
            opened = node.module("lnd_channel", channels=channel, wait=True, wait_timeout=60)
            assert not opened.get("failed"), opened

    def bundle(self, node: Lnd, root_key_id: int = 1) -> Path:
        """Return a bundle of that node's seed with one grant or another, made today."""
        names = ("purpose", "coin_type", "account")
        accounts = [
            {"xpub": one["extended_public_key"], **{name: one[name] for name in names}}
            for one in node.module("lnd_accounts_info")["accounts"]
        ]
        content = bundles.good(
            self._kit,
            expires=document.date_text(document.now() + datetime.timedelta(days=14)),
            accounts=accounts,
            node_id=node.module("lnd_info")["identity_pubkey"],
            macaroon=bundles.baked(root_key_id=root_key_id).encode().hex(),
        )
        path = self.folder / f"{envelope.digest(content)}.json"
        path.write_bytes(envelope.seal(content, self.keys.recipient, self.keys.signing_key_file))
        return path

    def onboard(
        self, bundle: Path, node: Lnd, prover: Lnd, controller: str = "first", **variables: t.Any
    ) -> dict[str, t.Any]:
        """Run the playbook's steps, and return the report that they write; a log with every detail shows no secret."""
        report = self.folder / f"{controller}.report.json"
        given = {
            "tenant_bundle": str(bundle),
            "tenant_kit": str(self.folder / "kit.json"),
            "tenant_report": str(report),
            "tenant_provider_identity": self.keys.identity,
            "tenant_provider_recipient": self.keys.recipient,
            "tenant_signing_key": self.keys.signing_key,
            "_tenant_predicted": {"results": []},
            "_tenant_opened": {"results": []},
            "tenant_provider_addresses": ["127.0.0.1"],
            "tenant_node": {
                "connection": node.connection,
                "network": "regtest",
                "shape": "watch_only",
                "name": "acme",
                "version": "0.21.3-beta",
            },
            "tenant_prover_node": {"connection": prover.connection},
            **variables,
        }
        command = [
            "ansible-playbook",
            "-vvv",
            "-i",
            str(self.folder / "hosts.json"),
            str(self.folder / "play.yml"),
            "-e",
            json.dumps(given),
        ]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-8000:]
        secrets = [Path(self.keys.identity).read_text().split()[-1], self.key(node)]
        assert [len(secret) for secret in secrets] == [74, 64]
        assert not [secret for secret in secrets if secret in said]
        return t.cast("dict[str, t.Any]", json.loads(report.read_text()))

    def key(self, node: Lnd) -> str:
        """Return the secret of the payments of a node."""
        named = {"tenant": "acme", "network": "regtest", "node_id": node.module("lnd_info")["identity_pubkey"]}
        return proof.key(self.keys.identity, self.keys.recipient, named)

    @staticmethod
    def made(node: Lnd) -> list[int]:
        """Return the amounts that the node has paid, in msat."""
        with Client(Connection(node.rpcserver, *node.credentials())) as client:
            payments = messages.plain(client.call("lnrpc.Lightning/ListPayments"))["payments"]
        return [int(one["value_msat"]) for one in payments if one["status"] == "SUCCEEDED"]

    def stop(self) -> None:
        """Stop all of it."""
        for node in (self.own1, self.tenant, self.own2):
            node.stop()
        self.bitcoind.stop()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Provider]:
    made = Provider(tmp_path_factory.mktemp("provider"))
    try:
        made.connect()
        yield made
    finally:
        made.stop()


def test_it_is_paid_once(provider: Provider) -> None:
    tenant, own1, own2 = provider.tenant, provider.own1, provider.own2
    first = provider.onboard(provider.bundle(tenant), tenant, own1)
    assert (provider.made(own1), provider.made(tenant), provider.made(own2)) == ([50_000_000], [10_000_000], [])
    renewed = provider.bundle(tenant, root_key_id=2)
    again = provider.onboard(renewed, tenant, own1)
    assert again["bundle_sha256"] == renewed.stem
    assert (provider.made(own1), provider.made(tenant)) == ([50_000_000], [10_000_000])
    other = provider.onboard(renewed, tenant, own2)
    elsewhere = provider.onboard(
        renewed, tenant, own2, "second", tenant_proof_in_sat=70_000, tenant_proof_out_sat=5_000
    )
    assert (provider.made(own1), provider.made(tenant), provider.made(own2)) == ([50_000_000], [10_000_000], [])
    names = ("payment_in", "payment_out")
    for now in (again, other):
        assert [now[name] for name in names] == [first[name] for name in names]
    # What the payment in has cost another prover is known to the controller of that day.
    paid = {**first["payment_in"], "fee_msat": None, "duration_ms": None}
    assert [elsewhere[name] for name in names] == [paid, first["payment_out"]]


def pays(node: Lnd, request: str) -> bool:
    """Return whether a node has paid an invoice."""
    return node.module("lnd_payment", payment_request=request).get("status") == "SUCCEEDED"


def test_a_node_that_has_forgotten_does_not_pay_again(provider: Provider) -> None:
    """The node has lost its database: both invoices are settled, and neither node knows of a payment of its own."""
    node, prover, key = provider.own1, provider.tenant, provider.key(provider.own1)
    asked = {}
    for label, payee, msat in (("in", node, 50_000_000), ("out", prover, 10_000_000)):
        asked[f"payment_{label}"] = payee.module(
            "lnd_invoice", value_msat=msat, preimage_from={"key": key, "label": label}
        )
        until("the payment", partial(pays, provider.own2, asked[f"payment_{label}"]["payment_request"]), 60)
    before = provider.made(node), provider.made(prover)
    proved = provider.onboard(provider.bundle(node), node, prover, "third")
    assert (provider.made(node), provider.made(prover)) == before
    for name, invoice in asked.items():
        figures = {
            "payment_hash": invoice["r_hash"],
            "value_msat": invoice["value_msat"],
            "fee_msat": None,
            "duration_ms": None,
        }
        assert proved[name] == figures


def test_another_seed_is_another_node(provider: Provider) -> None:
    """A controller has asked for that node's payment, and ended before it was paid."""
    derived = {"key": provider.key(provider.own2), "label": "in"}
    asked = provider.own2.module("lnd_invoice", value_msat=50_000_000, preimage_from=derived)
    proved = provider.onboard(provider.bundle(provider.own2), provider.own2, provider.tenant, "fourth")
    assert proved["payment_in"]["payment_hash"] == asked["r_hash"]
    assert (provider.made(provider.tenant), provider.made(provider.own2)[-1]) == ([10_000_000, 50_000_000], 10_000_000)
