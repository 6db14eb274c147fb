# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule by which a node connects again to a peer, and what it asks lnd."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

CONFIGURATION = "alias=x\nrpclisten=127.0.0.1:10011\nbitcoin.signet=true\n"
# Answers as lnd has them, written down by a stand-in of lncli that keeps what it was asked.
LNCLI = """#!/bin/sh
shift 3
echo "$@" >> "$0.log"
if test -e "$0.$1.refused"; then cat "$0.$1.refused" >&2; rm "$0.$1.refused"; exit 1; fi
cat "$0.$1"
"""


@pytest.fixture(scope="module")
def program() -> t.Any:
    """The program, which is no module of any package."""
    spec = importlib.util.spec_from_file_location("lnd_links", COLLECTION / "roles/lnd/files/lnd_links.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


# Looks at one peer: idle, in use, or not known.
IDLE, IN_USE, UNKNOWN = "i", "u", "?"


@pytest.mark.parametrize(
    ("looks", "attempts"),
    [
        ("ii", []),
        ("iii", [2]),
        # It was in use in between, or nobody knows.
        ("iiuii", []),
        ("ii?ii", []),
        ("ii?iii", [5]),
        # Each attempt doubles the looks until the next.
        ("i" * 30, [2, 8, 20]),
        # In use for a moment is not yet well.
        ("iii" + "u" * 59 + "iii", [2]),
        ("iii" + "u" * 60 + "iii", [2, 65]),
        # Looks that show nothing do not count as use.
        ("iii" + "?" * 90 + "iii", [2]),
    ],
)
def test_the_looks_at_which_it_connects_again(program: t.Any, looks: str, attempts: list[int]) -> None:
    patience, peer = program.Patience(), program.Idle("02aa", "host:9735")
    seen = {IDLE: [peer], IN_USE: [], UNKNOWN: None}
    assert [number for number, look in enumerate(looks) if patience.due(seen[look]) == [peer]] == attempts


def test_the_looks_between_attempts_have_a_bound(program: t.Any) -> None:
    patience, peer = program.Patience(), program.Idle("02aa", "")
    attempts = [number for number in range(400) if patience.due([peer])]
    assert attempts[-1] - attempts[-2] == program.MOST_LOOKS


def test_peers_are_counted_apart(program: t.Any) -> None:
    patience, one, other = program.Patience(), program.Idle("02aa", ""), program.Idle("03bb", "")
    assert [patience.due(look) for look in ([one], [one, other], [one, other], [other])] == [[], [], [one], [other]]


class Asked:
    """A node behind a stand-in of lncli, and the file of the watch of its signer."""

    def __init__(self, program: t.Any, folder: Path) -> None:
        self._lncli, self._state = folder / "lncli", folder / "state.json"
        self._lncli.write_text(LNCLI)
        self._lncli.chmod(0o755)
        self.node = program.Node(str(self._lncli), "/var/lib/lnd/x", CONFIGURATION, str(self._state))

    def signer(self, state: str) -> None:
        self._state.write_text(json.dumps({"state": state}))

    def answers(self, call: str, **fields: t.Any) -> None:
        Path(f"{self._lncli}.{call}").write_text(json.dumps(fields))

    def refuses_first(self, call: str, text: str) -> None:
        """Refuse a call once, with lncli's line."""
        self.answers(call)
        Path(f"{self._lncli}.{call}.refused").write_text(f"[lncli] rpc error: code = Unknown desc = {text}")

    @property
    def calls(self) -> list[str]:
        log = Path(f"{self._lncli}.log")
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def asked(program: t.Any, tmp_path: Path) -> Asked:
    made = Asked(program, tmp_path)
    made.signer("ok")
    return made


def channel(pubkey: str, active: bool, flags: str = "ChanStatusDefault") -> dict[str, t.Any]:
    return {"remote_pubkey": pubkey, "active": active, "chan_status_flags": flags}


def test_a_peer_is_idle_that_is_connected_and_has_a_channel_out_of_use(program: t.Any, asked: Asked) -> None:
    channels = [
        channel("02aa", active=False),
        channel("02aa", active=True),
        channel("02bb", active=True),
        # Away: lnd dials it by itself.
        channel("02cc", active=False),
        # It is being closed, or its data was lost: a connection mends nothing.
        channel("02dd", active=False, flags="ChanStatusCoopBroadcasted|ChanStatusLocalCloseInitiator"),
        channel("02ee", active=False),
        channel("02ff", active=False),
    ]
    peers = [
        {"pub_key": key, "address": f"{key}:9735", "inbound": key in ("02ee", "02ff")}
        for key in ("02aa", "02bb", "02dd", "02ee", "02ff")
    ]
    asked.answers("listchannels", channels=channels)
    asked.answers("listpeers", peers=peers)
    asked.answers("getnodeinfo", node={"addresses": [{"addr": "ee:9735"}, {"addr": "more:9735"}]})
    assert asked.node.look() == [
        program.Idle("02aa", "02aa:9735"),
        program.Idle("02ee", "ee:9735"),
        program.Idle("02ff", "ee:9735"),
    ]
    assert asked.calls == ["listchannels", "listpeers", "getnodeinfo 02ee", "getnodeinfo 02ff"]


@pytest.mark.parametrize("state", ["away", "ended"])
def test_nothing_is_known_while_the_signer_does_not_sign(asked: Asked, state: str) -> None:
    asked.answers("listchannels", channels=[])
    asked.signer(state)
    assert asked.node.look() is None
    assert asked.calls == []


def test_nothing_is_known_of_an_lnd_that_does_not_answer(asked: Asked) -> None:
    assert asked.node.look() is None
    assert asked.calls == ["listchannels"]


def test_a_peer_in_no_graph_that_has_dialled_has_no_address(program: t.Any, asked: Asked) -> None:
    asked.answers("listchannels", channels=[channel("02aa", active=False)])
    asked.answers("listpeers", peers=[{"pub_key": "02aa", "address": "10.0.0.1:40000", "inbound": True}])
    assert asked.node.look() == [program.Idle("02aa", "")]


@pytest.mark.parametrize(
    ("address", "calls"),
    [("host:9735", ["disconnect 02aa", "connect --perm 02aa@host:9735"]), ("", ["disconnect 02aa"])],
)
def test_it_disconnects_and_dials(program: t.Any, asked: Asked, address: str, calls: list[str]) -> None:
    asked.answers("disconnect")
    asked.answers("connect")
    asked.node.connect(program.Idle("02aa", address))
    assert asked.calls == calls


def test_it_dials_once_the_connection_has_ended(program: t.Any, asked: Asked) -> None:
    asked.answers("disconnect")
    asked.refuses_first("connect", "already connected to peer: 02aa@host:9735")
    asked.node.connect(program.Idle("02aa", "host:9735"))
    assert asked.calls == ["disconnect 02aa", *["connect --perm 02aa@host:9735"] * 2]


def test_a_refusal_is_an_error(program: t.Any, asked: Asked) -> None:
    asked.answers("disconnect")
    asked.refuses_first("connect", "no such host")
    with pytest.raises(subprocess.CalledProcessError):
        asked.node.connect(program.Idle("02aa", "host:9735"))
