# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A grant is renewed while payments run: the playbook grant, as a tenant runs it, against a real signer, and a real
node with channels that takes the new bundle up.

The tests build on each other, in this order.
"""

from __future__ import annotations

import datetime
import json
import threading
import time
import typing as t

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import envelope, kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.bundle import Terms
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document, endpoint
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError, Denied
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant, macaroon
from ansible_collections.noncustodial.lightning.tests.support import bundles, plays
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, run_module, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

pytestmark = pytest.mark.chain

TLS_FILES = ("tls.cert", "tls.key")
# Until lnd serves again, a payment waits here.
AWAY_SECONDS = 60


class Tenant(WatchOnlyPair):
    """A pair whose signer's grant is made by the role, with both desks."""

    def connect(self) -> None:
        """Make the desks' files, and start all of it."""
        self.keys = bundles.make_keys(self.folder / "keys")
        self.etc = self.folder / "etc"
        self.etc.mkdir()
        (self.etc / "birthday").write_text("1795371189\n")
        self.kit = self.folder / "kit.json"
        self.kit.write_text(
            json.dumps(bundles.kit(age_recipient=self.keys.recipient, provider_addresses=["127.0.0.1"]))
        )
        self.bundle = self.folder / "bundle.json"
        super().connect()
        self.own = Client(Connection(self.inner.rpcserver, *self.inner.credentials()))

    def watch_only(self, name: str, *options: str) -> Lnd:
        """Return a node that asks the signer, with the signer's certificate in a file of its own."""
        self.pinned = self.folder / "signer.crt"
        return super().watch_only(name, *options, f"--remotesigner.tlscertpath={self.pinned}")

    def start_signer(self) -> None:
        """Start the signer, and pin two certificates: its own, and after it one that another lnd has made, with the
        same subject.
        """
        super().start_signer()
        other = Lnd(self.folder / "other", None)
        other.start()
        paths = [other.directory / name for name in TLS_FILES]
        until("a certificate", lambda: all(path.exists() and b"-----END" in path.read_bytes() for path in paths))
        other.stop()
        self.following = {path.name: path.read_bytes() for path in paths}
        self.pinned.write_bytes(self.signer.credentials()[0] + self.following["tls.cert"])

    def play(self, playbook: str, **variables: t.Any) -> plays.Played:
        """Run the tasks of a tenant's playbook that concern the grant."""
        steps = yaml.safe_load((COLLECTION / f"playbooks/{playbook}.yml").read_text())[-1]["tasks"]
        wanted = {"grant": ("The kit", "Grant"), "signer": ("The kit", "Signer")}[playbook]
        tasks = [task for task in steps if task["name"] in wanted]
        assert [task["name"] for task in tasks] == list(wanted)
        given = {
            "signer_self": {"config": str(self.etc), "connection": self.signer.connection, **self.signer.connection},
            "signer_dir": str(self.etc),
            "signer_kit": str(self.kit),
            "signer_kit_fingerprint": kit.fingerprint(kit.read(str(self.kit))),
            "signer_signing_key": self.keys.signing_key_file,
            "signer_bundle_dest": str(self.bundle),
            "signer_address": "localhost",
            "signer_port": endpoint.parse(self.signer.rpcserver).port,
            "lnd_network": "regtest",
            "lnd_version": "0.21.3-beta",
            **variables,
        }
        path = self.folder / "variables.json"
        path.write_text(json.dumps(given))
        return plays.play(self.folder, tasks, {"signer": {}}, f"-e@{path}")

    def opened(self) -> dict[str, t.Any]:
        """Return the bundle as the provider opens it."""
        provider = envelope.Provider(self.keys.identity, self.keys.signing_key)
        return envelope.open_file(str(self.bundle), provider, Terms(kit.read(str(self.kit)), document.now()))

    def receipt(self) -> str:
        """Return the receipt that the provider gets of the bundle."""
        found = run_module(
            "lnd_bundle_info",
            path=str(self.bundle),
            kit_file=str(self.kit),
            identity_file=self.keys.identity,
            signing_key=self.keys.signing_key,
        )
        assert not found.get("failed"), found["msg"]
        return str(found["receipt"])

    def take_up(self) -> None:
        """Give the node the grant of the bundle, as the onboarding does: lnd reads it at its start."""
        self._macaroon.write_bytes(bytes.fromhex(self.opened()["macaroon"]))
        self.inner.stop()
        self.inner.start()
        self.open_inner()

    def root_keys(self) -> set[int]:
        """Return the root keys that the signer has, without lnd's own."""
        with Client(Connection(self.signer.rpcserver, *self.signer.credentials())) as admin:
            return set(admin.call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids) - {0}

    def signs(self, token: bytes) -> bool:
        """Return whether the signer signs for whoever has a macaroon."""
        location = {"key_family": 6, "key_index": 0}
        with Client(Connection(self.signer.rpcserver, self.signer.credentials()[0], token)) as holder:
            try:
                holder.call("signrpc.Signer/SignMessage", msg=b"lives", key_loc=location)
            except Denied:
                return False
        return True

    def stop(self) -> None:
        """Stop all of it."""
        self.own.close()
        super().stop()


