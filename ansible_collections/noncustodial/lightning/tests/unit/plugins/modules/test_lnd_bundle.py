# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenant's and the provider's module together, whole, against a scripted signer."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.unit import bundles
from ansible_collections.noncustodial.lightning.tests.unit.scripted import Call, ScriptedLnd

INFO = Call(
    "lnrpc.Lightning/GetInfo", {"identity_pubkey": bundles.wallets()["regtest"]["node_id"], "version": "0.21.2-beta commit="}, macaroon=True
)
ACCOUNTS = Call(
    "walletrpc.WalletKit/ListAccounts",
    {
        "accounts": [
            {"name": "default", "derivation_path": path, "extended_public_key": xpub}
            for path, xpub in bundles.wallets()["regtest"]["accounts"].items()
        ]
    },
    macaroon=True,
)
READ = (INFO, ACCOUNTS)


@dataclass
class Desk:
    """Both sides' files."""

    keys: bundles.Keys
    path: Path
    tenant: dict[str, t.Any]
    provider: dict[str, t.Any]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    keys = bundles.make_keys(tmp_path / "keys")
    kit, path = tmp_path / "kit.json", tmp_path / "bundle.json"
    kit.write_text(json.dumps(bundles.kit(age_recipient=keys.recipient)))
    (tmp_path / "grant").write_bytes(bundles.baked().encode())
    (tmp_path / "birthday").write_text("1600000000\n")
    common = {"path": str(path), "kit_file": str(kit)}
    tenant = {
        **common,
        "endpoint": "localhost:10009",
        "macaroon_file": str(tmp_path / "grant"),
        "birthday_file": str(tmp_path / "birthday"),
        "signing_key_file": keys.signing_key_file,
    }
    return Desk(keys, path, tenant, {**common, "identity_file": keys.identity, "signing_key": keys.signing_key})


def no_secret(*results: object) -> None:
    """Neither the macaroon nor an account, also not in the options as a log at -vvv shows them."""
    text = json.dumps(results)
    assert bundles.baked().encode().hex() not in text
    assert not [one for one in bundles.accounts() if one["xpub"] in text]


def test_check_mode_predicts_and_does_not_touch(scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, desk: Desk) -> None:
    lnd = scripted(*READ)
    result = succeeds("lnd_bundle", True, **lnd.options, **desk.tenant)
    assert (result["changed"], result["actions"], result["mode"]) == (True, ["write"], "0600")
    assert result["diff"]["before"] == {"mode": None}
    assert not desk.path.exists()
    no_secret(result)


def test_written_once_and_taken(scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, desk: Desk) -> None:
    lnd = scripted(*READ, *READ, *READ)
    first = succeeds("lnd_bundle", **lnd.options, **desk.tenant)
    content = desk.path.read_bytes()
    second = succeeds("lnd_bundle", **lnd.options, **desk.tenant)
    assert (first["changed"], second["changed"], desk.path.read_bytes()) == (True, False, content)
    taken = succeeds("lnd_bundle_info", **desk.provider)
    assert (taken["changed"], taken["sha256"], taken["bundle"]) == (False, first["sha256"], second["bundle"])
    no_secret(first, second, taken)


def test_secrets_only_where_they_are_hidden(scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, fails: t.Any, desk: Desk) -> None:
    lnd = scripted(*READ, *READ)
    succeeds("lnd_bundle", **lnd.options, **desk.tenant)
    assert "Set no_log: true" in fails("lnd_bundle_info", with_secrets=True, **desk.provider)
    opened = succeeds("lnd_bundle_info", with_secrets=True, _ansible_no_log=True, **desk.provider)
    assert opened["bundle"]["macaroon"] == bundles.baked().encode().hex()
    assert opened["bundle"]["accounts"] == bundles.accounts()


def test_a_refused_bundle_names_every_fault(scripted: t.Callable[..., ScriptedLnd], module: t.Any, desk: Desk) -> None:
    lnd = scripted(*READ)
    result = module("lnd_bundle", **lnd.options, **{**desk.tenant, "endpoint": "signer.example.com:1", "close_address": "bc1q"})
    assert result["failed"] is True
    assert sorted(problem["path"] for problem in result["problems"]) == ["certificate", "close_address"]
    assert "has not the dialled name signer.example.com; it has localhost" in result["msg"]
    assert not desk.path.exists()


def test_a_kit_for_another_network_than_the_signer_is_on(scripted: t.Callable[..., ScriptedLnd], module: t.Any, desk: Desk) -> None:
    Path(desk.tenant["kit_file"]).write_text(json.dumps(bundles.kit(network="mainnet", age_recipient=desk.keys.recipient)))
    result = module("lnd_bundle", **scripted(*READ).options, **desk.tenant)
    assert [problem["path"] for problem in result["problems"]] == ["network"]


def test_a_bundle_that_is_not_there(fails: t.Any, desk: Desk) -> None:
    assert "bundle.json" in fails("lnd_bundle_info", **desk.provider)
