# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wallet of a tenant node: made from public keys. Nothing here, or in what this imports, can make, take or hold a seed."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from . import accounts, bip32, bundle, opening, state
from .client import Client
from .errors import AlreadyThere, Refused, WaitTimeout
from .opening import Opening, Wallet
from .plan import Action, Plan
from .problems import Invalid

# Seconds in which a whole wallet comes to serve calls, whatever the chain then takes. A half-made one never does.
START_WAIT = 120.0


@dataclass(frozen=True)
class Desired:
    """What is asked for.

    Attributes:
        accounts: each purpose, coin_type, account and xpub; checked by desired().
        birthday: of the seed, unix seconds.
        opening: how the wallet is opened; its node_id is that of the accounts.
        chain_directory: where lnd keeps channel.backup.
    """

    accounts: tuple[t.Mapping[str, t.Any], ...]
    birthday: int
    opening: Opening
    chain_directory: str


class Incomplete(Refused):
    """An interruption has left a part of a wallet: lnd imports the accounts one by one. The node never had a channel."""

    def __init__(self, what: str) -> None:
        super().__init__(
            what, "It was interrupted when it was made. Stop it, remove its database and its directory's data, and make it again"
        )
        self.reason = "wallet_incomplete"


def node_id_of(listed: list[dict[str, t.Any]], network: str, node_id: str | None) -> str:
    """The node whose accounts these are.

    Args:
        listed: the accounts.
        network: of the node.
        node_id: the node whose accounts they shall be, if that is known.

    Raises:
        Invalid: accounts are missing, too many, private, of another network or of another seed; every fault is named.
    """
    problems = bundle.account_problems(listed, network, node_id.lower() if node_id else None)
    if problems:
        raise Invalid("The list of accounts", problems, "Have the tenant's signer write its bundle anew, and give its accounts unaltered")
    home = (bundle.LND_PURPOSE, bundle.coin_type(network), bundle.NODE_FAMILY)
    return bip32.node_id(next(bip32.decode(one["xpub"]) for one in listed if _place(one) == home))


def _place(account: t.Mapping[str, t.Any]) -> tuple[int, int, int]:
    return account["purpose"], account["coin_type"], account["account"]


# --- plan


def plan_watch_wallet(desired: Desired, wallet: Wallet, node: str) -> Plan:
    """What is to be done.

    Raises:
        Refused: there is a wallet of another seed.
        InvalidInput: no password is given.
    """
    if wallet.exists:
        return opening.plan_opening(desired.opening, wallet, node)
    opening.need_password(desired.opening)
    after = {"state": desired.opening.wait_for, "node_id": desired.opening.node_id, "created": True}
    return Plan((Action("create"),), opening.shown(wallet), after)


# --- apply


def apply_watch_wallet(client: Client, action: Action, desired: Desired) -> None:
    """Carry out one action."""
    if action.name == "unlock":
        opening.unlock(client, desired.opening)
        return
    try:
        client.call(
            "lnrpc.WalletUnlocker/InitWallet",
            timeout=desired.opening.wait_timeout,
            wallet_password=desired.opening.password.read(),
            watch_only={"master_key_birthday_timestamp": desired.birthday, "accounts": list(desired.accounts)},
        )
    except AlreadyThere as error:
        raise opening.made_meanwhile(error.node) from None
    opening.opened(client, desired.opening)


def settle_watch_wallet(client: Client, wallet: Wallet, desired: Desired, macaroon: opening.Macaroon) -> Wallet:
    """Wait as for any wallet, then look whether all accounts are in it.

    Raises:
        Incomplete: an interruption left a part of a wallet, and it can be made again without loss.
        Refused: the wallet is not watch-only, or accounts are missing or others.
        WaitTimeout: a wallet that may well be whole has not come as far as asked.
    """
    if opening.opens(wallet, desired.opening) and not state.reached(wallet.state, "RPC_ACTIVE") and _never_served(desired.chain_directory):
        _await_first_start(client, desired.opening)
    settled = opening.settle(client, wallet, desired.opening, macaroon)
    if settled.node_id is not None:
        _check_accounts(client.authorised(macaroon()), desired)
    return settled


def _await_first_start(client: Client, wanted: Opening) -> None:
    """Wait until lnd serves calls. Only then it comes into step with the chain, which takes minutes on mainnet, and writes channel.backup."""
    try:
        state.await_state(client, min("RPC_ACTIVE", wanted.wait_for, key=state.STATES.index), min(wanted.wait_timeout, START_WAIT))
    except WaitTimeout as late:
        raise Incomplete(f"{late.what}. That lnd has a wallet, but it has never served with it") from late


def _never_served(chain_directory: str) -> bool:
    """Whether this is the node's machine, and its lnd has never come as far as to write channel.backup, without which no channel can be."""
    return os.path.isdir(chain_directory) and not os.path.exists(os.path.join(chain_directory, "channel.backup"))


def _check_accounts(client: Client, desired: Desired) -> None:
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
            f"The wallet of lnd at {client.node} has accounts of another seed", "Give the accounts of the signer with which it was made"
        )
    lost = [place for place in places if place not in found]
    if lost:
        seen = f"The wallet of lnd at {client.node} lacks {len(lost)} of the {len(places)} accounts, first {bundle.place_text(lost[0])}"
        raise Refused(seen, "Drain and close its channels, then make the node again") if _has_channels(client) else Incomplete(seen)


def _has_channels(client: Client) -> bool:
    info = client.call("lnrpc.Lightning/GetInfo")
    return bool(info.num_active_channels or info.num_inactive_channels or info.num_pending_channels)


def _same(one: str, other: str) -> bool:
    """Whether two extended keys are the same but for the letters that tell the kind of addresses."""
    if one == other:
        return True
    first, second = bip32.decode(one), bip32.decode(other)
    return (first.chain_code, first.key) == (second.chain_code, second.key)
