# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd

UNLOCKER = "lnrpc.WalletUnlocker"
GET, SUBSCRIBE, INFO = "lnrpc.State/GetState", "lnrpc.State/SubscribeState", "lnrpc.Lightning/GetInfo"
NODE, OTHER = "02" + "ab" * 32, "03" + "cd" * 32
PASSWORD = "correct-horse-battery"
WORDS = [f"mnemonicword{number}" for number in range(24)]

Scripted = t.Callable[..., ScriptedLnd]


def states(*names: str) -> list[dict[str, str]]:
    return [{"state": name} for name in names]


def beginning(state: str) -> list[Call]:
    """Return the module's first calls."""
    return [Call(SUBSCRIBE, states(state)), Call(GET, {"state": state}, macaroon=False)]


def end(node: str = NODE) -> list[Call]:
    """Return the calls after the wallet has been opened."""
    return [
        Call(SUBSCRIBE, states("UNLOCKED")),
        Call(GET, {"state": "UNLOCKED"}),
        Call(SUBSCRIBE, states("RPC_ACTIVE")),
        Call(INFO, {"identity_pubkey": node}, macaroon=True),
    ]


@pytest.fixture
def password(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return {"wallet_password_file": str(file)}


@pytest.fixture
def owner(tmp_path: Path) -> dict[str, str]:
    """The owner of a new seed: the module's options, and for the test the private key's file."""
    identity = tmp_path / "identity"
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
    recipient = subprocess.run(
        ["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True
    ).stdout.strip()
    return {"seed_recipient": recipient, "seed_path": str(tmp_path / "seed.age")}


def decrypted(tmp_path: Path, name: str = "seed.age") -> str:
    return subprocess.run(
        ["age", "-d", "-i", str(tmp_path / "identity"), str(tmp_path / name)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def creation(tmp_path: Path, words: list[str] = WORDS) -> list[Call]:
    """Return GenSeed and InitWallet. When InitWallet comes, the owner must already have the seed."""

    def owner_has_the_seed() -> None:
        assert decrypted(tmp_path).splitlines()[-1].split() == words

    return [
        Call(f"{UNLOCKER}/GenSeed", {"cipher_seed_mnemonic": words}),
        Call(
            f"{UNLOCKER}/InitWallet",
            request={"wallet_password": PASSWORD.encode(), "cipher_seed_mnemonic": words},
            before=owner_has_the_seed,
        ),
    ]


def shown(result: object) -> str:
    return json.dumps(result)


def assert_no_secret(result: object) -> None:
    """Check that neither a word of the seed nor the password is in the output for Ansible, which is its log at -vvv."""
    assert PASSWORD not in shown(result)
    assert "mnemonicword" not in shown(result)


class TestNewSeed:
    def test_create(self, tmp_path: Path, scripted: Scripted, succeeds: t.Any, password: t.Any, owner: t.Any) -> None:
        lnd = scripted(*beginning("NON_EXISTING"), *creation(tmp_path), *end())
        birthday = tmp_path / "birthday"
        result = succeeds("lnd_wallet", birthday_path=str(birthday), **password, **owner, **lnd.options)
        assert (result["changed"], result["created"], result["actions"]) == (True, True, ["create"])
        assert (result["state"], result["node_id"], result["seed_path"]) == ("RPC_ACTIVE", NODE, owner["seed_path"])
        assert birthday.read_text() == f"{result['birthday']}\n"
        assert os.stat(owner["seed_path"]).st_mode & 0o777 == 0o600
        assert f"birthday {result['birthday']}" in decrypted(tmp_path)
        assert_no_secret(result)

    def test_two_runs_go_one_after_the_other(
        self, tmp_path: Path, scripted: Scripted, succeeds: t.Any, password: t.Any, owner: t.Any
    ) -> None:
        """No other run looks whether there is a wallet, or makes one, until this run has one."""
        lnd: ScriptedLnd
        turns: list[str] = []

        def has_its_turn() -> None:
            with open(lnd.folder / "tls.cert", "rb") as certificate, pytest.raises(BlockingIOError):
                fcntl.flock(certificate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            turns.append("taken")

        watch, look, generate, make = *beginning("NON_EXISTING"), *creation(tmp_path)
        alone = [replace(call, before=has_its_turn) for call in (look, generate, make)]
        lnd = scripted(watch, *alone, *end())
        assert succeeds("lnd_wallet", **password, **owner, **lnd.options)["created"] is True
        assert turns == ["taken"] * 3

    def test_check_mode_touches_nothing(
        self, tmp_path: Path, scripted: Scripted, succeeds: t.Any, owner: t.Any
    ) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        result = succeeds(
            "lnd_wallet", check=True, wallet_password_file=str(tmp_path / "not there yet"), **owner, **lnd.options
        )
        assert (result["changed"], result["created"], result["actions"]) == (True, True, ["create"])
        assert not os.path.exists(owner["seed_path"])

    def test_somebody_else_comes_first(self, scripted: Scripted, fails: t.Any, password: t.Any, owner: t.Any) -> None:
        generated = Call(f"{UNLOCKER}/GenSeed", {"cipher_seed_mnemonic": WORDS})
        lnd = scripted(
            *beginning("NON_EXISTING"), generated, Call(f"{UNLOCKER}/InitWallet", Fails("wallet already exists"))
        )
        message = fails("lnd_wallet", **password, **owner, **lnd.options)
        assert "has got a wallet meanwhile that this run has not made" in message
        assert "see who reached its port" in message

    def test_an_interrupted_run_has_asked_for_a_wallet(
        self, tmp_path: Path, scripted: Scripted, fails: t.Any, password: t.Any, owner: t.Any
    ) -> None:
        """The seed that was kept then stays the only one."""
        (tmp_path / "seed.age").write_text("that of the wallet")
        lnd = scripted(
            *beginning("NON_EXISTING"), Call(f"{UNLOCKER}/GenSeed", Fails("wallet already exists", "UNKNOWN"))
        )
        message = fails("lnd_wallet", **password, **owner, **lnd.options)
        assert "Start that lnd again, and run again" in message
        assert [path.read_text() for path in tmp_path.glob("seed.age*")] == ["that of the wallet"]

    def test_an_older_seed_is_kept(
        self, tmp_path: Path, scripted: Scripted, succeeds: t.Any, password: t.Any, owner: t.Any
    ) -> None:
        for name in ("seed.age", "seed.age.1"):
            (tmp_path / name).write_text(f"what was in {name}")
        lnd = scripted(*beginning("NON_EXISTING"), *creation(tmp_path), *end())
        succeeds("lnd_wallet", **password, **owner, **lnd.options)
        assert (tmp_path / "seed.age.1").read_text() == "what was in seed.age.1"
        assert (tmp_path / "seed.age.2").read_text() == "what was in seed.age"

    @pytest.mark.parametrize("check", [False, True])
    def test_none_where_a_copy_of_a_seed_is_kept(
        self, scripted: Scripted, fails: t.Any, password: t.Any, owner: t.Any, check: bool
    ) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        message = fails("lnd_wallet", check, seed_copy="/desk/seed.age", **password, **owner, **lnd.options)
        assert "There is a seed for this node at /desk/seed.age" in message
        assert "move that file away" in message
        assert not os.path.exists(owner["seed_path"])

    def test_without_an_owner_refused(self, scripted: Scripted, fails: t.Any, password: t.Any) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        assert "nobody to whom a new seed could be handed over" in fails("lnd_wallet", **password, **lnd.options)

    @pytest.mark.parametrize("network", ["mainnet", "testnet", "signet", "regtest"])
    def test_refused_on_every_network(self, scripted: Scripted, fails: t.Any, password: t.Any, network: str) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        assert "seed_recipient" in fails("lnd_wallet", **password, **{**lnd.options, "network": network})

    def test_no_wallet_when_the_seed_cannot_be_written(
        self, scripted: Scripted, fails: t.Any, password: t.Any, owner: t.Any
    ) -> None:
        lnd = scripted(*beginning("NON_EXISTING"), Call(f"{UNLOCKER}/GenSeed", {"cipher_seed_mnemonic": WORDS}))
        message = fails("lnd_wallet", **password, **{**owner, "seed_path": "/nonexistent/seed.age"}, **lnd.options)
        assert "Cannot write /nonexistent/seed.age" in message
        assert_no_secret(message)

    @pytest.mark.parametrize(
        ("recipient", "word"),
        [
            ("AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3JN54KH", "private key"),
            ("age1short", "neither an age key"),
            ("--output=/etc/passwd", "neither an age key"),
            ("ssh-rsa AAAAB3NzaC1yc2E=", "neither an age key"),
            ("age1yubikey1qdrjfp4tjl4p4lhc6a6lmfrvknjf5dcw2f8e4dnzsk4gvvj7l8f8zyq6x2", "neither an age key"),
        ],
    )
    def test_recipients_that_are_none(
        self, scripted: Scripted, fails: t.Any, password: t.Any, recipient: str, word: str
    ) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        assert word in fails(
            "lnd_wallet", seed_recipient=recipient, seed_path="/nonexistent/seed.age", **password, **lnd.options
        )

    def test_an_ssh_key_is_taken(self, tmp_path: Path, scripted: Scripted, succeeds: t.Any, password: t.Any) -> None:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "identity")], check=True)
        owner = {
            "seed_recipient": (tmp_path / "identity.pub").read_text().strip(),
            "seed_path": str(tmp_path / "seed.age"),
        }
        lnd = scripted(*beginning("NON_EXISTING"), *creation(tmp_path), *end())
        assert succeeds("lnd_wallet", **password, **owner, **lnd.options)["created"] is True


class TestGivenSeed:
    @pytest.fixture
    def mnemonic(self, tmp_path: Path) -> dict[str, str]:
        file = tmp_path / "mnemonic"
        file.write_text("# as lnd_wallet writes it\n" + " ".join(WORDS) + "\n")
        return {"mnemonic_file": str(file)}

    def test_restore(
        self, tmp_path: Path, scripted: Scripted, succeeds: t.Any, password: t.Any, mnemonic: t.Any
    ) -> None:
        backup, birthday = tmp_path / "channel.backup", tmp_path / "birthday"
        backup.write_bytes(b"the backup")
        request = {
            "cipher_seed_mnemonic": WORDS,
            "recovery_window": 2,
            "channel_backups": {"multi_chan_backup": {"multi_chan_backup": b"the backup"}},
        }
        # The new wallet has derived one key of family 0.
        derived = [
            {"derivation_path": f"m/1017'/1'/{family}'", "external_key_count": int(family == 0)} for family in range(9)
        ]
        keys = [0, *(family for family in (1, 2, 3, 4, 5, 8) for _key in range(2))]
        record = tmp_path / "recovery_window"
        seen: list[str] = []
        lnd = scripted(
            *beginning("NON_EXISTING"),
            Call(
                f"{UNLOCKER}/InitWallet",
                request=request,
                before=lambda: seen.append(record.read_text()),
            ),
            *end(),
            Call("walletrpc.WalletKit/ListAccounts", {"accounts": derived}, macaroon=True),
            *(Call("walletrpc.WalletKit/DeriveNextKey", request={"key_family": one}, macaroon=True) for one in keys),
        )
        options = {
            "recovery_window": 2,
            "recovery_window_path": str(record),
            "channel_backup": str(backup),
            "birthday": 1767225600,
            "birthday_path": str(birthday),
        }
        result = succeeds("lnd_wallet", **options, **password, **mnemonic, **lnd.options)
        assert (result["actions"], result["created"], result["birthday"]) == (["restore"], True, 1767225600)
        assert "seed_path" not in result
        assert (seen, lnd.left, record.exists()) == (["2\n"], [], False)
        assert_no_secret(result)

    def test_channels_without_a_window(
        self, scripted: Scripted, fails: t.Any, password: t.Any, mnemonic: t.Any
    ) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        message = fails("lnd_wallet", channel_backup="/channel.backup", **password, **mnemonic, **lnd.options)
        assert "a new channel would use the keys of an old one again. Set recovery_window" in message

    @pytest.mark.parametrize(
        ("window", "recorded", "expected"),
        [
            (9, None, "recovery_window is set, and not recovery_window_path"),
            (100_001, None, "recovery_window is 100001, and at most 100000"),
            (0, "1000000000000", "does not hold a number of keys up to 100000"),
            (0, "²", "does not hold a number of keys up to 100000"),
        ],
    )
    def test_a_window_that_cannot_be_kept(
        self,
        tmp_path: Path,
        scripted: Scripted,
        fails: t.Any,
        password: t.Any,
        mnemonic: t.Any,
        window: int,
        recorded: str | None,
        expected: str,
    ) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        options = {**password, **mnemonic, **lnd.options}
        if recorded is not None:
            (tmp_path / "window").write_text(recorded)
            options["recovery_window_path"] = f"{tmp_path}/window"
        assert expected in fails("lnd_wallet", recovery_window=window, **options)

    def test_a_wrong_word_is_not_shown(
        self, scripted: Scripted, module: t.Any, password: t.Any, mnemonic: t.Any
    ) -> None:
        said = Fails("word mnemonicword7 isn't a part of default word list (index: 7)")
        lnd = scripted(*beginning("NON_EXISTING"), Call(f"{UNLOCKER}/InitWallet", said))
        result = module("lnd_wallet", **password, **mnemonic, **lnd.options)
        assert "word *** isn't a part of default word list (index: 7)" in result["msg"]
        assert_no_secret(result)

    def test_a_wrong_passphrase(self, scripted: Scripted, fails: t.Any, password: t.Any, mnemonic: t.Any) -> None:
        lnd = scripted(*beginning("NON_EXISTING"), Call(f"{UNLOCKER}/InitWallet", Fails("invalid passphrase")))
        assert "passphrase" in fails("lnd_wallet", **password, **mnemonic, **lnd.options)

    def test_too_few_words(
        self, tmp_path: Path, scripted: Scripted, fails: t.Any, password: t.Any, mnemonic: t.Any
    ) -> None:
        Path(mnemonic["mnemonic_file"]).write_text(" ".join(WORDS[:12]))
        lnd = scripted(*beginning("NON_EXISTING"))
        message = fails("lnd_wallet", **password, **mnemonic, **lnd.options)
        assert "holds 12 words" in message
        assert_no_secret(message)

    def test_its_birthday_must_be_given(
        self, scripted: Scripted, fails: t.Any, password: t.Any, mnemonic: t.Any
    ) -> None:
        lnd = scripted(*beginning("NON_EXISTING"))
        assert "Set birthday" in fails(
            "lnd_wallet", birthday_path="/nonexistent/birthday", **password, **mnemonic, **lnd.options
        )

    def test_not_both_seeds(self, fails: t.Any, owner: t.Any, mnemonic: t.Any) -> None:
        assert "mutually exclusive" in fails("lnd_wallet", **owner, **mnemonic)


class TestExistingWallet:
    def test_a_copy_of_its_seed_is_kept(self, scripted: Scripted, succeeds: t.Any, owner: t.Any) -> None:
        lnd = scripted(
            *beginning("RPC_ACTIVE"), Call(INFO, {"identity_pubkey": NODE}), Call(SUBSCRIBE, states("RPC_ACTIVE"))
        )
        assert succeeds("lnd_wallet", seed_copy="/desk/seed.age", **owner, **lnd.options)["changed"] is False

    def test_open_is_unchanged(self, scripted: Scripted, succeeds: t.Any, password: t.Any, owner: t.Any) -> None:
        lnd = scripted(
            *beginning("SERVER_ACTIVE"),
            Call(INFO, {"identity_pubkey": NODE}, macaroon=True),
            Call(SUBSCRIBE, states("SERVER_ACTIVE")),
        )
        result = succeeds("lnd_wallet", node_id=NODE.upper(), **password, **owner, **lnd.options)
        assert (result["changed"], result["created"], result["state"], result["node_id"]) == (
            False,
            False,
            "SERVER_ACTIVE",
            NODE,
        )
        assert not os.path.exists(owner["seed_path"])

    def test_of_another_seed_refused(self, scripted: Scripted, fails: t.Any, password: t.Any) -> None:
        lnd = scripted(*beginning("SERVER_ACTIVE"), Call(INFO, {"identity_pubkey": OTHER}))
        message = fails("lnd_wallet", node_id=NODE, **password, **lnd.options)
        assert NODE in message
        assert OTHER in message

    def test_locked_of_another_seed_refused_once_it_is_open(
        self, scripted: Scripted, fails: t.Any, password: t.Any
    ) -> None:
        lnd = scripted(*beginning("LOCKED"), Call(f"{UNLOCKER}/UnlockWallet"), *end(OTHER))
        assert "of another seed" in fails("lnd_wallet", node_id=NODE, **password, **lnd.options)

    def test_unlock(self, scripted: Scripted, succeeds: t.Any, password: t.Any) -> None:
        lnd = scripted(
            *beginning("LOCKED"),
            Call(f"{UNLOCKER}/UnlockWallet", request={"wallet_password": PASSWORD.encode()}),
            *end(),
        )
        result = succeeds("lnd_wallet", **password, **lnd.options)
        assert (result["actions"], result["created"], result["state"]) == (["unlock"], False, "RPC_ACTIVE")
        assert_no_secret(result)

    def test_unlock_in_check_mode(self, scripted: Scripted, succeeds: t.Any, password: t.Any) -> None:
        lnd = scripted(*beginning("LOCKED"))
        assert succeeds("lnd_wallet", check=True, **password, **lnd.options)["actions"] == ["unlock"]

    def test_unlocked_by_lnd_meanwhile(self, scripted: Scripted, succeeds: t.Any, password: t.Any) -> None:
        said = Fails("wallet already unlocked, WalletUnlocker service is no longer available")
        lnd = scripted(*beginning("LOCKED"), Call(f"{UNLOCKER}/UnlockWallet", said), *end())
        assert succeeds("lnd_wallet", **password, **lnd.options)["state"] == "RPC_ACTIVE"

    def test_auto_unlock_sends_no_password(self, scripted: Scripted, succeeds: t.Any) -> None:
        lnd = scripted(
            *beginning("LOCKED"),
            Call(SUBSCRIBE, states("LOCKED", "UNLOCKED", "RPC_ACTIVE")),
            Call(INFO, {"identity_pubkey": NODE}),
        )
        result = succeeds("lnd_wallet", auto_unlock=True, **lnd.options)
        assert (result["changed"], result["node_id"]) == (False, NODE)

    def test_present_leaves_it_locked(self, scripted: Scripted, succeeds: t.Any) -> None:
        lnd = scripted(*beginning("LOCKED"))
        result = succeeds("lnd_wallet", state="present", **lnd.options)
        assert (result["changed"], result["state"], result["node_id"]) == (False, "LOCKED", None)

    def test_wrong_password(self, scripted: Scripted, fails: t.Any, password: t.Any) -> None:
        lnd = scripted(
            *beginning("LOCKED"), Call(f"{UNLOCKER}/UnlockWallet", Fails("invalid passphrase for master public key"))
        )
        message = fails("lnd_wallet", **password, **lnd.options)
        assert "Check the file or the credential of the wallet password" in message
        assert_no_secret(message)

    def test_no_password_given(self, scripted: Scripted, fails: t.Any) -> None:
        lnd = scripted(*beginning("LOCKED"))
        assert "Set wallet_password_file or wallet_password_credential" in fails("lnd_wallet", **lnd.options)

    def test_the_birthday_of_a_brought_seed_is_recorded(
        self, tmp_path: Path, scripted: Scripted, succeeds: t.Any
    ) -> None:
        birthday = tmp_path / "birthday"
        active = Call(INFO, {"identity_pubkey": NODE})
        lnd = scripted(
            *beginning("RPC_ACTIVE"),
            active,
            Call(GET, {"state": "RPC_ACTIVE"}),
            active,
            Call(SUBSCRIBE, states("RPC_ACTIVE")),
        )
        options = {"mnemonic_file": "/nonexistent", "birthday": 1767225600, "birthday_path": str(birthday)}
        result = succeeds("lnd_wallet", **options, **lnd.options)
        assert (result["actions"], result["birthday"], birthday.read_text()) == (
            ["record_birthday"],
            1767225600,
            "1767225600\n",
        )


class TestSealedPassword:
    """systemd-creds needs a machine of its own, so that here a program of that name stands for it; the scenarios run
    the real one.
    """

    @pytest.fixture
    def systemd_creds(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        program = tmp_path / "bin/systemd-creds"
        program.parent.mkdir()
        program.write_text(
            "#!/bin/sh\n"
            '[ "$1 $2 $4" = "decrypt --name=wallet-password -" ] || exit 9\n'
            '[ "$(cat "$3")" = sealed ] || { echo wrong key >&2; exit 1; }\n'
            f"echo {PASSWORD}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        return tmp_path / "wallet-password"

    def test_unsealed(self, scripted: Scripted, succeeds: t.Any, systemd_creds: Path) -> None:
        systemd_creds.write_text("sealed")
        lnd = scripted(
            *beginning("LOCKED"),
            Call(f"{UNLOCKER}/UnlockWallet", request={"wallet_password": PASSWORD.encode()}),
            *end(),
        )
        assert_no_secret(succeeds("lnd_wallet", wallet_password_credential=str(systemd_creds), **lnd.options))

    def test_sealed_elsewhere(self, scripted: Scripted, fails: t.Any, systemd_creds: Path) -> None:
        systemd_creds.write_text("by another machine")
        lnd = scripted(*beginning("LOCKED"))
        message = fails("lnd_wallet", wallet_password_credential=str(systemd_creds), **lnd.options)
        assert f"cannot unseal {systemd_creds}: wrong key" in message

    def test_missing(self, scripted: Scripted, fails: t.Any, systemd_creds: Path) -> None:
        lnd = scripted(*beginning("LOCKED"))
        assert f"There is no file {systemd_creds}" in fails(
            "lnd_wallet", wallet_password_credential=str(systemd_creds), **lnd.options
        )
