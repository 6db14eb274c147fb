# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan tables of the wallets, with keys and watch-only."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.password import PasswordSource
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import opening, wallet, watch_wallet
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.opening import Opening, Wallet

NODE, OTHER = "02" + "ab" * 32, "03" + "cd" * 32
OWNER: dict[str, t.Any] = {
    "seed_recipient": "age1skyj5nxekkd4wxnud5257k8zadnj3taquxua0mu6jhxdpuwlpgzsyafzf2",
    "seed_path": "/seed.age",
}
OPENING = Opening(
    unlocked=True,
    auto_unlock=False,
    wait_for="RPC_ACTIVE",
    wait_timeout=60,
    password=PasswordSource("/password", None, ""),
)
NO_PASSWORD = replace(OPENING, password=PasswordSource(None, None, ""))

MISSING, LOCKED = Wallet("NON_EXISTING"), Wallet("LOCKED")
OPEN = Wallet("SERVER_ACTIVE", NODE)


def desired(how: Opening = OPENING, **changes: t.Any) -> wallet.WantedWallet:
    return wallet.WantedWallet(network="regtest", opening=how, **changes)


@pytest.mark.parametrize(
    ("wanted", "present", "actions"),
    [
        (desired(**OWNER), MISSING, ["create"]),
        (desired(mnemonic_file="/m"), MISSING, ["restore"]),
        (desired(mnemonic_file="/m", birthday=1, birthday_path="/b"), MISSING, ["restore"]),
        (desired(**OWNER), LOCKED, ["unlock"]),
        (desired(replace(OPENING, unlocked=False), **OWNER), LOCKED, []),
        (desired(replace(OPENING, auto_unlock=True), **OWNER), LOCKED, []),
        (desired(**OWNER), OPEN, []),
        (desired(replace(OPENING, node_id=NODE.upper())), OPEN, []),
        # Whose wallet it is cannot be seen while it is locked; it is looked at as soon as it is open.
        (desired(replace(OPENING, node_id=OTHER)), LOCKED, ["unlock"]),
        (desired(NO_PASSWORD), OPEN, []),
        (desired(mnemonic_file="/m", birthday=1, birthday_path="/b"), OPEN, ["record_birthday"]),
        (desired(mnemonic_file="/m", birthday=1, birthday_path="/b"), LOCKED, ["unlock", "record_birthday"]),
        (desired(mnemonic_file="/m", birthday=1, birthday_path="/b"), replace(OPEN, birthday=2), []),
    ],
)
def test_wallet(wanted: wallet.WantedWallet, present: Wallet, actions: list[str]) -> None:
    steps = wallet.plan_wallet(wanted, present, "node")
    assert [action.name for action in steps.actions] == actions
    assert steps.changed is bool(actions)
    assert (steps.before == steps.after) is not steps.changed


@pytest.mark.parametrize(
    ("wanted", "present", "error"),
    [
        (desired(), MISSING, Refused),
        (desired(seed_recipient="", seed_path="/seed.age"), MISSING, Refused),
        (desired(seed_recipient="age1no", seed_path="/seed.age"), MISSING, InvalidInput),
        (desired(mnemonic_file="/m", birthday_path="/b"), MISSING, InvalidInput),
        (desired(NO_PASSWORD, **OWNER), MISSING, InvalidInput),
        (desired(NO_PASSWORD), LOCKED, InvalidInput),
        (desired(replace(OPENING, node_id=OTHER)), OPEN, Refused),
    ],
)
def test_wallet_refused(wanted: wallet.WantedWallet, present: Wallet, error: type[Exception]) -> None:
    with pytest.raises(error):
        wallet.plan_wallet(wanted, present, "node")


@pytest.mark.parametrize(
    ("how", "present", "actions"),
    [
        (OPENING, MISSING, ["create"]),
        (OPENING, LOCKED, ["unlock"]),
        (replace(OPENING, auto_unlock=True), LOCKED, []),
        (replace(OPENING, unlocked=False), LOCKED, []),
        (replace(OPENING, node_id=NODE), OPEN, []),
    ],
)
def test_watch_wallet(how: Opening, present: Wallet, actions: list[str]) -> None:
    wanted = watch_wallet.WantedWatchWallet(accounts=(), birthday=1, opening=how, chain_directory="/chain")
    steps = watch_wallet.plan_watch_wallet(wanted, present, "node")
    assert [action.name for action in steps.actions] == actions


def test_watch_wallet_refused() -> None:
    with pytest.raises(Refused, match=f"its node is {NODE}, not {OTHER}"):
        opening.plan_opening(replace(OPENING, node_id=OTHER), OPEN, "node")


@pytest.mark.parametrize("recovery_window", [0, 500])
def test_keys_of_a_lost_wallet_are_not_used_again(tmp_path: Path, recovery_window: int) -> None:
    """A channel.backup shows that there was a wallet."""
    wanted = watch_wallet.WantedWatchWallet(
        accounts=(), birthday=1, opening=OPENING, chain_directory=str(tmp_path), recovery_window=recovery_window
    )
    assert watch_wallet.plan_watch_wallet(wanted, MISSING, "node").changed
    (tmp_path / "channel.backup").touch()
    if recovery_window:
        assert watch_wallet.plan_watch_wallet(wanted, MISSING, "node").changed
        return
    with pytest.raises(Refused, match="would use the keys of its channels again"):
        watch_wallet.plan_watch_wallet(wanted, MISSING, "node")
