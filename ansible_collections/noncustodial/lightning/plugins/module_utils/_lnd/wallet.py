# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wallet of a node with its own keys: made from a new or a given seed. Never used for a tenant node."""

from __future__ import annotations

import os
import re
import time
import typing as t
from dataclasses import dataclass

from .._core import files
from .._core.errors import InvalidInput, Refused
from .._core.files import read_file
from .._core.plan import Action, Plan
from .._grpc.client import Client
from .._grpc.errors import AlreadyThere, Failed
from . import opening, seed, used_keys
from .opening import Opening, Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedWallet:
    """The wanted wallet.

    Attributes:
        network: the network of the node.
        opening: the way to open the wallet.
        seed_recipient: public key to which a new seed is encrypted.
        seed_path: the path of that encrypted seed.
        seed_copy: path of an existing copy of the node's encrypted seed, so that no other seed is to be made.
        mnemonic_file: a given seed.
        passphrase_file: its passphrase, or the one of a new seed.
        recovery_window_path: the record of a recovery_window.
        recovery_window: the number of addresses and of keys of each family that a lost wallet may have used.
        channel_backup: path of a channel.backup to restore from.
        birthday: the birthday of a given seed, unix seconds.
        birthday_path: the file of the birthday.
    """

    network: str
    opening: Opening
    seed_recipient: str | None = None
    seed_path: str | None = None
    seed_copy: str | None = None
    mnemonic_file: str | None = None
    passphrase_file: str | None = None
    recovery_window: int = 0
    recovery_window_path: str | None = None
    channel_backup: str | None = None
    birthday: int | None = None
    birthday_path: str | None = None


# --- read


def read_wallet(client: Client, desired: WantedWallet, macaroon: opening.Macaroon) -> Wallet:
    """Read the wallet as it is now, with the birthday that is recorded beside it."""
    return opening.read_wallet(client, macaroon, read_birthday(desired.birthday_path))


def read_birthday(path: str | None) -> int | None:
    """Read the recorded birthday; return None if none is recorded."""
    if path is None or not os.path.exists(path):
        return None
    text = read_file(path, "the birthday of the wallet").strip()
    if not text.isdigit():
        raise InvalidInput(f"{path} does not hold unix seconds", "Correct it, or remove it and set birthday")
    return int(text)


# --- plan


def plan_wallet(desired: WantedWallet, wallet: Wallet, node: str) -> Plan:
    """Plan to make, restore or open the wallet.

    Raises:
        InvalidInput: an option that the change needs is missing or wrong.
        Refused: there is a wallet with another seed, or a seed but no wallet, or nobody would have the seed.
    """
    if not wallet.exists:
        return _plan_creation(desired, wallet, node)
    steps = opening.plan_opening(desired.opening, wallet, node)
    if wallet.birthday is None and desired.birthday is not None and desired.birthday_path:
        record = Action("record_birthday", {"birthday": desired.birthday})
        return Plan(
            (*steps.actions, record), {**steps.before, "birthday": None}, {**steps.after, "birthday": desired.birthday}
        )
    return steps


def _plan_creation(desired: WantedWallet, wallet: Wallet, node: str) -> Plan:
    opening.need_password(desired.opening)
    before = opening.shown(wallet)
    after = {"state": desired.opening.wait_for, "node_id": desired.opening.node_id, "created": True}
    if desired.mnemonic_file:
        if desired.channel_backup and not desired.recovery_window:
            raise InvalidInput(
                "channel_backup is set, and no recovery_window: a new channel would use the keys of an old one again",
                "Set recovery_window to more than all attempts to open a channel with the node, such as 5000",
            )
        if desired.birthday_path and desired.birthday is None:
            raise InvalidInput(
                "birthday_path is set, but not the birthday of the given seed",
                "Set birthday to the unix seconds of the day on which the seed was made",
            )
        return Plan((Action("restore"),), before, {**after, "birthday": desired.birthday})
    if desired.seed_copy:
        raise Refused(
            f"There is a seed for this node at {desired.seed_copy}, and lnd at {node} has no wallet: one of a new seed"
            " would be another node. No wallet was made",
            "Restore the node from that seed with lnd_wallet and its mnemonic_file, see docs/recovery.md; or, if a new"
            " node is meant, move that file away",
        )
    if desired.seed_recipient and desired.seed_path:
        seed.check_recipient(desired.seed_recipient)
        return Plan((Action("create"),), before, {**after, "seed_path": desired.seed_path})
    raise Refused(
        f"lnd at {node} has no wallet, and there is nobody to whom a new seed could be handed over",
        "Set seed_recipient to the owner's public key and seed_path, or give a seed by mnemonic_file",
    )


# --- apply


