# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook revoke.yml against a real signer whose node is paying."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import subprocess
import sys
import threading
import time
import typing as t
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError, Denied, TimedOut
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT
from ansible_collections.noncustodial.lightning.tests.support.signer_bench import Bench
from ansible_collections.noncustodial.lightning.tests.support.units import Units
from signer_init import __main__ as signer_commands
from signer_init import node as signer_node
from signer_init import revoke_command
from signer_init.place import self_node

pytestmark = pytest.mark.chain

NODE_KEY = {"key_family": 6, "key_index": 0}
SIGN = "signrpc.Signer/SignMessage"


@dataclass
class Holder:
    """Somebody who has the grant and asks for signatures all the time, on one open connection.

    Attributes:
        last: the time at which the last one arrived.
        refused: the time of the first refusal.
        count: the number of refusals since then.
    """

    client: Client
    last: float = 0.0
    refused: float = 0.0
    count: int = 0
    ends: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        """Ask until the end."""
        while not self.ends.is_set():
            try:
                self.client.call(SIGN, msg=b"a message of some bytes", key_loc=NODE_KEY)
                self.last = time.time()
            except Denied:
                self.refused = self.refused or time.time()
                self.count += 1


class Revoking(WatchOnlyPair):
    """A node that asks a signer, the signer as its role configures it, and the tenant's inventory."""

    def connect(self) -> None:
        """Write the inventory, and start all of it."""
        self.signer.add("--rpcmiddleware.enable")
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        signers = {"hosts": {"signer": {**local, "lnd_network": "regtest", "signer_firewall": False}}}
        (self.folder / "hosts.json").write_text(json.dumps({"all": {"children": {"signers": signers}}}))
        itself = {"connection": self.signer.connection, "name": "signer", "rpc_port": 10009}
        self._macaroon = self.folder / "provider.macaroon"
        self.inner = self.watch_only("inner", *self.HEALTH_CHECK)
        self.nodes = [self.inner, self.outer]
        variables = {"signer_self": itself, "signer_dir": str(self.folder)}
        (self.folder / "variables.json").write_text(json.dumps(variables))
        super().connect()
        self.await_channels()

    @property
    def grant(self) -> bytes:
        """The grant that the provider has."""
        return self._macaroon.read_bytes()

    def granted(self, macaroon: bytes | None = None) -> Client:
        """Return a connection to the signer with the grant."""
        certificate, _admin = self.signer.credentials()
        return Client(Connection(self.signer.rpcserver, certificate, macaroon or self.grant, 10.0))

    def give(self, root_key_id: int) -> None:
        """Grant again, and start the node with it."""
        baked = self.signer.module(
            "lnd_macaroon", path=str(self._macaroon), permissions=list(grant.PERMISSIONS), root_key_id=root_key_id
        )
        assert not baked.get("failed"), baked
        self.inner.stop()
        self.inner.start()
        self.open_inner()
        self.await_channels()

    def command(self, *options: str) -> list[str]:
        """Return the command of a revocation."""
        files = [f"-i{self.folder}/hosts.json", f"-e@{self.folder}/variables.json"]
        return ["ansible-playbook", *files, "playbooks/revoke.yml", *options]

    def revoke(self, mode: str, *options: str, status: int = 0) -> str:
        """Run the playbook, and return what it printed, in one line."""
        done = subprocess.run(
            self.command(f"-emode={mode}", "-econfirm=signer", *options),
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    def ids(self) -> list[int]:
        """Return the signer's root keys."""
        certificate, admin = self.signer.credentials()
        with closing(Client(Connection(self.signer.rpcserver, certificate, admin, 10.0))) as client:
            return sorted(client.call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids)


class Payer:
    """Users of the node who pay all the time, several at once, until it fails them."""

    def __init__(self, pair: Revoking, users: int = 4) -> None:
        self._pair = pair
        self._ends = threading.Event()
        self.results: list[str] = []
        self._threads = [threading.Thread(target=self._pay, daemon=True) for _user in range(users)]

    def _pay(self) -> None:
        with closing(Client(Connection(self._pair.inner.rpcserver, *self._pair.inner.credentials(), 30.0))) as client:
            while not self._ends.is_set():
                fields = {"fee_limit_msat": 10_000, "timeout_seconds": 5, "no_inflight_updates": True}
                request = self._pair.invoice(2_000_000)
                try:
                    answers = client.stream(
                        "routerrpc.Router/SendPaymentV2", timeout=8, payment_request=request, **fields
                    )
                    record = messages.plain(next(iter(answers)))
                    self.results.append(record["status"])
                except TimedOut:
                    self.results.append("IN_FLIGHT")
                except CallError as error:
                    self.results.append(error.status)

    def start(self) -> None:
        """Pay until ten payments are through."""
        for one in self._threads:
            one.start()
        until("payments", lambda: self.results.count("SUCCEEDED") >= 10)

    def end(self) -> None:
        """End, and wait for the last of them."""
        self._ends.set()
        for one in self._threads:
            one.join(60)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Revoking]:
    made = Revoking(tmp_path_factory.mktemp("revocation"))
    try:
        made.connect()
        yield made
    finally:
        made.stop()


