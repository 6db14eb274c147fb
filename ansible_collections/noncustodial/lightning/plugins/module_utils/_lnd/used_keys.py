# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that a lost wallet of the same seed has used for channels. A new wallet counts its keys from 0 and would use
them again, and a channel with the keys of an old one can be robbed by its peer, which knows the revocation secrets of
the old one.
"""

from __future__ import annotations

import os
import re
import typing as t
from contextlib import suppress
from dataclasses import replace

from .._core import files
from .._core.errors import InvalidInput
from .._grpc import state
from .._grpc.client import Client
from . import opening
from .opening import Opening, Wallet

# lnd's families of keys for channels, and for sessions with watchtowers (keychain/derivation.go).
_COUNTED_FAMILIES = (0, 1, 2, 3, 4, 5, 8)
# It takes lnd 6 ms to derive a key.
MAX_WINDOW = 100_000
_FAMILY = re.compile(r"m/1017'/\d+'/(\d+)'")


def channel_backup(chain_directory: str) -> str:
    """Return the path of the file that shows that a node has had a wallet."""
    return os.path.join(chain_directory, "channel.backup")


def record(path: str | None, window: int) -> int:
    """Record a recovery_window, unless a larger one is recorded; return the larger one, 0 if there is none.

    The record is there from before the wallet is made until its keys are passed over.

    Args:
        path: the record, in a folder that only root can write to: its number decides which keys are used again.

    Raises:
        InvalidInput: the record holds no number, the window is too large, or there is no place for it.
    """
    if window > MAX_WINDOW:
        raise InvalidInput(f"recovery_window is {window}, and at most {MAX_WINDOW}", "Set a smaller one")
    if path is None:
        if window:
            raise InvalidInput("recovery_window is set, and not recovery_window_path", "Set it")
        return 0
    recorded = 0
    if os.path.lexists(path):
        text = files.read_file(path, "the recovery_window of the wallet").strip()
        if not text.isascii() or not text.isdigit() or int(text) > MAX_WINDOW:
            raise InvalidInput(
                f"{path} does not hold a number of keys up to {MAX_WINDOW}",
                "Write the recovery_window into it, as digits",
            )
        recorded = int(text)
    if window > recorded:
        files.write_file(path, f"{window}\n".encode())
    return max(window, recorded)


def settle(
    client: Client,
    wallet: Wallet,
    way: Opening,
    macaroon: opening.Macaroon,
    *,
    record_path: str | None,
    window: int,
    check: t.Callable[[Client], None] = lambda client: None,
) -> Wallet:
    """Wait as for any wallet. Once it serves calls, check it, and pass over the keys of a recovery_window.

    That is done after RPC_ACTIVE, if it can be: only then does lnd open itself to peers, which could have it use a key.

    Args:
        client: without a macaroon.
        wallet: the present wallet.
        way: the way to open it.
        macaroon: returns the node's admin macaroon, once it exists.
        record_path: the record of a recovery_window.
        window: the wanted recovery_window.
        check: raises an error if the wallet is not the wanted one.
    """
    window = record(record_path, window)
    early = min("RPC_ACTIVE", way.wait_for, key=state.STATES.index)
    checked = False
    for wait_for in dict.fromkeys((early, way.wait_for)) if window else (way.wait_for,):
        wallet = opening.settle(client, wallet, replace(way, wait_for=wait_for), macaroon)
        if wallet.node_id is not None and not checked:
            authorised = client.authorised(macaroon())
            check(authorised)
            _pass_over(authorised, window)
            if record_path is not None:
                with suppress(FileNotFoundError):
                    os.unlink(record_path)
            checked = True
    return wallet


def _pass_over(client: Client, window: int) -> None:
    """Derive keys until so many of each counted family are derived."""
    if not window:
        return
    derived = {
        int(steps[1]): int(one.external_key_count)
        for one in client.call("walletrpc.WalletKit/ListAccounts").accounts
        if (steps := _FAMILY.fullmatch(one.derivation_path))
    }
    for family in _COUNTED_FAMILIES:
        for _key in range(derived.get(family, 0), window):
            client.call("walletrpc.WalletKit/DeriveNextKey", key_family=family)