def answered(client: Client, call: str, **fields: t.Any) -> t.Any:
    """Return the answer to a call; nothing if it fails."""
    try:
        return client.call(call, **fields)
    except CallError:
        return None


class Payments:
    """Payments of the node, one after the other."""

    def __init__(self, pair: Tenant) -> None:
        self._pair = pair
        self._over = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self.ends: list[str] = []
        self.hashes: list[bytes] = []
        self.wrong: list[BaseException] = []

    def __enter__(self) -> Payments:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join()

    def held(self) -> threading.Lock:
        """Return what holds payments back, from the end of the one that is under way."""
        return self._turn

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                with self._turn:
                    self.ends.append(self._paid())
                # Whoever waits has its turn.
                time.sleep(0.01)
        except BaseException as error:
            self.wrong.append(error)

    def _paid(self) -> str:
        assert self._pair.client is not None
        invoice = self._pair.client.call("lnrpc.Lightning/AddInvoice", value_msat=1_000, private=True)
        self.hashes.append(bytes(invoice.r_hash))
        fields = {"payment_request": invoice.payment_request, "fee_limit_msat": 1_000, "timeout_seconds": 20}
        *_earlier, last = self._pair.own.stream("routerrpc.Router/SendPaymentV2", no_inflight_updates=True, **fields)
        return str(messages.plain(last)["status"])

    def reached(self, count: int) -> None:
        """Wait until so many more payments are made."""
        wanted = len(self.ends) + count
        until(f"{count} payments", lambda: self.wrong or len(self.ends) >= wanted, timeout=AWAY_SECONDS)
        assert not self.wrong, self.wrong


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Tenant]:
    made = Tenant(tmp_path_factory.mktemp("renewal"))
    try:
        made.connect()
        yield made
    finally:
        made.stop()


def test_what_is_out_is_listed(pair: Tenant) -> None:
    """Before the role has granted, with a root key of which nothing is known."""
    played = pair.play("grant")
    assert not played.failed, played.output
    assert "Nothing is granted on signer yet." in played.text
    assert "What was granted under root key 1 is valid too, until that is deleted." in played.text
    assert "changed=0" in played.text
    # The pair's own grant, of before the role.
    pair.signer.module("lnd_macaroon", state="absent", root_key_id=1)
    played = pair.play("signer")
    assert not played.failed, played.output
    pair.take_up()
    assert pair.root_keys() == {1}


