# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The money of an invoice is booked once its HTLCs have ended, and not before: across restarts, for all that come
meanwhile, and never if it went back.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import CHANNEL, Abort
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres) -> t.Iterator[World]:
    made = World(tmp_path / "hub", postgres)
    try:
        yield made
        made.balanced()
    finally:
        made.close()


def awaited(hub: Process) -> float:
    """Return how many receipts a process awaits."""
    text = hub.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
    return float(next(line for line in text.splitlines() if line.startswith("lndhub_awaited_receipts ")).split()[1])


def test_nothing_is_booked_before_the_end_of_the_htlc(world: World) -> None:
    """Those that come after it are; and a process that begins anew finds it again."""
    hub = world.hub()
    alice = hub.user()
    first, second = alice.invoice(100), alice.invoice(20)
    world.lnd.next_ends = (None,)
    assert world.lnd.pay_from_outside(first)
    until("an awaited receipt", lambda: awaited(hub) == 1)
    world.lnd.next_ends = (True,)
    assert world.lnd.pay_from_outside(second)
    until("the second", lambda: alice.msat == 20_000)
    hub.kill()
    again = world.hub()
    alice = alice.at(again)
    until("the receipt awaited again", lambda: awaited(again) == 1)
    assert alice.msat == 20_000
    world.lnd.htlc_ends[CHANNEL, 10] = True
    until("the first", lambda: alice.msat == 120_000)
    assert awaited(again) == 0


def test_two_processes_book_it_once(world: World) -> None:
    one, other = world.hub(), world.hub()
    alice = one.user()
    world.lnd.next_ends = (None,)
    assert world.lnd.pay_from_outside(alice.invoice(100))
    until("both to await it", lambda: awaited(one) == awaited(other) == 1)
    world.lnd.htlc_ends[CHANNEL, 10] = True
    until("both to have it", lambda: awaited(one) == awaited(other) == 0)
    assert alice.msat == 100_000


def test_what_went_back_is_never_booked(world: World) -> None:
    hub = world.hub()
    alice = hub.user()
    text = alice.invoice(100)
    world.lnd.next_ends = (False,)
    assert world.lnd.pay_from_outside(text)
    until("the log", lambda: "is settled in lnd and has brought nothing" in hub.log.read_text())
    hub.kill()
    again = world.hub()
    alice = alice.at(again)
    assert (alice.msat, [one["ispaid"] for one in alice.get("/getuserinvoices")]) == (0, [False])


def test_of_several_htlcs_only_those_that_came_are_booked(world: World) -> None:
    hub = world.hub()
    alice = hub.user()
    world.lnd.next_ends = (True, False, True)
    assert world.lnd.pay_from_outside(alice.invoice(300))
    until("two of three", lambda: alice.msat == 200_000)
    assert "only 200000 have come" in hub.log.read_text()


def test_an_lnd_that_does_not_keep_the_ends_brings_nothing(world: World) -> None:
    """The hub says what is to be set; once it is, what has ended without a record is booked when it is long over."""
    hub = world.hub()
    alice = hub.user()
    world.lnd.broken["LookupHtlcResolution"] = Abort(
        "cannot lookup with flag --store-final-htlc-resolutions=false", "UNAVAILABLE"
    )
    world.lnd.next_ends = (None,)
    assert world.lnd.pay_from_outside(alice.invoice(100))
    until("the log", lambda: "Set store-final-htlc-resolutions=true" in hub.log.read_text())
    done = world.setting.run("check")
    assert (done.returncode, "Set store-final-htlc-resolutions=true" in done.stderr) == (1, True), done.stderr
    assert alice.msat == 0
    del world.lnd.broken["LookupHtlcResolution"]
    until("the receipt to be awaited", lambda: awaited(hub) == 1)
    assert alice.msat == 0
    world.lnd.height += 80 + 144 + 1
    until("the deposit", lambda: alice.msat == 100_000)
