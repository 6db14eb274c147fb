# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All channels of a node, open and closed, and the wait until no payment is under way in them."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from .._core import wait
from .._core.errors import Refused, WaitTimeout
from .._grpc import messages
from .channel import Channel, read_all

if t.TYPE_CHECKING:
    from .._grpc.client import Client

# How many HTLCs the error names.
_NAMED_HTLCS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedChannel:
    """A channel whose closing is confirmed, under lnd's field names."""

    channel_point: str
    remote_pubkey: str
    capacity: int
    settled_balance: int
    close_type: str
    closing_tx_hash: str
    close_height: int


def read_open(client: Client, peers: t.Collection[str] = ()) -> tuple[Channel, ...]:
    """Read the channels that are not closed: all, or those with some peers."""
    return tuple(channel for channel in read_all(client) if not peers or channel.remote_pubkey in peers)


def read_closed(client: Client, peers: t.Collection[str] = ()) -> tuple[ClosedChannel, ...]:
    """Read the closed channels, all or those with some peers, without those that were never funded."""
    closed = [
        ClosedChannel(
            channel_point=channel.channel_point,
            remote_pubkey=channel.remote_pubkey,
            capacity=channel.capacity,
            settled_balance=channel.settled_balance,
            close_type=messages.enum_name("lnrpc.ChannelCloseSummary.ClosureType", channel.close_type),
            closing_tx_hash=channel.closing_tx_hash,
            close_height=channel.close_height,
        )
        for channel in client.call("lnrpc.Lightning/ClosedChannels").channels
        if not peers or channel.remote_pubkey in peers
    ]
    return tuple(
        sorted(
            (one for one in closed if one.close_type != "FUNDING_CANCELED"),
            key=lambda one: (one.close_height, one.channel_point),
        )
    )


def without_htlcs(client: Client, peers: t.Collection[str], timeout: float) -> tuple[Channel, ...]:
    """Wait until no open channel has an HTLC; return the channels.

    Raises:
        Refused: some have one at the end of the time. They are named.
    """
    channels: tuple[Channel, ...] = ()

    def read() -> tuple[Channel, ...]:
        nonlocal channels
        channels = read_open(client, peers)
        return channels

    try:
        return wait.until(
            "the end of all HTLCs", read, lambda found: not any(each.pending_htlcs for each in found), timeout
        )
    except WaitTimeout as error:
        raise Refused(
            f"{client.node} still has HTLCs under way after {timeout:g} s: {_named(channels)}",
            "Find out what holds these payments, wait longer, or run again later; an HTLC ends at its height at the"
            " latest",
        ) from error


def _named(channels: t.Iterable[Channel]) -> str:
    """Return the HTLCs of channels in words."""
    htlcs = [
        f"{'in' if htlc.incoming else 'out'} {htlc.hash_lock} of {htlc.amount} sat in {channel.channel_point},"
        f" which ends at height {htlc.expiration_height}"
        for channel in channels
        for htlc in channel.pending_htlcs
    ]
    left = len(htlcs) - _NAMED_HTLCS
    return "; ".join(htlcs[:_NAMED_HTLCS]) + (f"; and {left} more" if left > 0 else "")


def channel_list_result(channels: t.Iterable[Channel], closed: t.Iterable[ClosedChannel]) -> dict[str, t.Any]:
    """Build a module's result."""
    return {"channels": [asdict(one) for one in channels], "closed_channels": [asdict(one) for one in closed]}
