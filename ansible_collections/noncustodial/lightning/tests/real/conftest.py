# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of tests that need real daemons."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind, Lnd, Network, Postgres
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import MACAROON, FakeLnd
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Network]:
    """One network for all tests of a run; it takes some seconds to start."""
    folder: Path = tmp_path_factory.mktemp("network")
    bitcoind = Bitcoind()
    nodes = {
        name: Lnd(folder / name, bitcoind, "--noseedbackup", f"--alias={name}", "--debuglevel=info")
        for name in ("alice", "bob", "carol")
    }
    try:
        for node in nodes.values():
            node.start()
        ids = {name: _ready(node) for name, node in nodes.items()}
        yield Network(bitcoind, ids=ids, **nodes)
    finally:
        for node in nodes.values():
            node.stop()
        bitcoind.stop()


@pytest.fixture(scope="session")
def postgres() -> t.Iterator[Postgres]:
    """One server for all tests of a run; each asks it for a database of its own."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def lnd() -> t.Iterator[FakeLnd]:
    """A fake lnd for the hub of a module that needs no real one."""
    fake = FakeLnd()
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def setting(lnd: FakeLnd, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """The files and the database of a hub."""
    return Setting(tmp_path_factory.mktemp("hub"), postgres, lnd.rpcserver, lnd.certificate, MACAROON).migrate()


@pytest.fixture(scope="module")
def hub(setting: Setting) -> t.Iterator[Process]:
    """The hub of the module, running."""
    process = setting.start()
    yield process
    process.stop()


def _ready(node: Lnd) -> str:
    """Return the node id of an lnd, once it serves all calls."""
    state = node.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
    assert state.get("state") == "SERVER_ACTIVE", state["msg"]
    return str(node.module("lnd_info")["identity_pubkey"])
