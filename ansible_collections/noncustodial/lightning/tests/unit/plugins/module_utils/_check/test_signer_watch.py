# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state that the watch of a signer keeps, by the signer's answers."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._check.signer_report import SignerTarget
from ansible_collections.noncustodial.lightning.plugins.module_utils._check.signer_watch import (
    ANSWER_SECONDS,
    INTERVAL_SECONDS,
    Watch,
    main,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd

STATE, VERSION = "lnrpc.State/GetState", "verrpc.Versioner/GetVersion"
OPEN = Call(STATE, {"state": "SERVER_ACTIVE"})
ANSWERS = Call(VERSION, {"version": "0.21.3-beta"})
REVOKED = Call(VERSION, Fails("cannot get macaroon: root key with id 1 doesn't exist"))
STARTING = Call(VERSION, Fails("the RPC server is in the process of starting up, but not yet ready to accept calls"))


Scripted = t.Callable[..., ScriptedLnd]


def watch(lnd: ScriptedLnd, folder: Path, given: bytes | None = None) -> Watch:
    target = SignerTarget(
        endpoint=f"localhost:{lnd.port}",
        certificate=(lnd.folder / "tls.cert").read_text(),
        macaroon=given or baked().encode(),
        node_id="02" * 33,
    )
    return Watch(target, folder / "state.json")


def kept(folder: Path) -> dict[str, t.Any]:
    return dict(json.loads((folder / "state.json").read_text()))


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        ([OPEN, ANSWERS], "ok", "ok"),
        ([OPEN, REVOKED], "ended", "macaroon_refused"),
        ([OPEN, Call(VERSION, Fails('caveat "time-before 2026" not satisfied: expired'))], "ended", "caveat_unmet"),
        ([OPEN, STARTING], "away", "call_failed"),
        ([Call(STATE, {"state": "LOCKED"})], "away", "wallet_locked"),
        ([Call(STATE, {"state": "UNLOCKED"})], "away", "wallet_starting"),
    ],
)
def test_the_first_look(scripted: Scripted, tmp_path: Path, script: list[Call], state: str, reason: str) -> None:
    lnd = scripted(*script)
    watch(lnd, tmp_path).look()
    found = kept(tmp_path)
    assert (found["state"], found["reason"]) == (state, reason)
    assert 0 <= time.monotonic() - found["at"] < 60
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["state.json"]


def test_one_call_over_one_connection_while_all_is_well(
    scripted: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lnd = scripted(OPEN, ANSWERS, ANSWERS, ANSWERS)
    one = watch(lnd, tmp_path)
    for _look in range(3):
        one.look()
    assert capsys.readouterr().out.count("\n") == 1, "only what changes is written"


def test_the_grant_is_revoked_and_renewed(
    scripted: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal is known at once, and asked about anew from the beginning."""
    lnd = scripted(OPEN, ANSWERS, REVOKED, OPEN, REVOKED, OPEN, ANSWERS)
    one = watch(lnd, tmp_path)
    states = []
    for _look in range(4):
        one.look()
        states.append(kept(tmp_path)["state"])
    assert states == ["ok", "ended", "ended", "ok"]
    written = capsys.readouterr().out.splitlines()
    assert [one.split()[2] for one in written] == ["ok", "macaroon_refused", "ok"]
    assert "must hand over a new bundle" in written[1]


def test_what_has_ended_stays_so_when_its_port_is_closed(scripted: Scripted, tmp_path: Path) -> None:
    """A revocation closes the port some seconds after it."""
    lnd = scripted(OPEN, ANSWERS, REVOKED, Call(STATE, {"state": "LOCKED"}), OPEN, ANSWERS)
    one = watch(lnd, tmp_path)
    seen = []
    for _look in range(4):
        one.look()
        seen.append((kept(tmp_path)["state"], kept(tmp_path)["reason"]))
    assert seen == [("ok", "ok"), ("ended", "macaroon_refused"), ("ended", "wallet_locked"), ("ok", "ok")]


def test_the_cause_is_looked_for_after_users_are_told(scripted: Scripted, tmp_path: Path) -> None:
    """A call that fails is kept before the stages run that may take seconds."""
    seen: list[str] = []

    def told() -> None:
        seen.append(kept(tmp_path)["state"])

    again = Call(STATE, {"state": "LOCKED"}, before=told)
    lnd = scripted(OPEN, ANSWERS, STARTING, again)
    one = watch(lnd, tmp_path)
    one.look()
    one.look()
    assert seen == ["away"]
    assert kept(tmp_path)["reason"] == "wallet_locked"


def test_a_grant_that_is_too_wide_and_refused_has_ended(scripted: Scripted, tmp_path: Path) -> None:
    """The check names the first flaw of such a grant."""
    wide = macaroon.Macaroon(
        b"lnd", b"\x03\x0a\x10" + b"s" * 16 + b"\x12\x011\x1a\x0d\x0a\x06wallet\x12\x03all", (), b"a" * 32
    ).encode()
    lnd = scripted(OPEN, REVOKED)
    watch(lnd, tmp_path, wide).look()
    assert kept(tmp_path)["state"] == "ended"


def test_who_asks_is_told_within_five_seconds() -> None:
    assert INTERVAL_SECONDS + ANSWER_SECONDS < 5


def test_a_configuration_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json"), str(tmp_path / "state.json")]) == 1
    assert "none.json" in capsys.readouterr().out
    assert main([]) == 2
