# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import watch_wallet
from ansible_collections.noncustodial.lightning.plugins.modules import lnd_watch_wallet
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import STAYS_OPEN, Call, Fails, ScriptedLnd

GET, SUBSCRIBE = "lnrpc.State/GetState", "lnrpc.State/SubscribeState"
INIT, INFO, LIST = "lnrpc.WalletUnlocker/InitWallet", "lnrpc.Lightning/GetInfo", "walletrpc.WalletKit/ListAccounts"
NEXT_KEY = "walletrpc.WalletKit/DeriveNextKey"
NODE = bundles.wallets()["regtest"]["node_id"]
OTHER = "03" + "cd" * 32
XPRV = "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U"
BIRTHDAY = 1795371189

Scripted = t.Callable[..., ScriptedLnd]
Options = dict[str, t.Any]


def states(*names: str) -> list[dict[str, str]]:
    return [{"state": name} for name in names]


def beginning(state: str, before: t.Callable[[], object] | None = None) -> list[Call]:
    return [Call(SUBSCRIBE, states(state)), Call(GET, {"state": state}, macaroon=False, before=before)]


# Seconds of a wait that is to run out: long enough for all calls before, however busy the machine is.
RUNS_OUT = 1.5


def listed(accounts: list[dict[str, t.Any]], watch_only: bool = True) -> dict[str, t.Any]:
    """Return the answer of ListAccounts."""
    return {
        "accounts": [
            {
                "extended_public_key": one["xpub"],
                "derivation_path": f"m/{one['purpose']}'/{one['coin_type']}'/{one['account']}'",
                "watch_only": watch_only,
            }
            for one in accounts
        ]
    }


def end(answer: dict[str, t.Any] | None = None, node: str = NODE) -> list[Call]:
    """Return the calls after InitWallet."""
    return [
        Call(SUBSCRIBE, states("UNLOCKED")),
        Call(GET, {"state": "UNLOCKED"}),
        Call(SUBSCRIBE, states("RPC_ACTIVE")),
        Call(SUBSCRIBE, states("RPC_ACTIVE")),
        Call(INFO, {"identity_pubkey": node}, macaroon=True),
        Call(LIST, answer or listed(bundles.accounts()), macaroon=True),
    ]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    file = tmp_path / "password"
    file.write_text("correct-horse-battery")
    return {"accounts": bundles.accounts(), "birthday": BIRTHDAY, "wallet_password_file": str(file)}


def spoiled(index: int, **changes: t.Any) -> list[dict[str, t.Any]]:
    """Return the accounts with one of them changed."""
    accounts = bundles.accounts()
    accounts[index].update(changes)
    return accounts


def test_create(scripted: Scripted, succeeds: t.Any, options: Options) -> None:
    request = {
        "wallet_password": b"correct-horse-battery",
        "watch_only": {"master_key_birthday_timestamp": BIRTHDAY, "accounts": bundles.accounts()},
    }
    lnd = scripted(*beginning("NON_EXISTING"), Call(INIT, request=request, macaroon=False), *end())
    result = succeeds("lnd_watch_wallet", node_id=NODE, **options, **lnd.options)
    assert (result["changed"], result["created"], result["actions"]) == (True, True, ["create"])
    assert (result["state"], result["node_id"]) == ("RPC_ACTIVE", NODE)
    # Accounts are confidential: they are not in what goes to a log at -vvv.
    assert not any(account["xpub"] in json.dumps(result) for account in bundles.accounts())


def test_somebody_else_comes_first(scripted: Scripted, fails: t.Any, options: Options) -> None:
    lnd = scripted(*beginning("NON_EXISTING"), Call(INIT, Fails("wallet already exists")))
    assert "has got a wallet meanwhile that this run has not made" in fails(
        "lnd_watch_wallet", **options, **lnd.options
    )


def test_check_mode(scripted: Scripted, succeeds: t.Any, options: Options) -> None:
    lnd = scripted(*beginning("NON_EXISTING"))
    result = succeeds("lnd_watch_wallet", check=True, **options, **lnd.options)
    assert (result["actions"], result["node_id"], result["state"]) == (["create"], NODE, "RPC_ACTIVE")


def test_existing_is_unchanged(scripted: Scripted, succeeds: t.Any, options: Options) -> None:
    lnd = scripted(
        *beginning("SERVER_ACTIVE"),
        Call(INFO, {"identity_pubkey": NODE}, macaroon=True),
        Call(SUBSCRIBE, states("SERVER_ACTIVE")),
        Call(LIST, listed(bundles.accounts())),
    )
    assert succeeds("lnd_watch_wallet", **options, **lnd.options)["changed"] is False


