# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wallet of a tenant node: made from public keys. Nothing here, or in the files that this imports, can make, take
or hold a seed.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from .._bundle import account_keys
from .._core.errors import Refused, WaitTimeout
from .._core.plan import Action, Plan
from .._core.problems import Invalid
from .._grpc import state
from .._grpc.client import Client
from .._grpc.errors import AlreadyThere
from .._keys import bip32
from . import accounts, opening, used_keys
from .opening import Opening, Wallet

# Seconds in which lnd serves calls with a whole wallet, however long the chain then takes. With an incomplete one it
# never does.
START_WAIT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedWatchWallet:
    """The wanted wallet.

    Attributes:
        accounts: each purpose, coin_type, account and xpub; checked by desired().
        birthday: the birthday of the seed, unix seconds.
        opening: the way to open the wallet; its node_id is that of the accounts.
        chain_directory: the directory of channel.backup.
        recovery_window_path: the record of a recovery_window.
        recovery_window: the number of addresses and of keys of each family that a lost wallet may have used.
    """

    accounts: tuple[t.Mapping[str, t.Any], ...]
    birthday: int
    opening: Opening
    chain_directory: str
    recovery_window_path: str | None = None
    recovery_window: int = 0


class Incomplete(Refused):
    """An interruption has left a part of a wallet: lnd imports the accounts one by one.

    The node never had a channel.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            what,
            "It was interrupted when it was made. Stop it, remove its database and its directory's data, and make it"
            " again",
        )
        self.reason = "wallet_incomplete"


def node_id_of(listed: list[dict[str, t.Any]], network: str, node_id: str | None) -> str:
    """Return the id of the node whose accounts these are.

    Args:
        listed: the accounts.
        network: the network of the node.
        node_id: the node whose accounts they should be, if that is known.

    Raises:
        Invalid: accounts are missing, too many, private, of another network or of another seed; every fault is named.
    """
    problems = account_keys.account_problems(listed, network, node_id.lower() if node_id else None)
    if problems:
        raise Invalid(
            "The list of accounts",
            problems,
            "Have the tenant's signer write its bundle anew, and give its accounts unaltered",
        )
    home = (account_keys.LND_PURPOSE, account_keys.coin_type(network), account_keys.NODE_FAMILY)
    return bip32.node_id(next(bip32.decode(one["xpub"]) for one in listed if _place(one) == home))


def _place(account: t.Mapping[str, t.Any]) -> tuple[int, int, int]:
    return account["purpose"], account["coin_type"], account["account"]


# --- plan


def plan_watch_wallet(desired: WantedWatchWallet, wallet: Wallet, node: str) -> Plan:
    """Plan to make or open the wallet.

    Raises:
        Refused: there is a wallet with another seed, or a lost wallet has used keys.
        InvalidInput: no password is given.
    """
    if wallet.exists:
        return opening.plan_opening(desired.opening, wallet, node)
    backup = used_keys.channel_backup(desired.chain_directory)
    if not desired.recovery_window and os.path.exists(backup):
        raise Refused(
            f"lnd at {node} has had a wallet, as {backup} shows, and a new one would use"
            " the keys of its channels again, of which their peers know the secrets. Nothing was changed",
            "Find out where the wallet went. If it or its password is lost, follow docs/recovery.md, and set"
            " recovery_window (tenant_wallet_recovery_window) to more than all attempts to open a channel with the"
            " node, such as 5000",
        )
    opening.need_password(desired.opening)
    after = {"state": desired.opening.wait_for, "node_id": desired.opening.node_id, "created": True}
    return Plan((Action("create"),), opening.shown(wallet), after)


# --- apply


def apply_watch_wallet(client: Client, action: Action, desired: WantedWatchWallet) -> None:
    """Carry out one action."""
    if action.name == "unlock":
        opening.unlock(client, desired.opening)
        return
    used_keys.record(desired.recovery_window_path, desired.recovery_window)
    try:
        client.call(
            "lnrpc.WalletUnlocker/InitWallet",
            timeout=desired.opening.wait_timeout,
            wallet_password=desired.opening.password.read(),
            recovery_window=desired.recovery_window,
            watch_only={"master_key_birthday_timestamp": desired.birthday, "accounts": list(desired.accounts)},
        )
    except AlreadyThere as error:
        raise opening.made_meanwhile(error.node) from None
    opening.opened(client, desired.opening)


def settle_watch_wallet(
    client: Client, wallet: Wallet, desired: WantedWatchWallet, macaroon: opening.Macaroon
) -> Wallet:
    """Wait as for any wallet, then check that all accounts are in it.

    Raises:
        Incomplete: an interruption left a part of a wallet, and it can be made again without loss.
        Refused: the wallet is not watch-only, or accounts are missing or others.
        WaitTimeout: a wallet that may well be whole has not reached the wanted state.
    """
    if (
        opening.opens(wallet, desired.opening)
        and not state.reached(wallet.state, "RPC_ACTIVE")
        and _never_served(desired)
    ):
        _await_first_start(client, desired.opening)
    return used_keys.settle(
        client,
        wallet,
        desired.opening,
        macaroon,
        record_path=desired.recovery_window_path,
        window=desired.recovery_window,
        check=lambda authorised: _check_accounts(authorised, desired),
    )


def _await_first_start(client: Client, wanted: Opening) -> None:
    """Wait until lnd serves calls. Only then does it sync to the chain, which takes minutes on mainnet, and write
    channel.backup.
    """
    try:
        state.await_state(
            client,
            min("RPC_ACTIVE", wanted.wait_for, key=state.STATES.index),
            min(wanted.wait_timeout, START_WAIT_SECONDS),
        )
    except WaitTimeout as late:
        raise Incomplete(f"{late.what}. That lnd has a wallet, but it has never served with it") from late


def _never_served(desired: WantedWatchWallet) -> bool:
    """Return whether this is the node's machine, and its lnd has never written channel.backup, without which there can
    be no channel. A wallet that replaces a lost one may have channels.
    """
    recorded = desired.recovery_window_path is not None and os.path.lexists(desired.recovery_window_path)
    backup = used_keys.channel_backup(desired.chain_directory)
    return os.path.isdir(desired.chain_directory) and not recorded and not os.path.lexists(backup)


def _check_accounts(client: Client, desired: WantedWatchWallet) -> None:
    found = {(one.purpose, one.coin_type, one.account): one for one in accounts.read_accounts(client)}
    keyed = sum(not one.watch_only for one in found.values())
    if keyed:
        raise Refused(
            f"The wallet of lnd at {client.node} holds private keys, of {keyed} accounts",
            "Make this tenant's node with its own directory and database",
        )
    places = [_place(one) for one in desired.accounts]
    if any(
        place in found and not _same(one["xpub"], found[place].extended_public_key)
        for place, one in zip(places, desired.accounts, strict=True)
    ):
        raise Refused(
            f"The wallet of lnd at {client.node} has accounts of another seed",
            "Give the accounts of the signer with which it was made",
        )
    lost = [place for place in places if place not in found]
    if lost:
        seen = (
            f"The wallet of lnd at {client.node} lacks {len(lost)} of the {len(places)} accounts, first"
            f" {account_keys.place_text(lost[0])}"
        )
        raise (
            Refused(seen, "Drain and close its channels, then make the node again")
            if _has_channels(client)
            else Incomplete(seen)
        )


def _has_channels(client: Client) -> bool:
    info = client.call("lnrpc.Lightning/GetInfo")
    return bool(info.num_active_channels or info.num_inactive_channels or info.num_pending_channels)


def _same(one: str, other: str) -> bool:
    """Return whether two extended keys are equal, except for the letters that mark the kind of addresses."""
    if one == other:
        return True
    first, second = bip32.decode(one), bip32.decode(other)
    return (first.chain_code, first.key) == (second.chain_code, second.key)
