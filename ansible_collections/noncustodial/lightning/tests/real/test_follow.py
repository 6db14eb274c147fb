# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lnd that hears of no block any more, because ZMQ is cut while RPC answers, is noticed, and a start cures it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind, Lnd, lnd_binary, until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.relay import Relay

pytestmark = [pytest.mark.chain, pytest.mark.faults]

LOOK_SECONDS = 1.0
BEHIND_STATUS = 75


class Cut:
    """A node whose bitcoind announces its blocks over a relay, and the program that watches whether it follows."""

    def __init__(self, folder: Path) -> None:
        self.bitcoind = Bitcoind()
        self.relay = Relay(self.bitcoind.block)
        self.lnd = Lnd(folder / "lnd", self.bitcoind, "--noseedbackup")
        self.lnd.add(f"--bitcoind.zmqpubrawblock=tcp://127.0.0.1:{self.relay.port}")
        self._configuration = folder / "lnd.conf"
        self._configuration.write_text(f"rpclisten={self.lnd.rpcserver}\nbitcoin.regtest=true\n")
        self._watch: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the node, and the program when the node serves."""
        self.lnd.start()
        self.lnd.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
        until("the node to be synced", self.follows, 30)
        program = COLLECTION / "roles/lnd/files/lnd_follow.py"
        command: list[str | Path] = [sys.executable, "-I", program, lnd_binary().with_name("lncli"), self.lnd.directory]
        self._watch = subprocess.Popen(
            [*command, self._configuration],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LND_FOLLOW_LOOK": str(LOOK_SECONDS)},
        )

    def follows(self) -> bool:
        """Return whether the node has read bitcoind's newest block."""
        return bool(self.lnd.module("lnd_info")["synced_to_chain"])

    def watch_ends(self) -> tuple[int, str]:
        """Wait for the end of the program, and return its status and what it has written."""
        assert self._watch is not None
        written = self._watch.communicate(timeout=120)[1]
        status, self._watch = self._watch.returncode, None
        return status, written

    def watches(self) -> bool:
        """Return whether the program runs."""
        return self._watch is not None and self._watch.poll() is None

    def stop(self) -> None:
        """Stop all of it."""
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()
        self.lnd.stop()
        self.relay.stop()
        self.bitcoind.stop()


@pytest.fixture
def cut(tmp_path: Path) -> t.Iterator[Cut]:
    made = Cut(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_blocks_that_do_not_arrive(cut: Cut) -> None:
    cut.bitcoind.mine(1)
    until("the node to read a block", cut.follows)
    # lnd itself notices a connection that is reset, and connects again.
    cut.relay.reset()
    cut.bitcoind.mine(1)
    until("the node to read a block", cut.follows)
    cut.relay.hold()
    cut.bitcoind.mine(1)
    begin = time.monotonic()
    status, written = cut.watch_ends()
    print(f"noticed after {time.monotonic() - begin:.1f} s, at a look every {LOOK_SECONDS:g} s")
    assert status == BEHIND_STATUS
    assert cut.bitcoind.call("getbestblockhash") in written
    assert not cut.follows()
    # What the unit does.
    cut.lnd.stop()
    cut.relay.release()
    cut.start()
    cut.bitcoind.mine(1)
    until("the node to read a block", cut.follows)
    assert cut.watches()
