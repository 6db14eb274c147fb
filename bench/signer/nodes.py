"""The nodes that are compared, each with a payee of its own on a chain of its own."""

from __future__ import annotations

import sys
import typing as t
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROLES = Path(__file__).resolve().parents[2] / "ansible_collections/noncustodial/lightning/roles"
# The module of the pairs imports the hub's.
sys.path[:0] = [str(ROLES / "lndhub/files"), str(ROLES / "common/files")]

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection  # noqa: E402
from ansible_collections.noncustodial.lightning.tests.support.daemons import (  # noqa: E402
    Lnd,
    Postgres,
    free_port,
    until,
)
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair, WatchOnlyPair  # noqa: E402
from bench.hub.cpu import container_pid  # noqa: E402
from bench.signer.counts import Meter  # noqa: E402
from bench.signer.delay import Delay  # noqa: E402

# What lnd needs to keep all of its tables in a file: bbolt is its default.
_DATABASES = {"bbolt": (), "sqlite": ("--db.backend=sqlite", "--db.use-native-sql"), "postgres": ()}
DATABASES = tuple(_DATABASES)


@dataclass(frozen=True)
class Store:
    """The database that all nodes of a comparison use.

    Attributes:
        name: one of DATABASES.
        postgres: the server, if it is PostgreSQL.
    """

    name: str
    postgres: Postgres | None

    @classmethod
    def start(cls, name: str, stack: ExitStack) -> Store:
        """Return a store; its server, if it has one, ends with the stack."""
        if name != "postgres":
            return cls(name, None)
        # Of six nodes each has two pools of 20 connections.
        server = Postgres(durable=True, settings={"max_connections": "300"})
        stack.callback(server.stop)
        return cls(name, server)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments of lnd."""
        return _DATABASES[self.name]


class _OneChannel(Pair):
    """A pair with one public channel, and its databases in a store."""

    PRIVATE: t.ClassVar[tuple[bool, ...]] = (False,)

    def __init__(self, folder: Path, store: Store) -> None:
        self.store = store
        super().__init__(folder, store.postgres)

    def node(self, name: str, *options: str) -> Lnd:
        return super().node(name, *self.store.arguments, *options)

    def begin(self) -> None:
        """Start all of it, and wait until both nodes can pay."""
        self.connect()
        self.await_channels()
        self._whole = {node: self._balances(node) for node in self.nodes}

    def await_settled(self) -> None:
        """Wait until no HTLC is in the commitment of either node any more. A node's commitment is what the other has
        signed, so that the last signature of the payments before is made then.
        """
        for node in self.nodes:
            until("the end of the last HTLC", partial(self._is_whole, node))

    def _is_whole(self, node: Lnd) -> bool:
        return self._balances(node) == self._whole[node]

    @staticmethod
    def _balances(node: Lnd) -> int:
        """Return the msat of both sides, without those of HTLCs."""
        with Client(Connection(node.rpcserver, *node.credentials())) as client:
            found = client.call("lnrpc.Lightning/ChannelBalance")
        return int(found.local_balance.msat + found.remote_balance.msat)

    def pids(self) -> dict[str, int]:
        """Return the processes that work for a payment, by name."""
        found = {"node": self.inner.pid, "peer": self.outer.pid}
        if self.store.postgres is not None:
            found["postgres"] = container_pid(self.store.postgres.name)
        return found


class OwnKeys(_OneChannel):
    """A node with keys of its own."""


class RemoteSigner(_OneChannel, WatchOnlyPair):
    """A watch-only node, with a relay between it and its signer.

    Args:
        folder: for all of it.
        store: the databases of the nodes; the signer's own is a file, as a tenant's.
        options: more arguments of the watch-only node's lnd.

    Attributes:
        delay: the relay.
        meter: the signer's counters.
    """

    def __init__(self, folder: Path, store: Store, *options: str) -> None:
        self._options = options
        super().__init__(folder, store)

    def make_inner(self) -> Lnd:
        node = super().make_inner()
        metrics = free_port()
        self.meter = Meter(metrics)
        self.signer.add(
            "--prometheus.enable", f"--prometheus.listen=127.0.0.1:{metrics}", "--prometheus.perfhistograms"
        )
        self.delay = Delay(int(self.signer.rpcserver.rpartition(":")[2]))
        # Of an option that is there twice lnd takes the last.
        node.add(f"--remotesigner.rpchost={self.delay.rpcserver}", *self._options)
        return node

    def granted(self, rpcserver: str) -> Client:
        """Return a client of the signer, with the grant of its node."""
        certificate, _admin = self.signer.credentials()
        return Client(Connection(rpcserver, certificate, self._macaroon.read_bytes()))

    def pids(self) -> dict[str, int]:
        return {**super().pids(), "signer": self.signer.pid, "relay": self.delay.pid}

    def stop(self) -> None:
        super().stop()
        self.delay.stop()
