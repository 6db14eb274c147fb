# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._check import node_check
from ansible_collections.noncustodial.lightning.plugins.module_utils._check.stages import FAIL, WARN
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.plugins.modules import lnd_node_check
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked, wallets
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

NODE_ID = wallets()["regtest"]["node_id"]
MACAROON = baked(grant.HUB_PERMISSIONS, root_key_id=31).encode().hex()
INFO = {
    "identity_pubkey": NODE_ID,
    "version": "0.21.3-beta commit=x",
    "chains": [{"network": "regtest"}],
    "synced_to_chain": True,
    "block_height": 120,
}
INFO_CALL = "lnrpc.Lightning/GetInfo"
DENIED = Fails("permission denied", "UNKNOWN")
STAGES = ["resolve", "connect", "tls", "wallet", "macaroon", "grant", "node", "chain", "receipts"]


def state(name: str = "SERVER_ACTIVE") -> Call:
    return Call("lnrpc.State/GetState", {"state": name}, macaroon=False)


def info(**changes: t.Any) -> Call:
    return Call("lnrpc.Lightning/GetInfo", {**INFO, **changes})


RECEIPT_CALL = "lnrpc.Lightning/LookupHtlcResolution"
KEPT = Call(RECEIPT_CALL, Fails("htlc unknown", "NOT_FOUND"))
NOT_KEPT = Call(RECEIPT_CALL, Fails("cannot lookup with flag --store-final-htlc-resolutions=false", "UNAVAILABLE"))
SEND, BAKE = Call("lnrpc.Lightning/SendCoins", DENIED), Call("lnrpc.Lightning/BakeMacaroon", DENIED)


def options(lnd: ScriptedLnd, **changes: t.Any) -> dict[str, t.Any]:
    certificate = (lnd.folder / "tls.cert").read_text()
    given = {
        "endpoint": f"localhost:{lnd.port}",
        "certificate": certificate,
        "macaroon": MACAROON,
        "node_id": NODE_ID,
        "network": "regtest",
    }
    return {**given, **changes}


def test_a_node_as_it_should_be(scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any) -> None:
    result = succeeds("lnd_node_check", **options(scripted(state(), info(), SEND, BAKE, KEPT)))
    # The certificate of a scripted lnd lasts a day, which is a warning.
    assert [(one["name"], one["status"]) for one in result["stages"]] == [
        (name, "warn" if name == "tls" else "ok") for name in STAGES
    ]
    assert (result["changed"], result["version"]) == (False, "0.21.3-beta")
    assert MACAROON not in json.dumps(result)


@pytest.mark.parametrize(
    ("script", "changes", "reason", "words"),
    [
        ([state("LOCKED")], {}, "wallet_locked", "The tenant must unlock"),
        (
            [state(), Call(INFO_CALL, Fails("verification failed: signature mismatch"))],
            {},
            "macaroon_refused",
            "another lnd",
        ),
        (
            [state(), Call(INFO_CALL, Fails('caveat "time-before x" not satisfied: expired'))],
            {},
            "caveat_unmet",
            "has ended",
        ),
        (
            [state(), info()],
            {"macaroon": baked((*grant.HUB_PERMISSIONS, "onchain:write"), 31).encode().hex()},
            "grant_too_wide",
            "onchain:write",
        ),
        (
            [state(), info()],
            {"macaroon": baked(grant.HUB_PERMISSIONS[:-1], 31).encode().hex()},
            "grant_too_narrow",
            "TrackPaymentV2",
        ),
        (
            [state(), info()],
            {"macaroon": baked(grant.HUB_PERMISSIONS, 0).encode().hex()},
            "grant_root_key_zero",
            "could not be revoked",
        ),
        ([state()], {"macaroon": "00"}, "macaroon_malformed", "The file is damaged"),
        (
            [state(), info(), Call("lnrpc.Lightning/SendCoins", Fails("invalid address"))],
            {},
            "grant_not_enforced",
            "SendCoins was not denied",
        ),
        (
            [state(), info(), SEND, Call("lnrpc.Lightning/BakeMacaroon", {"macaroon": "00"})],
            {},
            "grant_not_enforced",
            "BakeMacaroon was answered",
        ),
        (
            [state(), info(identity_pubkey="02" + "11" * 32), SEND, BAKE],
            {},
            "node_differs",
            f"the bundle is of {NODE_ID}",
        ),
        (
            [state(), info(chains=[{"network": "mainnet"}]), SEND, BAKE],
            {},
            "network_differs",
            "on mainnet, not on regtest",
        ),
        ([state(), info(), SEND, BAKE, NOT_KEPT], {}, "resolutions_not_kept", "store-final-htlc-resolutions=true"),
        ([state(), info(synced_to_chain=False), SEND, BAKE], {}, "not_synced", "at block 120 and not synced"),
    ],
)
def test_what_fails_is_named_with_its_cure(
    scripted: t.Callable[..., ScriptedLnd],
    module: t.Any,
    script: list[Call],
    changes: dict[str, t.Any],
    reason: str,
    words: str,
) -> None:
    result = module("lnd_node_check", **options(scripted(*script), **changes))
    assert (result["failed"], result["reason"]) == (True, reason)
    assert words in result["msg"]
    assert [one["name"] for one in result["stages"]] == STAGES
    assert MACAROON not in json.dumps(result)


def test_a_sealed_macaroon(
    scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, systemd_creds: SystemdCreds, tmp_path: Path
) -> None:
    succeeds("sealed_credential", path=str(tmp_path / "sealed"), name="macaroon", content=MACAROON, encoding="hex")
    given = options(scripted(state(), info(), SEND, BAKE, KEPT), macaroon_credential=str(tmp_path / "sealed"))
    del given["macaroon"]
    succeeds("lnd_node_check", True, **given)


def test_every_reason_is_documented_and_says_what_to_do() -> None:
    for reason, (status, cure) in node_check.REASONS.items():
        assert bool(cure) is (status in (WARN, FAIL)), reason
        if cure:
            assert f"C({reason})" in lnd_node_check.DOCUMENTATION, reason


def test_what_cannot_be_used_is_refused(scripted: t.Callable[..., ScriptedLnd], fails: t.Any) -> None:
    lnd = scripted()
    assert "not hexadecimal" in fails("lnd_node_check", **options(lnd, macaroon="zz"))
    assert "is not host:port" in fails("lnd_node_check", **options(lnd, endpoint="node"))
    assert "mutually exclusive" in fails("lnd_node_check", **options(lnd, macaroon_credential="/x"))