def test_one_that_has_served_is_waited_for_once(scripted: Scripted, succeeds: t.Any, options: Options) -> None:
    lnd = scripted(
        *beginning("LOCKED"),
        Call(SUBSCRIBE, states("LOCKED", "UNLOCKED", "RPC_ACTIVE")),
        Call(INFO, {"identity_pubkey": NODE}, macaroon=True),
        Call(LIST, listed(bundles.accounts())),
    )
    (lnd.macaroon_file.parent / "channel.backup").touch()
    assert succeeds("lnd_watch_wallet", auto_unlock=True, **options, **lnd.options)["changed"] is False


def test_existing_of_another_seed(scripted: Scripted, fails: t.Any, options: Options) -> None:
    lnd = scripted(*beginning("SERVER_ACTIVE"), Call(INFO, {"identity_pubkey": OTHER}))
    message = fails("lnd_watch_wallet", **options, **lnd.options)
    assert NODE in message
    assert OTHER in message


def test_lost_answer_is_read_again(scripted: Scripted, succeeds: t.Any, options: Options) -> None:
    lost = Fails("the connection broke", "UNAVAILABLE")
    after = [
        Call(GET, {"state": "RPC_ACTIVE"}),
        Call(INFO, {"identity_pubkey": NODE}),
        Call(SUBSCRIBE, states("RPC_ACTIVE")),
        Call(LIST, listed(bundles.accounts())),
    ]
    lnd = scripted(*beginning("NON_EXISTING"), Call(INIT, lost), *after)
    assert succeeds("lnd_watch_wallet", **options, **lnd.options)["created"] is True


class TestRecoveryWindow:
    """The wallet replaces a lost one, of whose channels the peers know the keys."""

    PASSED_OVER: t.ClassVar[list[Call]] = [
        Call(LIST, listed(bundles.accounts()), macaroon=True),
        *(Call(NEXT_KEY, request={"key_family": family}, macaroon=True) for family in (0, 1, 2, 3, 4, 5, 8)),
    ]

    def test_keys_are_passed_over_before_lnd_opens_itself_to_peers(
        self, scripted: Scripted, succeeds: t.Any, options: Options
    ) -> None:
        lnd = scripted(
            *beginning("RPC_ACTIVE"),
            Call(INFO, {"identity_pubkey": NODE}),
            Call(SUBSCRIBE, states("RPC_ACTIVE")),
            Call(LIST, listed(bundles.accounts())),
            *self.PASSED_OVER,
            Call(SUBSCRIBE, states("RPC_ACTIVE", "SERVER_ACTIVE")),
        )
        window = {"recovery_window": 1, "recovery_window_path": f"{lnd.macaroon_file}.recovery_window"}
        result = succeeds("lnd_watch_wallet", wait_for="SERVER_ACTIVE", **window, **options, **lnd.options)
        assert result["state"] == "SERVER_ACTIVE"
        assert lnd.left == []

    def test_an_interruption_does_not_forget_it(
        self, tmp_path: Path, scripted: Scripted, module: t.Any, succeeds: t.Any, options: Options
    ) -> None:
        record: list[tuple[str, int]] = []
        lnd = scripted(
            *beginning("NON_EXISTING"),
            Call(INIT, before=lambda: record.append((path.read_text(), path.stat().st_mode & 0o777))),
            Call(SUBSCRIBE, states("UNLOCKED")),
            Call(GET, {"state": "UNLOCKED"}),
            Call(SUBSCRIBE, states("RPC_ACTIVE")),
            Call(INFO, {"identity_pubkey": NODE}),
            Call(LIST, Fails("the disk is full")),
            # Run again, without the option.
            *beginning("RPC_ACTIVE"),
            Call(INFO, {"identity_pubkey": NODE}),
            Call(SUBSCRIBE, states("RPC_ACTIVE")),
            Call(LIST, listed(bundles.accounts())),
            *self.PASSED_OVER,
        )
        path = tmp_path / "recovery_window"
        options["recovery_window_path"] = str(path)
        interrupted = module("lnd_watch_wallet", recovery_window=1, **options, **lnd.options)
        assert "the disk is full" in interrupted["msg"]
        assert record == [("1\n", 0o600)]
        assert succeeds("lnd_watch_wallet", **options, **lnd.options)["changed"] is False
        assert lnd.left == []
        assert not path.exists()

    def test_one_that_never_starts_is_not_to_be_removed_with_its_database(
        self, tmp_path: Path, scripted: Scripted, module: t.Any, options: Options
    ) -> None:
        """Its channels are in the database, though lnd has not written channel.backup on this machine."""
        lnd = scripted(*beginning("LOCKED"), Call(SUBSCRIBE, [*states("LOCKED"), STAYS_OPEN]))
        (tmp_path / "recovery_window").write_text("5000\n")
        options["recovery_window_path"] = f"{tmp_path}/recovery_window"
        result = module("lnd_watch_wallet", auto_unlock=True, wait_timeout=RUNS_OUT, **options, **lnd.options)
        assert result["failed"] is True
        assert "reason" not in result


