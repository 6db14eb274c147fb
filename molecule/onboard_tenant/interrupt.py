# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin to onboard globex several times, and each time kill ansible-playbook at a worse moment."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_shared"))

from interrupting import Interruption, a_channel_to, a_payment_of, at_once, interrupt
from regtest import Regtest, until

# Each of the 259 accounts of a watch-only wallet leaves some rows; a whole wallet has more than 1,000.
ROWS = "runuser --user=postgres -- psql -d lnd_globex -Atc 'SELECT count(*) FROM walletdb_kv'"
HALF_MADE = 500


def half_a_wallet(regtest: Regtest) -> None:
    """Kill lnd while it makes the wallet, which is the worst that can happen to it."""
    until("half a wallet", lambda: int(regtest.sh("chain", ROWS)) > HALF_MADE, timeout=120)
    regtest.sh("nodes", "systemctl kill --signal=KILL lnd@globex.service")


INTERRUPTIONS = (
    Interruption("The node runs with the configuration on disk", at_once),
    Interruption("The node has the watch-only wallet of its tenant", half_a_wallet),
    Interruption("Each gateway has opened its channels to the nodes", a_channel_to("globex")),
    Interruption("The node pays, signed by the tenant's keys", a_payment_of("globex")),
)

if __name__ == "__main__":
    interrupt("globex", INTERRUPTIONS)
