# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch-only node, its signer, a peer, bitcoind and PostgreSQL that serve by IPv6 only. lnd takes no such address for
ZMQ.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, Postgres, run_module, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair

pytestmark = [pytest.mark.lnd, pytest.mark.chain, pytest.mark.database]


class SixPair(WatchOnlyPair):
    """The same on IPv6."""

    LOOPBACK = "::1"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[SixPair]:
    database = Postgres(loopback="::1")
    made = SixPair(tmp_path_factory.mktemp("six"), database)
    try:
        made.connect()
        yield made
    finally:
        made.stop()
        database.stop()


def test_a_node_pays_and_signs(pair: SixPair) -> None:
    """The channel was opened with the signer's signatures, and the peer was dialled, at [::1]."""
    request = pair.inner.module("lnd_invoice", value_msat=5_000_000, private=True)["payment_request"]
    assert pair.pay(request) == ""
    for node in (pair.signer, pair.inner, pair.outer):
        assert (node.rpcserver[:6], node.host[:6]) == ("[::1]:", "[::1]:")


def test_every_spelling_of_an_address_finds_the_certificate(pair: SixPair) -> None:
    """gRPC compares texts, and a certificate has one of them."""
    port = pair.signer.rpcserver.rpartition(":")[2]
    states = {
        spelling: run_module(
            "lnd_state_info", **{**pair.signer.connection, "rpcserver": f"{spelling}:{port}"}, timeout=5
        ).get("state")
        for spelling in ("[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]", "localhost")
    }
    assert set(states.values()) == {"SERVER_ACTIVE"}, states


def test_lnd_takes_no_address_of_ipv6_for_zmq(pair: SixPair, tmp_path: Path) -> None:
    """The preflight refuses one for this. An lnd that takes it ends this test, and then the refusal."""
    lnd = Lnd(
        tmp_path / "deaf",
        pair.bitcoind,
        "--noseedbackup",
        f"--bitcoind.zmqpubrawblock=tcp://[::1]:{pair.bitcoind.block}",
    )
    lnd.start()
    try:
        until("the end of lnd", lnd.has_ended, 60)
        assert "missing ']' in address" in (tmp_path / "deaf.log").read_text()
    finally:
        lnd.stop()
