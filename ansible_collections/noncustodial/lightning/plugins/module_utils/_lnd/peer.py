# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Lightning nodes that a node is connected to."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core import wait
from .._core.errors import Refused
from .._core.ids import node_id
from .._core.plan import Action, Plan
from .._grpc.errors import AlreadyThere, Failed, PeerOffline

if t.TYPE_CHECKING:
    from .._grpc.client import Client


@dataclass(frozen=True)
class WantedPeer:
    """The wanted connection with one peer.

    Attributes:
        pubkey: node id of the peer.
        host: host:port on which it listens; None if it is not to be dialled.
        perm: lnd keeps trying in the background.
        connected: whether there is to be a connection.
    """

    pubkey: str
    host: str | None = None
    perm: bool = False
    connected: bool = True


def parse_options(options: t.Mapping[str, t.Any]) -> WantedPeer:
    """Parse a module's options into the wanted connection.

    Raises:
        InvalidInput: pubkey is not a node id.
    """
    return WantedPeer(node_id(options["pubkey"]), options["host"], options["perm"], options["state"] == "present")


@dataclass(frozen=True)
class Peer:
    """A connected peer.

    Attributes:
        pub_key: its node id, hexadecimal.
        address: host:port at the far end of the connection.
        inbound: whether the peer has dialled; its port cannot be dialled then.
    """

    pub_key: str
    address: str
    inbound: bool


def read_peer(client: Client, pubkey: str) -> Peer | None:
    """Read the connection to one peer, or None."""
    for peer in client.call("lnrpc.Lightning/ListPeers").peers:
        if peer.pub_key == pubkey:
            return Peer(peer.pub_key, peer.address, peer.inbound)
    return None


def plan_peer(wanted: WantedPeer, peer: Peer | None) -> Plan:
    """Plan to connect or disconnect. A connection is as wanted, whoever made it."""
    if wanted.connected == (peer is not None):
        return Plan()
    if not wanted.connected:
        return Plan((Action("disconnect", {"pubkey": wanted.pubkey}),), _shown(peer), _shown(None))
    after = {"connected": True, "address": wanted.host, "inbound": False}
    return Plan(
        (Action("connect", {"pubkey": wanted.pubkey, "host": wanted.host, "perm": wanted.perm}),), _shown(None), after
    )


def apply_peer(client: Client, action: Action) -> None:
    """Connect to or disconnect a peer."""
    if action.name == "connect":
        _connect(client, action)
    else:
        _disconnect(client, action.args["pubkey"])


def _disconnect(client: Client, pubkey: str) -> None:
    """Disconnect a peer. One that has gone meanwhile is a success.

    Raises:
        Refused: a channel with it is open. lnd would disconnect only for a moment: it always connects again to a peer
            with channels.
    """
    channels = client.call("lnrpc.Lightning/ListChannels", peer=bytes.fromhex(pubkey)).channels
    if channels:
        raise Refused(
            f"lnd at {client.node} has {len(channels)} open channel(s) with {pubkey} and would connect again at once",
            "Close the channels first (lnd_channel with state absent)",
        )
    try:
        client.call("lnrpc.Lightning/DisconnectPeer", pub_key=pubkey)
    except PeerOffline:
        return


def _connect(client: Client, action: Action) -> None:
    """Connect to a peer. One that has connected meanwhile is a success.

    Raises:
        Failed: the peer cannot be reached.
    """
    pubkey = action.args["pubkey"]
    try:
        client.call(
            "lnrpc.Lightning/ConnectPeer",
            addr={"pubkey": pubkey, "host": action.args["host"]},
            perm=action.args["perm"],
        )
    except AlreadyThere:
        return
    except Failed as error:
        raise Failed(
            error.node,
            error.call,
            error.status,
            error.detail,
            f"Check that a Lightning node listens on {action.args['host']}, that its node id is {pubkey}, and that no"
            " firewall is between",
        ) from error


def wait_peer(client: Client, wanted: WantedPeer, timeout: float) -> Peer | None:
    """Wait until the connection is as wanted; return the peer, or None if it is disconnected.

    Raises:
        WaitTimeout: it is not as wanted in time.
    """
    what = f"the {'' if wanted.connected else 'end of the '}connection with {wanted.pubkey}"
    return wait.until(
        what, lambda: read_peer(client, wanted.pubkey), lambda peer: wanted.connected == (peer is not None), timeout
    )


def peer_result(wanted: WantedPeer, peer: Peer | None) -> dict[str, t.Any]:
    """Build a module's result. A peer that has dialled in is known with a port that nobody can dial, which causes a
    warning:
    lnd's channel backups hold the address that the peer was known with when the channel was opened."""
    result = _shown(peer)
    if peer is not None and peer.inbound and wanted.host and peer.address != wanted.host:
        warning = (
            f"{peer.pub_key} has dialled in from {peer.address}, so {wanted.host} was not dialled. Backups of a channel"
            " opened now hold that "
        )
        result["warnings"] = [
            warning + f"address, unless the peer announces its own: keep {wanted.host} beside the backups"
        ]
    return result


def _shown(peer: Peer | None) -> dict[str, t.Any]:
    if peer is None:
        return {"connected": False, "address": None, "inbound": None}
    return {"connected": True, "address": peer.address, "inbound": peer.inbound}