def channels(pair: Revoking) -> list[tuple[int, int]]:
    """Return for both nodes the channels that are open and those that are being closed by force."""
    found = []
    for node in pair.nodes:
        with closing(Client(Connection(node.rpcserver, *node.credentials(), 10.0))) as client:
            pending = client.call("lnrpc.Lightning/PendingChannels")
            opened = client.call("lnrpc.Lightning/ListChannels").channels
            found.append((len(opened), len(pending.pending_force_closing_channels)))
    return found


def test_an_emergency_under_payments(pair: Revoking) -> None:
    """From then on no signature is given, also on a connection that was open; the report has the last one's time."""
    with closing(pair.granted()) as open_connection:
        holder, payer = Holder(open_connection), Payer(pair)
        asking = threading.Thread(target=holder.ask, daemon=True)
        payer.start()
        asking.start()
        text = pair.revoke("emergency")
        reported = re.search(r"last signature: (\S+Z) \(.*?\), ([+-][0-9.]+) s from the revocation", text)
        assert reported is not None, text
        assert -2 < float(reported[2]) < 2
        before = holder.count
        until("further refusals", lambda: holder.count > before + 10)
        payer.end()
        holder.ends.set()
        asking.join()
    last = datetime.datetime.fromisoformat(reported[1]).timestamp()
    # The report has milliseconds, and is of the time before the answer arrives.
    assert holder.last < last + 0.5
    assert holder.last < holder.refused
    assert "root key 1: cannot retrieve macaroon: cannot get macaroon: root key with id 1 doesn't exist" in text
    assert "listmacaroonids: 0; 0 is lnd's own" in text
    assert pair.ids() == [0]
    assert channels(pair) == [(2, 0), (2, 0)]


def test_what_is_revoked_is_not_revoked_again(pair: Revoking) -> None:
    assert "the grant 1 in" in (text := pair.revoke("emergency", status=2))
    assert "was revoked before. Nothing was changed" in text


def test_in_an_orderly_revocation_no_payment_is_left_in_flight(pair: Revoking) -> None:
    """It waits as long as payments go on."""
    pair.give(2)
    payer = Payer(pair)
    payer.start()
    command = pair.command("-emode=orderly", "-econfirm=signer", "-esigner_revoke_quiet_for=3")
    waiting = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    done = payer.results.count("SUCCEEDED")
    until("further payments", lambda: payer.results.count("SUCCEEDED") > done + 10)
    assert waiting.poll() is None
    payer.end()
    output = " ".join(waiting.communicate()[0].split())
    assert waiting.returncode == 0, output
    assert "until the signer was quiet" in output
    assert set(payer.results) == {"SUCCEEDED"}
    assert pair.ids() == [0]
    assert channels(pair) == [(2, 0), (2, 0)]


