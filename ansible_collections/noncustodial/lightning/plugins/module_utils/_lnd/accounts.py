# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of a wallet, as extended public keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._grpc import messages
from .._grpc.client import Client

_PATH = re.compile(r"m/(\d+)'/(\d+)'/(\d+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account.

    Attributes:
        name: default, or for lnd's own families such as act:6.
        address_type: lnd's name, for example TAPROOT_PUBKEY.
        purpose: first step of its path.
        coin_type: second step.
        account: third step.
        derivation_path: for example m/84'/0'/0'.
        extended_public_key: the key as lnd writes it on its network.
        watch_only: whether the wallet has no private key for it.
    """

    name: str
    address_type: str
    purpose: int
    coin_type: int
    account: int
    derivation_path: str
    extended_public_key: str
    watch_only: bool


# --- read


def read_accounts(client: Client) -> list[Account]:
    """Read all accounts that have an extended key; single imported keys have none."""
    return [
        account for answer in client.call("walletrpc.WalletKit/ListAccounts").accounts if (account := _account(answer))
    ]


def _account(answer: messages.Message) -> Account | None:
    steps = _PATH.fullmatch(answer.derivation_path)
    if steps is None:
        return None
    purpose, coin_type, account = map(int, steps.groups())
    return Account(
        name=answer.name,
        address_type=messages.enum_name("walletrpc.AddressType", answer.address_type),
        purpose=purpose,
        coin_type=coin_type,
        account=account,
        derivation_path=answer.derivation_path,
        extended_public_key=answer.extended_public_key,
        watch_only=answer.watch_only,
    )
