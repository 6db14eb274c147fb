# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin to onboard globex several times, and each time kill ansible-playbook at a worse moment."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_shared"))

from interrupting import Interruption, interrupt
from regtest import Regtest, until

# Of the 259 accounts of a watch-only wallet each leaves some rows; a whole wallet has more than 1,000.
ROWS = "runuser --user=postgres -- psql -d lnd_globex -Atc 'SELECT count(*) FROM walletdb_kv'"
HALF_MADE = 500


def node_id(regtest: Regtest) -> str:
    """The node of globex."""
    return str(regtest.lncli("globex", "getinfo")["identity_pubkey"])


def half_a_wallet(regtest: Regtest) -> None:
    """lnd is killed while it makes the wallet, which is the worst that can happen to it."""
    until("half a wallet", lambda: int(regtest.sh("chain", ROWS)) > HALF_MADE, timeout=120)
    regtest.sh("nodes", "systemctl kill --signal=KILL lnd@globex.service")


def half_a_channel(regtest: Regtest) -> None:
    """The gateway has paid for the channel, and nobody has waited for it."""
    globex = node_id(regtest)

    def begun() -> bool:
        pending = regtest.lncli("gateway", "pendingchannels")["pending_open_channels"]
        there = regtest.lncli("gateway", "listchannels", f"--peer={globex}")["channels"]
        return bool(there or [one for one in pending if one["channel"]["remote_node_pub"] == globex])

    until("a channel to globex", begun, timeout=60)


def half_a_payment(regtest: Regtest) -> None:
    """The node has begun to pay, and nobody has heard how it went."""

    def begun() -> bool:
        return bool(regtest.lncli("globex", "listpayments", "--include_incomplete")["payments"])

    until("a payment of globex", begun, timeout=60)


def at_once(_regtest: Regtest) -> None:
    """Nothing to wait for."""


INTERRUPTIONS = (
    Interruption("The node runs by what is on disk", at_once),
    Interruption("The node has the watch-only wallet of its tenant", half_a_wallet),
    Interruption("The gateway has opened its channel to the node", half_a_channel),
    Interruption("The node pays, signed by the tenant's keys", half_a_payment),
)


def main() -> None:
    """All of them."""
    regtest = Regtest()
    for one in INTERRUPTIONS:
        interrupt(regtest, "globex", one)


if __name__ == "__main__":
    main()