def test_a_renewal_loses_no_payment(pair: Tenant) -> None:
    """The earlier grant stays until the provider has shown the receipt of the new one, and is then worthless."""
    old = (pair.etc / "provider.macaroon").read_bytes()
    earlier = pair.receipt()
    with Payments(pair) as payments:
        payments.reached(5)
        played = pair.play("grant", signer_grant="renew")
        assert not played.failed, played.output
        assert "The grant 1 of signer is for the provider of acme" in played.text
        assert "from every address, without an end" in played.text
        new = (pair.etc / "provider.macaroon").read_bytes()
        assert pair.root_keys() == {1, 2}
        assert (pair.signs(old), pair.signs(new)) == (True, True)
        # With the receipt of the earlier one nothing is ended.
        refused = pair.play("grant", signer_grant="end", signer_grant_receipt=earlier)
        assert refused.failed == {"signer"}
        assert "so your provider's node may still need the earlier one" in refused.text
        assert pair.root_keys() == {1, 2}
        payments.reached(2)
        # One that is in flight when lnd stops can stay so for ever.
        with payments.held():
            pair.take_up()
            pair.await_channels()
        payments.reached(5)
        played = pair.play("grant", signer_grant="end", signer_grant_receipt=pair.receipt().lower())
        assert not played.failed, played.output
        assert pair.root_keys() == {2}
        assert (pair.signs(old), pair.signs(new)) == (False, True)
        payments.reached(10)
    assert not payments.wrong, payments.wrong
    assert set(payments.ends) == {"SUCCEEDED"}
    assert pair.client is not None
    settled = [pair.client.call("lnrpc.Lightning/LookupInvoice", r_hash=one) for one in payments.hashes]
    assert {one.amt_paid_msat for one in settled} == {1_000}
    listed = pair.own.call("lnrpc.Lightning/ListPayments", include_incomplete=True)
    assert {messages.enum_name("lnrpc.Payment.PaymentStatus", one.status) for one in listed.payments} == {"SUCCEEDED"}


def test_the_renewed_grant_is_bound(pair: Tenant) -> None:
    """A run of the playbook that makes the signer keeps that."""
    found = macaroon.decode((pair.etc / "provider.macaroon").read_bytes())
    address, end = found.caveats
    assert (found.root_key_id, address, end.partition(" ")[0]) == (2, "ipaddr 127.0.0.1", "time-before")
    played = pair.play("signer")
    assert not played.failed, played.output
    assert "changed=0" in played.text
    assert macaroon.decode((pair.etc / "provider.macaroon").read_bytes()) == found


def test_a_node_takes_either_of_two_certificates(pair: Tenant) -> None:
    """It has both in one file; until now its signer has served with the first."""
    for node in (pair.inner, pair.signer):
        node.stop()
    for name, content in pair.following.items():
        (pair.signer.directory / name).write_bytes(content)
    pair.signer.start()
    state = pair.signer.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
    assert state.get("state") == "SERVER_ACTIVE", state
    pair.inner.start()
    pair.open_inner()
    pair.await_channels()
    with Payments(pair) as payments:
        payments.reached(2)
    assert (set(payments.ends), payments.wrong) == ({"SUCCEEDED"}, [])


def test_a_renewal_that_was_cut_off_goes_on(pair: Tenant) -> None:
    """Here before the bundle was written. A renewal before the earlier grant has ended is none."""
    soon = f"time-before {document.now() + datetime.timedelta(days=13):%Y-%m-%dT%H:%M:%SZ}"
    path = pair.etc / "provider.macaroon"
    options: dict[str, t.Any] = {
        "permissions": list(grant.PERMISSIONS),
        "root_key_id": 3,
        "caveats": [soon],
        "revoked": "refuse",
    }
    assert pair.signer.module("lnd_macaroon", path=str(path), **options)["changed"] is True
    renewed = path.read_bytes()
    played = pair.play("grant", signer_grant="renew")
    assert not played.failed, played.output
    assert "It was not renewed once more" in played.text
    assert "within two weeks or before now: renew it" in played.text
    assert (path.read_bytes(), pair.opened()["macaroon"]) == (renewed, renewed.hex())
    assert pair.root_keys() == {2, 3}


def test_what_was_revoked_is_not_renewed(pair: Tenant) -> None:
    for root_key_id in (2, 3):
        pair.signer.module("lnd_macaroon", state="absent", root_key_id=root_key_id)
    played = pair.play("grant", signer_grant="renew")
    assert played.failed == {"signer"}
    assert "it was revoked. Nothing was changed. To grant again, run signer.yml with -e signer_root_key_id=4" in (
        played.text
    )
    assert "The grant 3 of signer is revoked." in played.text
    assert pair.root_keys() == set()
