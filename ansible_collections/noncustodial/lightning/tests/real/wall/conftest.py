# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of wall & wallet. Most of its tests have a real hub on a fake lnd, which can at once be made to do what a
real one does too seldom.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import MACAROON, FakeLnd, succeeds
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet
from ansible_collections.noncustodial.lightning.tests.support.wall_sites import Local
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor, Wall


@pytest.fixture(scope="session")
def lnd() -> t.Iterator[FakeLnd]:
    fake = FakeLnd()
    yield fake
    fake.stop()


@pytest.fixture(scope="session")
def setting(lnd: FakeLnd, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    # Answered soon, so that a payment under way is seen as such.
    service = {"answer_within": 1.0}
    return Setting(
        tmp_path_factory.mktemp("hub"), postgres, lnd.rpcserver, lnd.certificate, MACAROON, service=service
    ).migrate()


@pytest.fixture(scope="session")
def hub(setting: Setting) -> t.Iterator[Process]:
    process = setting.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def wall(hub: Process, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Wall]:
    wall = Wall(tmp_path_factory.mktemp("wall"), hub.url, hub.user()).start()
    yield wall
    wall.close()


@pytest.fixture
def alice(hub: Process, lnd: FakeLnd) -> Wallet:
    """A new account with 10,000 sat."""
    lnd.plan = succeeds()
    wallet = hub.user()
    assert lnd.pay_from_outside(wallet.invoice(10_000, "wages"))
    until("the deposit", lambda: wallet.msat == 10_000_000)
    return wallet


@pytest.fixture
def visitor(wall: Wall) -> t.Iterator[Visitor]:
    with wall.visitor() as visitor:
        yield visitor


@pytest.fixture(scope="session")
def local(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Local]:
    """Two walls on hubs of two real lnds."""
    local = Local(tmp_path_factory.mktemp("local"), postgres)
    try:
        local.start()
        yield local
    finally:
        local.stop()
