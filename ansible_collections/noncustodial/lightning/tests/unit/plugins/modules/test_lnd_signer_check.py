# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.bundles import baked, wallets
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd

STAGES = ["resolve", "connect", "tls", "wallet", "macaroon", "grant", "key", "accounts", "version", "clock", "latency"]
GRANT = baked().encode().hex()


def options(lnd: ScriptedLnd, **changes: t.Any) -> dict[str, t.Any]:
    certificate = (lnd.folder / "tls.cert").read_text()
    return {
        "endpoint": f"localhost:{lnd.port}",
        "certificate": certificate,
        "macaroon": GRANT,
        "node_id": wallets()["regtest"]["node_id"],
        **changes,
    }


def locked() -> Call:
    return Call("lnrpc.State/GetState", {"state": "LOCKED"}, macaroon=False)


def test_the_first_failure_is_the_message_and_all_stages_are_there(
    scripted: t.Callable[..., ScriptedLnd], module: t.Any
) -> None:
    result = module("lnd_signer_check", **options(scripted(locked())))
    assert (result["failed"], result["reason"]) == (True, "wallet_locked")
    # The certificate of a scripted lnd lasts a day, which is a warning.
    assert [(one["name"], one["status"]) for one in result["stages"]] == [
        ("resolve", "ok"),
        ("connect", "ok"),
        ("tls", "warn"),
        ("wallet", "fail"),
        *((name, "skipped") for name in STAGES[4:]),
    ]
    assert "fails at wallet (wallet_locked): the wallet's state is LOCKED. The tenant must unlock" in result["msg"]
    assert GRANT not in json.dumps(result)


def test_check_mode_checks_too(scripted: t.Callable[..., ScriptedLnd], fails: t.Any) -> None:
    assert "wallet_locked" in fails("lnd_signer_check", True, **options(scripted(locked())))


def test_certificate_and_macaroon_from_files(
    scripted: t.Callable[..., ScriptedLnd], fails: t.Any, tmp_path: Path
) -> None:
    lnd = scripted(
        Call("lnrpc.State/GetState", {"state": "SERVER_ACTIVE"}),
        Call("verrpc.Versioner/GetVersion", Fails("verification failed: x")),
    )
    (tmp_path / "grant").write_bytes(baked().encode())
    given = options(lnd, certificate_file=str(lnd.folder / "tls.cert"), macaroon_file=str(tmp_path / "grant"))
    assert "macaroon_refused" in fails(
        "lnd_signer_check", **{name: value for name, value in given.items() if name not in ("certificate", "macaroon")}
    )


def test_what_cannot_be_used_is_refused(scripted: t.Callable[..., ScriptedLnd], fails: t.Any, tmp_path: Path) -> None:
    lnd = scripted()
    assert "not hexadecimal" in fails("lnd_signer_check", **options(lnd, macaroon="zz"))
    assert "mutually exclusive" in fails("lnd_signer_check", **options(lnd, macaroon_file=str(tmp_path / "x")))
    assert "is not host:port" in fails("lnd_signer_check", **options(lnd, endpoint="signer"))
    assert "Unsupported parameters" in fails("lnd_signer_check", **options(lnd, insecure=True))