def test_in_an_emergency_an_lnd_that_does_not_answer_is_killed(
    pair: Revoking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = Units(tmp_path, {"lnd@signer.service": []})
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    units.call("start", "lnd@signer.service")
    before = pair.ids()
    pair.signer.freeze()
    try:
        for mode in ("orderly", "emergency"):
            text = pair.revoke(mode, "-esigner_revoke_timeout=2", status=2)
            assert "DEADLINE_EXCEEDED" in text
            assert ("lnd was killed, and nothing starts it again" in text) is (mode == "emergency")
            killed = [f"{verb} lnd@signer.service" for verb in ("kill", "stop")]
            assert units.log[1:] == ([] if mode == "orderly" else killed)
        assert (tmp_path / "lnd@signer.service.masked").exists()
    finally:
        pair.signer.thaw()
        units.end()
    assert pair.ids() == before


@pytest.mark.faults
def test_an_orderly_revocation_waits_no_longer_than_its_limit(pair: Revoking) -> None:
    pair.give(3)
    payer = Payer(pair)
    payer.start()
    text = pair.revoke("orderly", "-esigner_revoke_quiet_for=4", "-esigner_revoke_limit=4")
    payer.end()
    assert "to the limit, and the signer was not quiet" in text
    assert pair.ids() == [0]


def test_signer_revoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command of image and container: two seconds at most from it to the last signature."""
    bench = Bench(tmp_path)
    bench.give_kit()
    bench.place.tenant.write_text("acme\n")
    bench.choose(address="signer.acme.example")
    bench.place.lnddir.parent.mkdir(parents=True)
    signer = Lnd(bench.place.lnddir, None, "--noseedbackup", "--rpcmiddleware.enable")
    monkeypatch.setattr(
        signer_node, "self_node", lambda network: replace(self_node(network), rpcserver=signer.rpcserver)
    )
    monkeypatch.setattr(revoke_command, "OPEN_SECONDS", 0.0)
    signer.start()
    try:
        state = signer.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
        assert state.get("state") == "SERVER_ACTIVE", state
        macaroon = str(bench.place.macaroon)
        baked = signer.module("lnd_macaroon", path=macaroon, permissions=list(grant.PERMISSIONS), root_key_id=1)
        assert not baked.get("failed"), baked
        connection = Connection(signer.rpcserver, signer.credentials()[0], bench.place.macaroon.read_bytes(), 10.0)
        with closing(Client(connection)) as open_connection:
            holder = Holder(open_connection)
            asking = threading.Thread(target=holder.ask, daemon=True)
            asking.start()
            until("signatures", lambda: holder.last)
            begin = time.time()
            assert signer_commands.main(["revoke", "--mode=emergency", "--confirm=acme"], bench) == 0
            until("refusals", lambda: holder.count > 10)
            holder.ends.set()
            asking.join()
        again = signer_commands.main(["revoke", "--mode=emergency", "--confirm=acme"], bench)
    finally:
        signer.stop()
    assert begin < holder.last < holder.refused
    assert holder.last - begin < 2
    output = capsys.readouterr()
    assert re.search(r"last signature: \S+Z \(signrpc.Signer/SignMessage\)", output.out), output.out
    assert "port: closed" in output.out
    assert again == 1
    assert "was revoked before. Nothing was changed" in " ".join(output.err.split())


def test_a_stream_that_is_open_outlives_its_root_key(pair: Revoking) -> None:
    """lnd looks at a macaroon when a stream begins, and not again. No method of a signer's grant is a stream."""
    certificate, _admin = pair.outer.credentials()
    path = pair.folder / "listener.macaroon"
    permissions = ["uri:/lnrpc.Lightning/SubscribeInvoices", "uri:/lnrpc.Lightning/GetInfo"]
    baked = pair.outer.module("lnd_macaroon", path=str(path), permissions=permissions, root_key_id=9)
    assert not baked.get("failed"), baked
    heard: list[str] = []
    with closing(Client(Connection(pair.outer.rpcserver, certificate, path.read_bytes(), 20.0))) as client:

        def listen() -> None:
            # The stream ends when the connection is closed below.
            with contextlib.suppress(CallError):
                for invoice in client.stream("lnrpc.Lightning/SubscribeInvoices", timeout=60):
                    heard.append(invoice.memo)

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        until("the stream", lambda: [pair.invoice(1000, memo="of before")] and heard)
        assert not pair.outer.module("lnd_macaroon", state="absent", root_key_id=9).get("failed")
        with pytest.raises(Denied):
            client.call("lnrpc.Lightning/GetInfo")
        until("the stream", lambda: [pair.invoice(1000, memo="of after")] and "of after" in heard)
    listening.join(30)
