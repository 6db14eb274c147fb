# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin to onboard umbrella several times, and each time kill ansible-playbook at a worse moment."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_shared"))

from interrupting import Interruption, interrupt
from regtest import Regtest, until


def at_once(_regtest: Regtest) -> None:
    """Nothing to wait for."""


def half_a_channel(regtest: Regtest) -> None:
    """The gateway has paid for the channel, and nobody has waited for it."""
    umbrella = str(regtest.lncli("umbrella", "getinfo")["identity_pubkey"])

    def begun() -> bool:
        pending = regtest.lncli("gateway", "pendingchannels")["pending_open_channels"]
        there = regtest.lncli("gateway", "listchannels", f"--peer={umbrella}")["channels"]
        return bool(there or [one for one in pending if one["channel"]["remote_node_pub"] == umbrella])

    until("a channel to umbrella", begun, timeout=60)


def half_a_payment(regtest: Regtest) -> None:
    """The hub's macaroon has begun a payment on the tenant's node, and nobody has heard how it went."""
    until("a payment of umbrella", lambda: regtest.lncli("umbrella", "listpayments", "--include_incomplete")["payments"], timeout=60)


INTERRUPTIONS = (
    Interruption("The node's certificate is pinned", at_once),
    Interruption("The gateway has opened its channel to the node", half_a_channel),
    Interruption("The node pays, signed by the tenant's keys", half_a_payment),
)


def main() -> None:
    """All of them."""
    regtest = Regtest()
    for one in INTERRUPTIONS:
        interrupt(regtest, "umbrella", one, "provider_shapes")


if __name__ == "__main__":
    main()
