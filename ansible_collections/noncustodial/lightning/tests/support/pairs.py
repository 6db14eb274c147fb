# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real lnds with a channel between them: one for a hub, and one for the rest of the world."""

from __future__ import annotations

import typing as t
from functools import partial
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import envelope, kit, node_bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.bundle import Terms
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.endpoint import join
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind, Lnd, Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import baked


class Pair:
    """A node with a hub, which has its own keys, a node of the world, and channels between them.

    Args:
        folder: for all of it.
        postgres: where the nodes keep their databases, as at a provider; without it in files of their own.

    Attributes:
        LOOPBACK: the address on which all of it serves.
        PRIVATE: of each channel whether it is private.
    """

    LOOPBACK: t.ClassVar[str] = "127.0.0.1"
    PRIVATE: t.ClassVar[tuple[bool, ...]] = (True, False)

    def __init__(self, folder: Path, postgres: Postgres | None = None) -> None:
        self.folder = folder
        self._postgres = postgres
        self.databases: dict[str, str] = {}
        self.bitcoind = Bitcoind(loopback=self.LOOPBACK)
        self.outer = self.node("outer", "--noseedbackup")
        self.inner = self.make_inner()
        self.nodes = [self.inner, self.outer]
        self.client: Client | None = None

    def node(self, name: str, *options: str) -> Lnd:
        """Return an lnd on the pair's chain."""
        database: tuple[str, ...] = ()
        if self._postgres is not None:
            server = join(self._postgres.host, self._postgres.port)
            self.databases[name] = self._postgres.create()
            dsn = f"postgres://{self._postgres.SUPERUSER}@{server}/{self.databases[name]}?sslmode=disable"
            database = (
                "--db.backend=postgres",
                f"--db.postgres.dsn={dsn}",
                "--db.postgres.timeout=0",
                "--db.postgres.maxconnections=20",
                "--db.postgres.channeldb-with-global-lock",
                "--db.use-native-sql",
            )
        arguments = ("--maxpendingchannels=2", f"--alias={name}", *database, *options)
        return Lnd(self.folder / name, self.bitcoind, *arguments, loopback=self.LOOPBACK)

    def make_inner(self) -> Lnd:
        """Return the node with the hub."""
        return self.node("inner", "--noseedbackup")

    def start_nodes(self) -> None:
        """Start both nodes."""
        for node in self.nodes:
            node.start()

    def open_inner(self) -> None:
        """Make the node's wallet, where the node does not make one itself."""

    def hubs_access(self) -> tuple[str, bytes, bytes]:
        """Return the hub's access to the node: host:port, certificate and macaroon."""
        certificate, _admin = self.inner.credentials()
        return self.inner.rpcserver, certificate, baked(self.inner)

    def connect(self) -> None:
        """Start the nodes, and make a channel that both can pay over."""
        self.start_nodes()
        self.open_inner()
        for node in self.nodes:
            state = node.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
            assert state.get("state") == "SERVER_ACTIVE", state
        outer_id = self.outer.module("lnd_info")["identity_pubkey"]
        self.bitcoind.pay(self.inner.module("lnd_address")["address"], 1)
        self.inner.module("lnd_balance_info", min_confirmed=100_000_000, wait_timeout=30)
        self.inner.module("lnd_peer", pubkey=outer_id, host=self.outer.host)
        # lnd names a private channel in an invoice only if the peer is known to the world, which a public channel makes
        # it.
        self.wanted = channel = [
            {"peer": outer_id, "capacity": 10_000_000, "push_sat": 5_000_000, "private": private}
            for private in self.PRIVATE
        ]
        self.inner.module("lnd_channel", channels=channel)
        self.bitcoind.mine(6)
        opened = self.inner.module("lnd_channel", channels=channel, wait=True, wait_timeout=60)
        assert not opened.get("failed"), opened
        # Until each has heard the other's policy no invoice can name the channel.
        for node in self.nodes if True in self.PRIVATE else []:
            until("the private channel in an invoice", partial(self._hints, node))
        self.client = Client(Connection(self.outer.rpcserver, *self.outer.credentials()))

    def await_channels(self) -> None:
        """Wait until both nodes can pay over every channel: each calls it active for itself, one before the other."""
        for node in self.nodes:
            until(f"the channels of {node.directory.name}", partial(self._all_active, node))

    def _all_active(self, node: Lnd) -> bool:
        """Return whether a node calls every channel active."""
        return bool(node.module("lnd_info").get("num_active_channels") == len(self.PRIVATE))

    @staticmethod
    def _hints(node: Lnd) -> t.Any:
        """Return the private channels that an invoice of a node names."""
        return node.module("lnd_invoice", value_msat=1000, private=True)["route_hints"]

    def pay(self, request: str, **more: t.Any) -> str:
        """Pay by the node of the world; return lnd's reason if it fails."""
        fields = {
            "payment_request": request,
            "fee_limit_msat": 10_000,
            "timeout_seconds": 20,
            "no_inflight_updates": True,
            **more,
        }
        assert self.client is not None
        record = messages.plain(next(iter(self.client.stream("routerrpc.Router/SendPaymentV2", **fields))))
        return "" if record["status"] == "SUCCEEDED" else str(record["failure_reason"])

    def invoice(self, msat: int, **more: t.Any) -> str:
        """Make an invoice of the node of the world."""
        assert self.client is not None
        return str(
            self.client.call("lnrpc.Lightning/AddInvoice", value_msat=msat, private=True, **more).payment_request
        )

    def hold_invoice(self, payment_hash: bytes, msat: int, **more: t.Any) -> str:
        """Make an invoice that the node of the world, once it is paid, holds until it is canceled."""
        assert self.client is not None
        fields = {"hash": payment_hash, "value_msat": msat, "private": True, **more}
        return str(self.client.call("invoicesrpc.Invoices/AddHoldInvoice", **fields).payment_request)

    def settle(self, preimage: bytes) -> None:
        """Have the node of the world take the money for an invoice that it holds."""
        assert self.client is not None
        self.client.call("invoicesrpc.Invoices/SettleInvoice", preimage=preimage)

    def held(self, payment_hash: bytes) -> str:
        """Return the state of an invoice of the node of the world, by lnd's name."""
        assert self.client is not None
        found = self.client.call("lnrpc.Lightning/LookupInvoice", r_hash=payment_hash)
        return messages.enum_name("lnrpc.Invoice.InvoiceState", found.state)

    def cancel(self, request: str) -> None:
        """Have the node of the world refuse the money for one of its invoices from now on."""
        assert self.client is not None
        decoded = self.client.call("lnrpc.Lightning/DecodePayReq", pay_req=request)
        self.client.call("invoicesrpc.Invoices/CancelInvoice", payment_hash=bytes.fromhex(decoded.payment_hash))

    def stop(self) -> None:
        """Stop all of it."""
        if self.client is not None:
            self.client.close()
        for node in self.nodes:
            node.stop()
        self.bitcoind.stop()


