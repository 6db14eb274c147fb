# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch-only node outlives a slow second of its signer, with the health check that the role lnd ships."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, until
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

pytestmark = pytest.mark.chain

SHIPPED = re.findall(
    r"^(healthcheck\.remotesigner\..*)$", (COLLECTION / "roles/lnd/templates/lnd.conf.j2").read_text(), re.MULTILINE
)
# Seconds. lnd's first check comes a minute after its start; each try takes 11 s at most, and 15 s pass before the next.
ONE_TRY_SECONDS, ALL_TRIES_SECONDS = 75, 110


class Nodes(WatchOnlyPair):
    """Two nodes without channels that ask one signer: one with the role's health check, one with lnd's own."""

    HEALTH_CHECK = ("--debuglevel=info,HLCK=debug", *(f"--{option}" for option in SHIPPED))

    def connect(self) -> None:
        """Start them."""
        self.lnds_own = self.watch_only("lnds-own")
        self.nodes = [self.inner, self.lnds_own]
        self.start_signer()
        for node in self.nodes:
            node.start()
            self.open_watch_only(node)


@pytest.fixture
def nodes(tmp_path: Path) -> t.Iterator[Nodes]:
    made = Nodes(tmp_path)
    try:
        made.connect()
        yield made
    finally:
        made.stop()


def checks(node: Lnd, text: str) -> int:
    """Return how often the node's health check of its signer has logged a text."""
    log = (node.directory.parent / f"{node.directory.name}.log").read_text(errors="replace")
    return len(re.findall(rf"Health check: remote signer connection {re.escape(text)}", log))


def test_a_signer_that_hangs_for_a_while_stops_no_node(nodes: Nodes) -> None:
    """As it does while its machine moves to another host. With lnd's own settings the node stops at the same time."""
    nodes.signer.freeze()
    try:
        until("the check to fail once", lambda: checks(nodes.inner, "failed with") == 1, timeout=ONE_TRY_SECONDS)
        until("the node with lnd's own check to stop", nodes.lnds_own.has_ended, timeout=ONE_TRY_SECONDS)
    finally:
        nodes.signer.thaw()
    until(
        "the check to succeed", lambda: checks(nodes.inner, "invoking success callback") == 1, timeout=ONE_TRY_SECONDS
    )
    assert not nodes.inner.has_ended()
    assert nodes.inner.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=1)["state"] == "SERVER_ACTIVE"


@pytest.mark.faults
def test_a_signer_that_is_gone_stops_the_node(nodes: Nodes) -> None:
    """The start gate then reports the reason, and at its start lnd continues what it could not sign meanwhile."""
    nodes.signer.freeze()
    try:
        until("the node to stop", nodes.inner.has_ended, timeout=ONE_TRY_SECONDS + ALL_TRIES_SECONDS)
    finally:
        nodes.signer.thaw()
    assert checks(nodes.inner, "failed with") == 3
