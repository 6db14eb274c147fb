# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions under which a peer is dialled or dropped."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.peer import (
    Peer,
    WantedPeer,
    parse_options,
    peer_result,
    plan_peer,
)

NODE, HOST = "02" + "aa" * 32, "gateway.example.org:9735"
OUT, INTO = Peer(NODE, "192.0.2.1:9735", inbound=False), Peer(NODE, "192.0.2.1:51234", inbound=True)


@pytest.mark.parametrize(
    ("wanted", "peer", "actions"),
    [
        (WantedPeer(NODE, HOST), None, ["connect"]),
        (WantedPeer(NODE, HOST), OUT, []),
        (WantedPeer(NODE, HOST), INTO, []),
        (WantedPeer(NODE, connected=False), None, []),
        (WantedPeer(NODE, connected=False), OUT, ["disconnect"]),
        (WantedPeer(NODE, connected=False), INTO, ["disconnect"]),
    ],
)
def test_plan(wanted: WantedPeer, peer: Peer | None, actions: list[str]) -> None:
    plan = plan_peer(wanted, peer)
    assert [action.name for action in plan.actions] == actions
    if actions:
        assert (plan.before["connected"], plan.after["connected"]) == (not wanted.connected, wanted.connected)


def test_a_peer_that_dialled_in_is_warned_of() -> None:
    warnings = peer_result(WantedPeer(NODE, HOST), INTO)["warnings"]
    assert HOST in warnings[0]
    assert INTO.address in warnings[0]
    assert "warnings" not in peer_result(WantedPeer(NODE, HOST), OUT)
    assert "warnings" not in peer_result(WantedPeer(NODE, INTO.address), INTO)


def test_wish() -> None:
    options = {"pubkey": NODE.upper(), "host": HOST, "perm": True, "state": "present"}
    assert parse_options(options) == WantedPeer(NODE, HOST, True, True)
    with pytest.raises(InvalidInput, match="without an address"):
        parse_options({**options, "pubkey": f"{NODE}@{HOST}"})
