# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The balances of a node, on chain and in its channels."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._core import wait
from .._core.errors import Refused, WaitTimeout
from .address import read_address

if t.TYPE_CHECKING:
    from .._grpc.client import Client

_ON_CHAIN_FIELDS = (
    "total_balance",
    "confirmed_balance",
    "unconfirmed_balance",
    "locked_balance",
    "reserved_balance_anchor_chan",
)
_CHANNEL_FIELDS = ("local_balance", "remote_balance", "pending_open_local_balance", "pending_open_remote_balance")


@dataclass(frozen=True)
class Balances:
    """The balances of a node, under lnd's field names.

    Attributes:
        wallet: sat, as WalletBalance returns them.
        channels: sat and msat of each, as ChannelBalance returns them.
    """

    wallet: t.Mapping[str, int] = field(default_factory=dict)
    channels: t.Mapping[str, t.Mapping[str, int]] = field(default_factory=dict)


def read_balances(client: Client) -> Balances:
    """Read all balances of a node."""
    wallet = client.call("lnrpc.Lightning/WalletBalance")
    channels = client.call("lnrpc.Lightning/ChannelBalance")
    return Balances(
        {name: int(getattr(wallet, name)) for name in _ON_CHAIN_FIELDS},
        {
            name: {"sat": int(getattr(channels, name).sat), "msat": int(getattr(channels, name).msat)}
            for name in _CHANNEL_FIELDS
        },
    )


def demand(client: Client, confirmed: int, total: int, timeout: float) -> Balances:
    """Wait until a node has enough coins; return all its balances.

    Args:
        client: the node.
        confirmed: sat with a confirmation.
        total: sat, confirmed or not.
        timeout: seconds to wait for them.

    Raises:
        Refused: it has too few.
    """

    def enough(balances: Balances) -> bool:
        return balances.wallet["confirmed_balance"] >= confirmed and balances.wallet["total_balance"] >= total

    try:
        return wait.until("coins", lambda: read_balances(client), enough, timeout)
    except WaitTimeout as error:
        needs = {f"{confirmed} sat confirmed": confirmed, f"{total} sat, confirmed or not": total}
        raise too_little(client, " and ".join(text for text, amount in needs.items() if amount)) from error


def too_little(client: Client, needs: str) -> Refused:
    """Return the error for a wallet with too few coins, with an address to send them to.

    Args:
        client: the node.
        needs: the coins that are needed, in words.
    """
    wallet = read_balances(client).wallet
    return Refused(
        f"lnd at {client.node} has too few coins: {wallet['confirmed_balance']} sat confirmed,"
        f" {wallet['unconfirmed_balance']} sat unconfirmed, {wallet['locked_balance']} sat held for other transactions,"
        f" {wallet['reserved_balance_anchor_chan']} sat kept for anchor channels; needed: {needs}",
        f"Send the difference to {read_address(client, 'p2wkh')}, wait for the confirmation and run again",
    )


def balance_result(balances: Balances) -> dict[str, t.Any]:
    """Build a module's result."""
    return {"wallet_balance": balances.wallet, "channel_balance": balances.channels}
