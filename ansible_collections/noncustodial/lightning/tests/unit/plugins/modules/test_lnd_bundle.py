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

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import proof
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, ScriptedLnd

INFO = Call(
    "lnrpc.Lightning/GetInfo",
    {"identity_pubkey": bundles.wallets()["regtest"]["node_id"], "version": "0.21.3-beta commit="},
    macaroon=True,
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
    """The files of both sides."""

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
    """Check that neither the macaroon nor an account shows, not even in the options as a log at -vvv shows them."""
    text = json.dumps(results)
    assert bundles.baked().encode().hex() not in text
    assert not [one for one in bundles.accounts() if one["xpub"] in text]


def test_check_mode_predicts_and_does_not_touch(
    scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, desk: Desk
) -> None:
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


def test_secrets_only_where_they_are_hidden(
    scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, fails: t.Any, desk: Desk
) -> None:
    lnd = scripted(*READ, *READ)
    succeeds("lnd_bundle", **lnd.options, **desk.tenant)
    assert "Set no_log: true" in fails("lnd_bundle_info", with_secrets=True, **desk.provider)
    opened = succeeds("lnd_bundle_info", with_secrets=True, _ansible_no_log=True, **desk.provider)
    assert opened["bundle"]["macaroon"] == bundles.baked().encode().hex()
    assert opened["bundle"]["accounts"] == bundles.accounts()
    assert opened["proof_key"] == proof.key(desk.provider["identity_file"], desk.keys.recipient, opened["bundle"])
    assert "proof_key" not in succeeds("lnd_bundle_info", **desk.provider)


def test_a_refused_bundle_names_every_fault(scripted: t.Callable[..., ScriptedLnd], module: t.Any, desk: Desk) -> None:
    lnd = scripted(*READ)
    result = module(
        "lnd_bundle", **lnd.options, **{**desk.tenant, "endpoint": "signer.example.com:1", "close_address": "bc1q"}
    )
    assert result["failed"] is True
    assert sorted(problem["path"] for problem in result["problems"]) == ["certificate", "close_address"]
    assert "has not the dialled name signer.example.com; it has localhost" in result["msg"]
    assert not desk.path.exists()


def test_a_kit_for_another_network_than_the_signer_is_on(
    scripted: t.Callable[..., ScriptedLnd], module: t.Any, desk: Desk
) -> None:
    Path(desk.tenant["kit_file"]).write_text(
        json.dumps(bundles.kit(network="mainnet", age_recipient=desk.keys.recipient))
    )
    result = module("lnd_bundle", **scripted(*READ).options, **desk.tenant)
    assert [problem["path"] for problem in result["problems"]] == ["network"]


def whole_node(desk: Desk, tmp_path: Path) -> dict[str, t.Any]:
    """Return the options of a tenant that runs its own node."""
    (tmp_path / "grant").write_bytes(bundles.baked(grant.HUB_PERMISSIONS, 31).encode())
    kept = {name: value for name, value in desk.tenant.items() if name != "birthday_file"}
    return {**kept, "shape": "external", "p2p_address": "node.example.com:9735"}


def test_of_a_whole_node(scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, desk: Desk, tmp_path: Path) -> None:
    """No account of it leaves its wallet."""
    lnd = scripted(INFO, INFO, INFO)
    written = succeeds("lnd_bundle", **lnd.options, **whole_node(desk, tmp_path))
    assert not succeeds("lnd_bundle", **lnd.options, **whole_node(desk, tmp_path))["changed"]
    taken = succeeds("lnd_bundle_info", shape="external", with_secrets=True, _ansible_no_log=True, **desk.provider)
    assert taken["sha256"] == written["sha256"]
    assert taken["bundle"].pop("macaroon") == bundles.baked(grant.HUB_PERMISSIONS, 31).encode().hex()
    assert taken["bundle"] == written["bundle"]
    assert "accounts" not in written["bundle"]


def test_of_a_node_on_premises(scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, desk: Desk) -> None:
    """It needs no macaroon, and nobody learns the address of its gRPC."""
    common = {name: desk.tenant[name] for name in ("path", "kit_file", "signing_key_file")}
    lnd = scripted(INFO, INFO)
    succeeds("lnd_bundle", shape="on_premises", p2p_address="node.example.com:9735", **common, **lnd.options)
    taken = succeeds("lnd_bundle_info", shape="on_premises", with_secrets=True, _ansible_no_log=True, **desk.provider)[
        "bundle"
    ]
    assert set(taken) == {
        "tenant",
        "network",
        "recipient",
        "kit_fingerprint",
        "node_id",
        "p2p_address",
        "lnd_version",
        "expires",
    }


@pytest.mark.parametrize(
    ("shape", "lacking"),
    [
        ("watch_only", "birthday_file"),
        ("external", "p2p_address"),
        ("external", "macaroon_file"),
        ("on_premises", "p2p_address"),
    ],
)
def test_what_each_shape_needs(fails: t.Any, desk: Desk, shape: str, lacking: str) -> None:
    given = {name: value for name, value in {**desk.tenant, "p2p_address": "node:9735"}.items() if name != lacking}
    assert f"but all of the following are missing: {lacking}" in fails("lnd_bundle", shape=shape, **given)


def test_a_wider_macaroon_is_not_handed_over(
    scripted: t.Callable[..., ScriptedLnd], fails: t.Any, desk: Desk, tmp_path: Path
) -> None:
    given = whole_node(desk, tmp_path)
    (tmp_path / "grant").write_bytes(bundles.baked((*grant.HUB_PERMISSIONS, "onchain:write"), 31).encode())
    assert "macaroon grants more than is needed: onchain:write" in fails(
        "lnd_bundle", **scripted(INFO).options, **given
    )
    assert not desk.path.exists()


def test_a_bundle_that_is_not_there(fails: t.Any, desk: Desk) -> None:
    assert "bundle.json" in fails("lnd_bundle_info", **desk.provider)
