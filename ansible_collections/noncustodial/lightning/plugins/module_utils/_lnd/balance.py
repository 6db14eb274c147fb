# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has, on chain and in its channels."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from . import wait
from .address import read_address
from .errors import Refused, WaitTimeout

if t.TYPE_CHECKING:
    from .client import Client

_ON_CHAIN = ("total_balance", "confirmed_balance", "unconfirmed_balance", "locked_balance", "reserved_balance_anchor_chan")
_IN_CHANNELS = ("local_balance", "remote_balance", "pending_open_local_balance", "pending_open_remote_balance")


@dataclass(frozen=True)
class Balances:
    """Under lnd's field names.

    Attributes:
        wallet: sat, as WalletBalance gives them.
        channels: sat and msat of each, as ChannelBalance gives them.
    """

    wallet: t.Mapping[str, int] = field(default_factory=dict)
    channels: t.Mapping[str, t.Mapping[str, int]] = field(default_factory=dict)


def read_balances(client: Client) -> Balances:
    """All balances of a node."""
    wallet = client.call("lnrpc.Lightning/WalletBalance")
    channels = client.call("lnrpc.Lightning/ChannelBalance")
    return Balances(
        {name: int(getattr(wallet, name)) for name in _ON_CHAIN},
        {name: {"sat": int(getattr(channels, name).sat), "msat": int(getattr(channels, name).msat)} for name in _IN_CHANNELS},
    )


def demand(client: Client, confirmed: int, total: int, timeout: float) -> Balances:
    """All balances of a node that has at least so many coins.

    Args:
        client: the node.
        confirmed: sat with a confirmation.
        total: sat, confirmed or not.
        timeout: seconds to wait for them.

    Raises:
        Refused: it has fewer.
    """

    def enough(found: Balances) -> bool:
        return found.wallet["confirmed_balance"] >= confirmed and found.wallet["total_balance"] >= total

    try:
        return wait.until("coins", lambda: read_balances(client), enough, timeout)
    except WaitTimeout as error:
        needs = {f"{confirmed} sat confirmed": confirmed, f"{total} sat, confirmed or not": total}
        raise too_little(client, " and ".join(text for text, amount in needs.items() if amount)) from error


def too_little(client: Client, needs: str) -> Refused:
    """The error for a wallet without the coins that are needed, with an address to send them to.

    Args:
        client: the node.
        needs: what is needed, in words.
    """
    wallet = read_balances(client).wallet
    return Refused(
        f"lnd at {client.node} has too few coins: {wallet['confirmed_balance']} sat confirmed, {wallet['unconfirmed_balance']} sat unconfirmed, "
        f"{wallet['locked_balance']} sat held for other transactions, {wallet['reserved_balance_anchor_chan']} sat kept for anchor channels; "
        f"needed: {needs}",
        f"Send the difference to {read_address(client, 'p2wkh')}, wait for the confirmation and run again",
    )


def balance_result(balances: Balances) -> dict[str, t.Any]:
    """What a module returns."""
    return {"wallet_balance": balances.wallet, "channel_balance": balances.channels}
