# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""signer-revoke: what must be confirmed, and what is left of the firewall and of lnd."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd
from ansible_collections.noncustodial.lightning.tests.support.signer_bench import Bench
from signer_init import __main__ as commands
from signer_init import node, revoke_command
from signer_init.place import self_node

NOT_ENABLED = Call("lnrpc.Lightning/RegisterRPCMiddleware", [Fails("RPC middleware not enabled in config")])
DELETES = Call("lnrpc.Lightning/DeleteMacaroonID", {"deleted": True}, request={"root_key_id": 1})
REFUSES = Call(
    "signrpc.Signer/SignMessage",
    Fails("cannot retrieve macaroon: cannot get macaroon: root key with id 1 doesn't exist"),
)
EMERGENCY = ["revoke", "--mode", "emergency", "--confirm", "acme"]

Have = t.Callable[..., ScriptedLnd]


def ids(*numbers: int) -> Call:
    return Call("lnrpc.Lightning/ListMacaroonIDs", {"root_key_ids": [0, *numbers]})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.give_kit()
    made.place.tenant.write_text("acme\n")
    made.choose(address="signer.acme.example")
    made.have_wallet()
    made.place.macaroon.write_bytes(baked(grant.PERMISSIONS, 1, ()).encode())
    return made


@pytest.fixture
def have(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Have]:
    """A function that makes the signer's lnd."""
    made: list[ScriptedLnd] = []

    def make(*script: Call) -> ScriptedLnd:
        made.append(ScriptedLnd(bench.place.lnddir, *script))
        connection = {"rpcserver": f"localhost:{made[0].port}"}
        monkeypatch.setattr(
            node, "self_node", lambda network: replace(self_node(network), rpcserver=connection["rpcserver"])
        )
        monkeypatch.setattr(revoke_command, "OPEN_SECONDS", 0.0)
        return made[0]

    yield make
    for lnd in made:
        lnd.stop()
        lnd.verify()


def test_the_grant_is_dead_and_the_port_closed(bench: Bench, have: Have, capsys: pytest.CaptureFixture[str]) -> None:
    have(NOT_ENABLED, ids(1), DELETES, REFUSES, ids())
    assert commands.main(EMERGENCY, bench) == 0
    output = capsys.readouterr().out
    assert "listmacaroonids: 0; 0 is lnd's own" in output
    assert "refused: " in output
    assert output.rstrip().endswith("port: closed, also for connections that were open")
    assert bench.done == ["rules"]
    assert "dport 10009 reject with tcp reset" in bench.place.rules.read_text()
    assert "dport 10009 accept" not in bench.place.rules.read_text().partition("chain forward")[0]


@pytest.mark.parametrize("words", [[], ["--confirm", ""], ["--confirm", "globex"]])
def test_it_must_be_confirmed(bench: Bench, have: Have, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    have()
    assert commands.main(["revoke", "--mode", "emergency", *words], bench) == 1
    assert "Nothing was changed. If that is what you want, add --confirm acme" in " ".join(
        capsys.readouterr().err.split()
    )
    assert bench.done == []


@pytest.mark.parametrize("words", [[], ["--mode", "soon"]])
def test_a_mode_must_be_given(bench: Bench, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        commands.main(["revoke", "--confirm", "acme", *words], bench)
    assert bench.done == []


def test_what_is_revoked(bench: Bench, have: Have, capsys: pytest.CaptureFixture[str]) -> None:
    have(NOT_ENABLED, ids())
    assert commands.main(EMERGENCY, bench) == 1
    assert "was revoked before. Nothing was changed" in " ".join(capsys.readouterr().err.split())
    assert bench.done == []


def test_a_signer_without_a_wallet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path)
    bench.give_kit()
    assert commands.main(EMERGENCY, bench) == 1
    assert "has no wallet yet" in capsys.readouterr().err


def test_an_lnd_that_does_not_answer_is_killed(bench: Bench, have: Have, capsys: pytest.CaptureFixture[str]) -> None:
    """That comes first: it takes the least time."""
    have(NOT_ENABLED, ids(1), Call(DELETES.name, Fails("frozen", "DEADLINE_EXCEEDED")))
    assert commands.main(EMERGENCY, bench) == 1
    captured = capsys.readouterr()
    assert "its grants are not revoked" in captured.out
    assert "DEADLINE_EXCEEDED" in captured.err
    assert bench.done == ["kill", "rules"]


def test_an_lnd_in_which_somebody_grants_meanwhile_is_killed(bench: Bench, have: Have) -> None:
    have(NOT_ENABLED, ids(1), DELETES, REFUSES, ids(3))
    assert commands.main(EMERGENCY, bench) == 1
    assert bench.done == ["kill", "rules"]


def test_lnd_is_killed_when_its_port_cannot_be_closed(
    bench: Bench, have: Have, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_rules: bytes) -> None:
        raise LightningError("nft: refused", "See to it")

    have(NOT_ENABLED, ids(1), Call(DELETES.name, Fails("frozen", "DEADLINE_EXCEEDED")))
    monkeypatch.setattr(bench, "apply_rules", refuse)
    assert commands.main(EMERGENCY, bench) == 1
    assert bench.done == ["kill"]


def test_the_port_is_closed_when_lnd_cannot_be_killed(
    bench: Bench, have: Have, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise LightningError("systemctl mask: refused", "See to it")

    have(NOT_ENABLED, ids(1), Call(DELETES.name, Fails("frozen", "DEADLINE_EXCEEDED")))
    monkeypatch.setattr(bench, "kill_lnd", refuse)
    assert commands.main(EMERGENCY, bench) == 1
    assert bench.done == ["rules"]


def test_a_container_says_that_its_port_is_somebody_elses(
    bench: Bench, have: Have, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.has_firewall = False
    have(NOT_ENABLED, ids(1), DELETES, REFUSES, ids())
    assert commands.main(EMERGENCY, bench) == 0
    assert "port: a container has no firewall" in capsys.readouterr().out
    assert bench.done == []
