# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that others can find a route to a node."""

from __future__ import annotations

import hashlib
import secrets
import typing as t
from dataclasses import dataclass

from .._core import wait
from .._grpc import messages
from .._grpc.errors import Denied, NotFound

if t.TYPE_CHECKING:
    from .._grpc.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One channel as a route to this node. lnd names an unannounced one in an invoice only if all of this is true
    (lnrpc/invoicesrpc/addinvoice.go).

    Attributes:
        channel_point: the channel.
        private: not announced, so that an invoice has to name it.
        active: it can forward now.
        peer_announced: this node knows an announced channel of the peer.
        policy_known: this node knows the peer's policy for forwarding.
    """

    channel_point: str
    private: bool
    active: bool
    peer_announced: bool = False
    policy_known: bool = False

    @property
    def usable(self) -> bool:
        """Return whether a payment could use this channel."""
        return self.active and (not self.private or (self.peer_announced and self.policy_known))


def read_ways(client: Client) -> tuple[Way, ...]:
    """Read all open channels of a node as routes to it."""
    channels = client.call("lnrpc.Lightning/ListChannels").channels
    announced = {
        peer: _announced(client, peer)
        for peer in {channel.remote_pubkey for channel in channels if channel.private and channel.active}
    }
    return tuple(_way(client, channel, announced) for channel in channels)


def _way(client: Client, channel: messages.Message, announced: t.Mapping[str, bool]) -> Way:
    if not channel.private or not channel.active:
        return Way(channel_point=channel.channel_point, private=channel.private, active=channel.active)
    return Way(
        channel_point=channel.channel_point,
        private=True,
        active=True,
        peer_announced=announced[channel.remote_pubkey],
        policy_known=_policy_known(client, channel),
    )


def _announced(client: Client, peer: str) -> bool:
    """Return whether the peer has an announced channel. lnd lists only announced ones here."""
    try:
        return bool(client.call("lnrpc.Lightning/GetNodeInfo", pub_key=peer, include_channels=True).channels)
    except NotFound:
        return False


def _policy_known(client: Client, channel: messages.Message) -> bool:
    try:
        edge = client.call("lnrpc.Lightning/GetChanInfo", chan_point=channel.channel_point)
    except NotFound:
        return False
    return bool(edge.HasField("node1_policy" if edge.node1_pub == channel.remote_pubkey else "node2_policy"))


def wait_reachable(client: Client, timeout: float) -> None:
    """Wait until a payment could find a route to this node. A macaroon that may not list channels, such as a hub's,
    reads from an invoice which ones it names.

    Raises:
        WaitTimeout: the text shows each channel and what it lacks.
    """
    try:
        wait.until(
            "a way by which this node can be paid",
            lambda: read_ways(client),
            lambda ways: any(way.usable for way in ways),
            timeout,
        )
    except Denied:
        wait.until(
            "an invoice that names a channel of this node",
            lambda: named_channels(client),
            lambda number: number > 0,
            timeout,
        )


def named_channels(client: Client) -> int:
    """Return how many channels a new invoice names. It is canceled at once, and nobody has seen it."""
    preimage = secrets.token_bytes(32)
    payment_hash = hashlib.sha256(preimage).digest()
    client.call("lnrpc.Lightning/AddInvoice", r_preimage=preimage, value_msat=1000, expiry=60, private=True)
    found = client.call("lnrpc.Lightning/LookupInvoice", r_hash=payment_hash)
    client.call("invoicesrpc.Invoices/CancelInvoice", payment_hash=payment_hash)
    return len(found.route_hints)
