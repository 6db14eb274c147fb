# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Lightning nodes that a node is connected to."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from . import wait
from .errors import AlreadyThere, Failed, PeerOffline, Refused
from .ids import node_id
from .plan import Action, Plan

if t.TYPE_CHECKING:
    from .client import Client


@dataclass(frozen=True)
class Wanted:
    """How the connection with one peer is to be.

    Attributes:
        pubkey: node id of the peer.
        host: host:port on which it listens; None where nothing is to be dialled.
        perm: have lnd keep trying in the background.
        connected: or not connected.
    """

    pubkey: str
    host: str | None = None
    perm: bool = False
    connected: bool = True


def wish(options: t.Mapping[str, t.Any]) -> Wanted:
    """What a module's options ask for.

    Raises:
        InvalidInput: pubkey is no node id.
    """
    return Wanted(node_id(options["pubkey"]), options["host"], options["perm"], options["state"] == "present")


@dataclass(frozen=True)
class Peer:
    """A connected peer.

    Attributes:
        pub_key: its node id, hexadecimal.
        address: host:port at the far end of the connection.
        inbound: whether the peer has dialled; the port is then of no use for dialling back.
    """

    pub_key: str
    address: str
    inbound: bool


def read_peer(client: Client, pubkey: str) -> Peer | None:
    """The connection to one peer, or None."""
    for peer in client.call("lnrpc.Lightning/ListPeers").peers:
        if peer.pub_key == pubkey:
            return Peer(peer.pub_key, peer.address, peer.inbound)
    return None


def plan_peer(wanted: Wanted, peer: Peer | None) -> Plan:
    """Connect or disconnect. A connection is as wanted, whoever made it."""
    if wanted.connected == (peer is not None):
        return Plan()
    if not wanted.connected:
        return Plan((Action("disconnect", {"pubkey": wanted.pubkey}),), _shown(peer), _shown(None))
    after = {"connected": True, "address": wanted.host, "inbound": False}
    return Plan((Action("connect", {"pubkey": wanted.pubkey, "host": wanted.host, "perm": wanted.perm}),), _shown(None), after)


def apply_peer(client: Client, action: Action) -> None:
    """Connect or disconnect."""
    if action.name == "connect":
        _connect(client, action)
    else:
        _disconnect(client, action.args["pubkey"])


def _disconnect(client: Client, pubkey: str) -> None:
    """A peer that has gone meanwhile is as wanted.

    Raises:
        Refused: a channel with it is open. lnd would disconnect, but for a moment only: it always comes back to a peer with channels.
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
    """A peer that has come meanwhile is as wanted.

    Raises:
        Failed: the peer cannot be reached.
    """
    pubkey = action.args["pubkey"]
    try:
        client.call("lnrpc.Lightning/ConnectPeer", addr={"pubkey": pubkey, "host": action.args["host"]}, perm=action.args["perm"])
    except AlreadyThere:
        return
    except Failed as error:
        raise Failed(
            error.node,
            error.call,
            error.status,
            error.detail,
            f"Check that a Lightning node listens on {action.args['host']}, that its node id is {pubkey}, and that no firewall is between",
        ) from error


def wait_peer(client: Client, wanted: Wanted, timeout: float) -> Peer | None:
    """The peer, once it is connected, or None, once it is not.

    Raises:
        WaitTimeout: after so many seconds it is not as wanted.
    """
    what = f"the {'' if wanted.connected else 'end of the '}connection with {wanted.pubkey}"
    return wait.until(what, lambda: read_peer(client, wanted.pubkey), lambda peer: wanted.connected == (peer is not None), timeout)


def peer_result(wanted: Wanted, peer: Peer | None) -> dict[str, t.Any]:
    """What a module returns. A peer that has dialled in is known by a port that nobody can dial, and that is worth a warning:
    lnd's channel backups hold the address by which the peer was known when the channel was opened."""
    result = _shown(peer)
    if peer is not None and peer.inbound and wanted.host and peer.address != wanted.host:
        warning = f"{peer.pub_key} has dialled in from {peer.address}, so {wanted.host} was not dialled. Backups of a channel opened now hold that "
        result["warnings"] = [warning + f"address, unless the peer announces its own: keep {wanted.host} beside the backups"]
    return result


def _shown(peer: Peer | None) -> dict[str, t.Any]:
    if peer is None:
        return {"connected": False, "address": None, "inbound": None}
    return {"connected": True, "address": peer.address, "inbound": peer.inbound}