class WatchOnlyPair(Pair):
    """The same with the keys of the hub's node on a signer, and with the grant of a tenant for its provider.

    Attributes:
        HEALTH_CHECK: arguments of lnd for its health check of the signer.
    """

    # A signer that is away for a while is what some tests are about; lnd is to outlive it.
    HEALTH_CHECK: t.ClassVar[tuple[str, ...]] = ("--healthcheck.remotesigner.attempts=0",)

    def make_inner(self) -> Lnd:
        """Make a signer, and return the node that asks it."""
        self.signer = Lnd(self.folder / "signer", None, "--noseedbackup", loopback=self.LOOPBACK)
        self._macaroon, self._password = self.folder / "grant.macaroon", self.folder / "password"
        self._password.write_text("of-this-test-alone")
        return self.watch_only("inner", *self.HEALTH_CHECK)

    def watch_only(self, name: str, *options: str) -> Lnd:
        """Return a node that asks the signer."""
        return self.node(
            name,
            "--remotesigner.enable",
            f"--remotesigner.rpchost={self.signer.rpcserver}",
            f"--remotesigner.tlscertpath={self.signer.directory}/tls.cert",
            f"--remotesigner.macaroonpath={self._macaroon}",
            *options,
        )

    def open_inner(self) -> None:
        """Make the node's wallet with only the public keys."""
        self.open_watch_only(self.inner)

    def open_watch_only(self, node: Lnd, **more: t.Any) -> None:
        """Make the wallet of a node that asks the signer, with only the public keys."""
        accounts = [
            {"xpub": one["extended_public_key"], **{name: one[name] for name in ("purpose", "coin_type", "account")}}
            for one in self.signer.module("lnd_accounts_info")["accounts"]
        ]
        options: dict[str, t.Any] = {
            "accounts": accounts,
            "birthday": 1,
            "wallet_password_file": str(self._password),
            "wait_for": "SERVER_ACTIVE",
            **more,
        }
        opened = node.module("lnd_watch_wallet", **options)
        assert not opened.get("failed"), opened

    def connect(self) -> None:
        """Start the signer first: the node does not start without it."""
        self.start_signer()
        super().connect()

    def start_signer(self) -> None:
        """Start the signer, and have it make its grant."""
        self.signer.start()
        state = self.signer.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
        assert state.get("state") == "SERVER_ACTIVE", state
        baked = self.signer.module(
            "lnd_macaroon", path=str(self._macaroon), permissions=list(grant.PERMISSIONS), root_key_id=1
        )
        assert not baked.get("failed"), baked

    def stop(self) -> None:
        """Stop all of it."""
        super().stop()
        self.signer.stop()


class ExternalPair(Pair):
    """The same with a node that its tenant runs: the hub gets the content of the tenant's bundle, as the provider has
    opened it.
    """

    def hubs_access(self) -> tuple[str, bytes, bytes]:
        """Return the access, made with the modules of both sides."""
        keys = bundles.make_keys(self.folder / "keys")
        kit_file, macaroon, path = (self.folder / name for name in ("kit.json", "provider.macaroon", "bundle.json"))
        kit_file.write_bytes(document.canonical(bundles.kit(age_recipient=keys.recipient)))
        granted = self.inner.module(
            "lnd_macaroon", path=str(macaroon), permissions=list(grant.HUB_PERMISSIONS), root_key_id=31
        )
        assert not granted.get("failed"), granted
        written = self.inner.module(
            "lnd_bundle",
            shape="external",
            endpoint=self.inner.rpcserver,
            p2p_address=self.inner.host,
            macaroon_file=str(macaroon),
            path=str(path),
            kit_file=str(kit_file),
            signing_key_file=keys.signing_key_file,
        )
        assert not written.get("failed"), written
        provider = envelope.Provider(keys.identity, keys.signing_key)
        content = envelope.open_file(
            str(path), provider, Terms(kit.read(str(kit_file)), document.now(), kind=node_bundle.EXTERNAL)
        )
        return content["endpoint"], content["certificate"].encode(), bytes.fromhex(content["macaroon"])