class TestHalfMade:
    """lnd was killed while it imported the accounts."""

    def test_never_starts(self, scripted: Scripted, module: t.Any, options: Options) -> None:
        lnd = scripted(*beginning("LOCKED"), Call(SUBSCRIBE, [*states("LOCKED", "UNLOCKED"), STAYS_OPEN]))
        result = module("lnd_watch_wallet", auto_unlock=True, wait_timeout=RUNS_OUT, **options, **lnd.options)
        assert result["reason"] == "wallet_incomplete"
        assert "UNLOCKED" in result["msg"]

    def test_never_starts_is_soon_found(
        self, scripted: Scripted, module: t.Any, options: Options, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However long the chain may take."""
        lnd = scripted(
            *beginning("LOCKED", lambda: monkeypatch.setattr(watch_wallet, "START_WAIT_SECONDS", 0.0)),
            Call(SUBSCRIBE, states("LOCKED", "UNLOCKED")),
        )
        result = module(
            "lnd_watch_wallet", auto_unlock=True, wait_for="SERVER_ACTIVE", wait_timeout=1800, **options, **lnd.options
        )
        assert result["reason"] == "wallet_incomplete"

    def test_cannot_be_reached_any_more(
        self, scripted: Scripted, module: t.Any, options: Options, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lnd = scripted(
            *beginning("LOCKED", lambda: monkeypatch.setattr(watch_wallet, "START_WAIT_SECONDS", 0.0)),
            Call(SUBSCRIBE, [Fails("gone", "UNAVAILABLE")]),
        )
        result = module("lnd_watch_wallet", auto_unlock=True, wait_timeout=1800, **options, **lnd.options)
        assert result["reason"] == "wallet_incomplete"

    def test_one_that_is_not_in_step_with_the_chain_is_no_such_case(
        self, scripted: Scripted, module: t.Any, options: Options
    ) -> None:
        """It serves calls, and would write channel.backup only later."""
        lnd = scripted(
            *beginning("LOCKED"),
            Call(SUBSCRIBE, states("UNLOCKED", "RPC_ACTIVE")),
            Call(SUBSCRIBE, [*states("RPC_ACTIVE"), STAYS_OPEN]),
        )
        result = module(
            "lnd_watch_wallet",
            auto_unlock=True,
            wait_for="SERVER_ACTIVE",
            wait_timeout=RUNS_OUT,
            **options,
            **lnd.options,
        )
        assert result["failed"] is True
        assert "last seen: RPC_ACTIVE" in result["msg"]
        assert "reason" not in result

    def test_once_served_is_no_such_case(self, scripted: Scripted, module: t.Any, options: Options) -> None:
        lnd = scripted(*beginning("LOCKED"), Call(SUBSCRIBE, [*states("LOCKED"), STAYS_OPEN]))
        (lnd.macaroon_file.parent / "channel.backup").touch()
        result = module("lnd_watch_wallet", auto_unlock=True, wait_timeout=RUNS_OUT, **options, **lnd.options)
        assert result["failed"] is True
        assert "reason" not in result

    def test_lacks_accounts(self, scripted: Scripted, module: t.Any, options: Options) -> None:
        lnd = scripted(*beginning("NON_EXISTING"), Call(INIT), *end(listed(bundles.accounts()[:200])), Call(INFO))
        result = module("lnd_watch_wallet", **options, **lnd.options)
        assert result["reason"] == "wallet_incomplete"
        assert "lacks 59 of the 259 accounts" in result["msg"]

    def test_lacks_accounts_and_has_channels(self, scripted: Scripted, module: t.Any, options: Options) -> None:
        lnd = scripted(
            *beginning("NON_EXISTING"),
            Call(INIT),
            *end(listed(bundles.accounts()[:200])),
            Call(INFO, {"num_pending_channels": 1}),
        )
        result = module("lnd_watch_wallet", **options, **lnd.options)
        assert "Drain and close" in result["msg"]
        assert "reason" not in result


def test_one_that_is_not_there_is_soon_found(
    fails: t.Any, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_wallet, "START_WAIT_SECONDS", 0.1)
    message = fails(
        "lnd_watch_wallet",
        rpcserver="localhost:1",
        lnddir=str(tmp_path),
        network="regtest",
        wait_timeout=1800,
        **options,
    )
    assert "Waited 0.1 s for lnd to be NON_EXISTING" in message


def test_wallet_with_private_keys(scripted: Scripted, fails: t.Any, options: Options) -> None:
    lnd = scripted(*beginning("NON_EXISTING"), Call(INIT), *end(listed(bundles.accounts(), watch_only=False)))
    assert "holds private keys, of 259 accounts" in fails("lnd_watch_wallet", **options, **lnd.options)


class TestRefusedBeforeAnyConnection:
    """There is no server here: all of this is found offline."""

    @pytest.fixture
    def refused(self, module: t.Any, options: Options) -> t.Callable[..., str]:
        def go(**changes: t.Any) -> str:
            result = module(
                "lnd_watch_wallet",
                **{"rpcserver": "localhost:1", "lnddir": "/nonexistent", "network": "regtest", **options, **changes},
            )
            assert result["failed"] is True
            assert result["problems"]
            return str(result["msg"])

        return go

    def test_missing_accounts(self, refused: t.Any) -> None:
        accounts = bundles.accounts()
        assert "accounts lack m/86'/0'/0'" in refused(accounts=accounts[:2] + accounts[3:])

    def test_private_key(self, module: t.Any, refused: t.Any) -> None:
        message = refused(accounts=spoiled(2, xpub=XPRV))
        assert "accounts[2].xpub (m/86'/0'/0') is a private key" in message
        assert XPRV not in message

    def test_another_network(self, refused: t.Any) -> None:
        assert "is of another network" in refused(
            accounts=spoiled(2, xpub=bundles.wallets()["mainnet"]["accounts"]["m/86'/0'/0'"])
        )

    def test_another_coin_type(self, refused: t.Any) -> None:
        assert "none that a node on regtest wants" in refused(accounts=spoiled(10, coin_type=0))

    def test_all_for_another_network(self, refused: t.Any) -> None:
        assert "is of another network" in refused(network="mainnet")

    def test_of_another_seed_than_said(self, refused: t.Any) -> None:
        message = refused(node_id=OTHER)
        assert NODE in message
        assert "of another seed" in message

    def test_altered_key(self, refused: t.Any) -> None:
        xpub = bundles.accounts()[0]["xpub"]
        assert "wrong checksum" in refused(accounts=spoiled(0, xpub=xpub[:-1] + ("A" if xpub[-1] != "A" else "B")))

    def test_two_accounts_swapped(self, refused: t.Any) -> None:
        accounts = bundles.accounts()
        accounts[5]["xpub"], accounts[6]["xpub"] = accounts[6]["xpub"], accounts[5]["xpub"]
        assert "child number" in refused(accounts=accounts)


def test_private_key_is_not_logged(module: t.Any, options: Options) -> None:
    result = module("lnd_watch_wallet", **{**options, "accounts": spoiled(2, xpub=XPRV)})
    assert XPRV not in json.dumps(result)


def test_no_option_can_carry_a_seed() -> None:
    documentation = lnd_watch_wallet.DOCUMENTATION
    for word in ("mnemonic", "seed_", "passphrase", "xprv", "extended_master_key"):
        assert f"  {word}" not in documentation


def test_nothing_that_makes_or_takes_a_seed_is_loaded() -> None:
    """The provider's side cannot hold a seed, by construction: the code for it is not even in the module's archive."""
    package = "ansible_collections.noncustodial.lightning.plugins"
    look = f"import sys, {package}.modules.lnd_watch_wallet; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True).stdout.split()
    assert f"{package}.module_utils._lnd.watch_wallet" in loaded
    assert not {f"{package}.module_utils._lnd.{name}" for name in ("wallet", "seed")}.intersection(loaded)
