# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common part of all wallets, whoever has their keys: they are opened with a password, belong to one node, and need
time to start.
"""

from __future__ import annotations

import typing as t
from contextlib import suppress
from dataclasses import dataclass, replace

from .._core.errors import InvalidInput, Missing, Refused
from .._core.plan import Action, Plan
from .._grpc import state
from .._grpc.client import Client
from .._grpc.errors import AlreadyThere
from .._keys.password import PasswordSource

Macaroon = t.Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The way to open a wallet.

    Attributes:
        unlocked: whether an existing wallet is to be opened.
        auto_unlock: whether lnd opens an existing wallet itself, so that nothing is sent.
        wait_for: the state to wait for once the wallet is open.
        wait_timeout: seconds.
        password: the password of the wallet.
        node_id: the identity that the wallet must have, if that is known.
    """

    unlocked: bool
    auto_unlock: bool
    wait_for: str
    wait_timeout: float
    password: PasswordSource
    node_id: str | None = None


@dataclass(frozen=True)
class Wallet:
    """The present wallet.

    Attributes:
        state: one of state.STATES.
        node_id: the node's public key, hexadecimal; None as long as the wallet is not open.
        birthday: the one recorded beside a wallet with keys, unix seconds.
    """

    state: str
    node_id: str | None = None
    birthday: int | None = None

    @property
    def exists(self) -> bool:
        """Return whether there is a wallet, open or not."""
        return self.state != "NON_EXISTING"


# --- read


def read_wallet(client: Client, macaroon: Macaroon, birthday: int | None = None) -> Wallet:
    """Read the wallet as it is now.

    Args:
        client: without a macaroon.
        macaroon: returns the node's admin macaroon, once it exists.
        birthday: the birthday of the wallet, as recorded.
    """
    present_state = state.read_state(client)
    return Wallet(present_state, _read_node_id(client, present_state, macaroon), birthday)


def _read_node_id(client: Client, present_state: str, macaroon: Macaroon) -> str | None:
    """Return the node's public key, if the node already serves calls and its macaroon exists."""
    if not state.reached(present_state, "RPC_ACTIVE"):
        return None
    try:
        secret = macaroon()
    except Missing:
        return None
    return str(client.authorised(secret).call("lnrpc.Lightning/GetInfo").identity_pubkey)


# --- plan


def plan_opening(opening: Opening, wallet: Wallet, node: str) -> Plan:
    """Plan to open a wallet that exists.

    Raises:
        Refused: it has another seed.
        InvalidInput: no password is given.
    """
    check_node_id(opening.node_id, wallet.node_id, node)
    before = shown(wallet)
    if wallet.state == "LOCKED" and opening.unlocked and not opening.auto_unlock:
        need_password(opening)
        return Plan((Action("unlock"),), before, {**before, "state": opening.wait_for})
    return Plan((), before, before)


def need_password(opening: Opening) -> None:
    """Refuse to begin if no password is given."""
    if not opening.password.given:
        raise InvalidInput("No wallet password is given", "Set wallet_password_file or wallet_password_credential")


def check_node_id(wanted_id: str | None, node_id: str | None, node: str) -> None:
    """Refuse a wallet with another seed.

    Raises:
        Refused: the text names both nodes.
    """
    if wanted_id and node_id and wanted_id.lower() != node_id:
        raise Refused(
            f"lnd at {node} has a wallet of another seed: its node is {node_id}, not {wanted_id.lower()}",
            "Check rpcserver, node_id and where the keys come from. A node keeps its wallet for life: "
            "another seed needs another node, with its own directory and database",
        )


def shown(wallet: Wallet) -> dict[str, t.Any]:
    """Return the wallet as a diff shows it."""
    return {"state": wallet.state, "node_id": wallet.node_id}


def made_meanwhile(node: str) -> Refused:
    """Return the refusal of a wallet that somebody made between our check and our call."""
    return Refused(
        f"lnd at {node} has got a wallet meanwhile that this run has not made. Nothing was changed",
        "If it was none of yours, see who reached its port. Then all that lnd has must go: stop it, remove data in its"
        " directory and its database, run again",
    )


# --- apply


def unlock(client: Client, opening: Opening) -> None:
    """Open an existing wallet. If lnd has opened it itself meanwhile, that is a success.

    Raises:
        WrongPassword: the wallet does not open with it.
    """
    with suppress(AlreadyThere):
        client.call("lnrpc.WalletUnlocker/UnlockWallet", wallet_password=opening.password.read())
    opened(client, opening)


def opened(client: Client, opening: Opening) -> None:
    """Wait until the state shows that the wallet is open, as lnd has just answered."""
    state.await_state(client, "UNLOCKED", opening.wait_timeout)


def opens(wallet: Wallet, opening: Opening) -> bool:
    """Return whether there is a wallet that is open, or that lnd itself opens."""
    return wallet.exists and (wallet.state != "LOCKED" or opening.auto_unlock)


def settle(client: Client, wallet: Wallet, opening: Opening, macaroon: Macaroon) -> Wallet:
    """Wait until an open wallet, or one that lnd itself opens, has reached the wanted state, and check whose it is."""
    if not opens(wallet, opening):
        return wallet
    now = state.await_state(client, opening.wait_for, opening.wait_timeout)
    node_id = wallet.node_id or _read_node_id(client, now, macaroon)
    check_node_id(opening.node_id, node_id, client.node)
    return replace(wallet, state=now, node_id=node_id)