def apply_wallet(client: Client, action: Action, desired: WantedWallet) -> None:
    """Carry out one action."""
    if action.name == "record_birthday":
        _record_birthday(desired, action.args["birthday"])
    elif action.name == "unlock":
        opening.unlock(client, desired.opening)
    elif action.name == "restore":
        _restore(client, desired)
    else:
        _create(client, desired)


def _create(client: Client, desired: WantedWallet) -> None:
    """Make a wallet of a new seed. The owner has the seed before the wallet exists, so that a crash in between loses
    nothing.
    """
    if desired.seed_recipient is None or desired.seed_path is None:
        raise InvalidInput("A new seed needs a recipient and a path", "Set seed_recipient and seed_path")
    secret = desired.opening.password.read()
    passphrase = _passphrase(desired)
    birthday = int(time.time())
    try:
        words = list(client.call("lnrpc.WalletUnlocker/GenSeed", aezeed_passphrase=passphrase).cipher_seed_mnemonic)
    except AlreadyThere as error:
        raise Refused(
            f"lnd at {error.node} has a wallet, which it has made for a run that was interrupted, and serves nobody"
            " until it is started again. Nothing was changed",
            "Start that lnd again, and run again",
        ) from None
    seed.hand_over(words, desired.seed_recipient, desired.seed_path, desired.network, birthday)
    _record_birthday(desired, birthday)
    make(client, desired.opening, words, wallet_password=secret, aezeed_passphrase=passphrase)


def _restore(client: Client, desired: WantedWallet) -> None:
    """Restore the wallet of a given seed, with its coins if a recovery window is given, and with its channels' money if
    a channel backup is given.
    """
    if desired.mnemonic_file is None:
        raise InvalidInput("No seed is given", "Set mnemonic_file")
    secret = desired.opening.password.read()
    words = seed.read_mnemonic(desired.mnemonic_file)
    fields: dict[str, t.Any] = {"recovery_window": desired.recovery_window}
    if desired.channel_backup:
        backup = read_file(desired.channel_backup, "the channel backup")
        fields["channel_backups"] = {"multi_chan_backup": {"multi_chan_backup": backup}}
    if desired.birthday is not None:
        _record_birthday(desired, desired.birthday)
    used_keys.record(desired.recovery_window_path, desired.recovery_window)
    make(client, desired.opening, words, wallet_password=secret, aezeed_passphrase=_passphrase(desired), **fields)


def make(client: Client, way: Opening, words: list[str], **fields: t.Any) -> None:
    """Let lnd make the wallet of a seed, and wait until it is open.

    Args:
        client: without a macaroon.
        way: the way to open the wallet; its wait_timeout is that of the call.
        words: the seed.
        fields: the fields of InitWallet, wallet_password among them.

    Raises:
        Refused: lnd does not accept the seed (no word of it is in the text), or somebody else has made a wallet.
    """
    try:
        client.call("lnrpc.WalletUnlocker/InitWallet", timeout=way.wait_timeout, cipher_seed_mnemonic=words, **fields)
    except AlreadyThere as error:
        raise opening.made_meanwhile(error.node) from None
    except Failed as error:
        # lnd quotes a word that it does not know, and no log may contain a word of a seed.
        raise Refused(
            f"lnd at {error.node} does not make a wallet of this seed: {_without(words, error.detail)}",
            "Check the words, their order and the passphrase",
        ) from None
    opening.opened(client, way)


def _without(words: list[str], text: str) -> str:
    text = re.sub(r"\w+", lambda match: "***" if match.group() in words else match.group(), text)
    # lnd counts the words from 0, and their owner from 1.
    return re.sub(r"\(index=(\d+)\)", lambda match: f"(word {int(match[1]) + 1} of {len(words)})", text)


def _passphrase(desired: WantedWallet) -> bytes:
    return (
        read_file(desired.passphrase_file, "the passphrase of the seed").rstrip(b"\r\n")
        if desired.passphrase_file
        else b""
    )


def _record_birthday(desired: WantedWallet, birthday: int) -> None:
    if desired.birthday_path:
        files.write_file(desired.birthday_path, f"{birthday}\n".encode(), mode=0o644)


MASTER_KEY_ERROR_TEXT = "invalid passphrase for master public key"
"""The text in lnd's log when it stops because its wallet does not open with the given password."""


def not_ours(state: str, cure: str) -> Refused:
    """Return the refusal of a wallet that somebody else has made.

    Args:
        state: a sentence about what was changed, and what was not.
        cure: the advice for its owner.
    """
    return Refused(
        "lnd has a wallet that does not open with the password of here: somebody else made it, or it was made under"
        f" another password; {state}",
        cure,
    )
