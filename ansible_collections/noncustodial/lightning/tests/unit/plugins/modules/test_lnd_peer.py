# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

LIST, CONNECT, DROP = "lnrpc.Lightning/ListPeers", "lnrpc.Lightning/ConnectPeer", "lnrpc.Lightning/DisconnectPeer"
CHANNELS = "lnrpc.Lightning/ListChannels"
NODE, HOST = "02" + "aa" * 32, "192.0.2.1:9735"
WISH = {"pubkey": NODE, "host": HOST}

NOBODY = Call(LIST, {"peers": [{"pub_key": "03" + "bb" * 32, "address": "192.0.2.9:9735"}]})
THERE = Call(LIST, {"peers": [{"pub_key": NODE, "address": HOST}]})
CAME = Call(LIST, {"peers": [{"pub_key": NODE, "address": "192.0.2.1:50000", "inbound": True}]})
DIAL = Call(CONNECT, {}, {"addr": {"pubkey": NODE, "host": HOST}, "perm": False})


def test_connects_and_waits(scripted: t.Any, succeeds: t.Any) -> None:
    # lnd answers before the peer is in its list.
    lnd = scripted(NOBODY, DIAL, NOBODY, NOBODY, THERE)
    result = succeeds("lnd_peer", **WISH, **lnd.options)
    assert (result["changed"], result["connected"], result["address"], result["inbound"]) == (True, True, HOST, False)
    assert result["actions"] == ["connect"]
    assert result["diff"]["before"]["connected"] is False


def test_check_mode_only_reads(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_peer", True, **WISH, **scripted(NOBODY).options)
    assert (result["changed"], result["connected"], result["address"]) == (True, True, HOST)


def test_repeat(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_peer", **WISH, **scripted(THERE, THERE).options)
    assert (result["changed"], result["actions"]) == (False, [])


def test_a_peer_that_has_dialled_in_is_left_and_warned_of(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_peer", **WISH, **scripted(CAME, CAME).options)
    assert (result["changed"], result["inbound"]) == (False, True)
    assert "192.0.2.1:50000" in str(result["warnings"])


def test_a_peer_that_comes_meanwhile(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(NOBODY, Call(CONNECT, Fails("already connected to peer: " + NODE)), CAME, CAME)
    assert succeeds("lnd_peer", **WISH, **lnd.options)["connected"] is True


def test_a_lost_answer(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(NOBODY, Call(CONNECT, Fails("transport is closing", "UNAVAILABLE")), NOBODY, THERE, THERE)
    assert succeeds("lnd_peer", **WISH, **lnd.options)["changed"] is True


def test_in_the_background(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(NOBODY, Call(CONNECT, {}, {"perm": True}), THERE, THERE)
    succeeds("lnd_peer", perm=True, **WISH, **lnd.options)


def test_nobody_listens(scripted: t.Any, fails: t.Any) -> None:
    message = fails(
        "lnd_peer",
        **WISH,
        **scripted(NOBODY, Call(CONNECT, Fails("dial tcp 192.0.2.1:9735: connection refused"))).options,
    )
    assert f"listens on {HOST}" in message
    assert NODE in message


def test_the_wait_is_limited(scripted: t.Any, fails: t.Any) -> None:
    message = fails(
        "lnd_peer", perm=True, wait_timeout=0, **WISH, **scripted(NOBODY, Call(CONNECT), NOBODY, NOBODY).options
    )
    assert f"Waited 0 s for the connection with {NODE}" in message


def test_disconnects(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        THERE, Call(CHANNELS, {}, {"peer": bytes.fromhex(NODE)}), Call(DROP, {}, {"pub_key": NODE}), NOBODY, NOBODY
    )
    result = succeeds("lnd_peer", state="absent", pubkey=NODE, **lnd.options)
    assert (result["changed"], result["connected"], result["address"]) == (True, False, None)


def test_check_mode_does_not_disconnect(scripted: t.Any, succeeds: t.Any) -> None:
    assert succeeds("lnd_peer", True, state="absent", pubkey=NODE, **scripted(THERE).options)["connected"] is False


@pytest.mark.parametrize("detail", ["unable to disconnect peer: peer is not connected"])
def test_already_gone(scripted: t.Any, succeeds: t.Any, detail: str) -> None:
    assert succeeds("lnd_peer", state="absent", pubkey=NODE, **scripted(NOBODY, NOBODY).options)["changed"] is False
    lnd = scripted(THERE, Call(CHANNELS), Call(DROP, Fails(detail)), NOBODY, NOBODY)
    assert succeeds("lnd_peer", state="absent", pubkey=NODE, **lnd.options)["connected"] is False


def test_a_peer_with_channels_stays(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(THERE, Call(CHANNELS, {"channels": [{"channel_point": "ab:0"}]}))
    assert "1 open channel(s)" in fails("lnd_peer", state="absent", pubkey=NODE, **lnd.options)


def test_bad_options(fails: t.Any) -> None:
    assert "state is present but all of the following are missing: host" in fails("lnd_peer", pubkey=NODE)
    assert "is not a node id" in fails("lnd_peer", pubkey="gateway", host=HOST)
