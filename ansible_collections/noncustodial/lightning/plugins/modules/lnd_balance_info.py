#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_balance_info
short_description: Read the balances of an lnd, on chain and in channels
version_added: 0.1.0
description:
  - Reads the balances of an lnd's wallet and of its channels.
  - Can require a minimum of coins, and wait for them. If they do not arrive, the error states how many are missing and
    the address to send them to.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
options:
  min_confirmed:
    description: Confirmed coins that the wallet must hold, in sat. With less the module fails.
    type: int
    default: 0
  min_total:
    description: Coins that the wallet must hold, confirmed or not, in sat. With less the module fails.
    type: int
    default: 0
  wait_timeout:
    description: Seconds to wait for O(min_confirmed) and O(min_total).
    type: float
    default: 0.0
seealso:
  - module: noncustodial.lightning.lnd_address
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The gateway has the coins for two channels
  noncustodial.lightning.lnd_balance_info:
    lnddir: /var/lib/lnd/gateway
    min_confirmed: 4100000
"""

RETURN = r"""
wallet_balance:
  description: On chain, in sat, under the field names of lnd's C(WalletBalance).
  returned: success
  type: dict
  contains:
    total_balance:
      description: Confirmed and unconfirmed.
      type: int
    confirmed_balance:
      description: In outputs with at least one confirmation.
      type: int
    unconfirmed_balance:
      description: In outputs without a confirmation.
      type: int
    locked_balance:
      description: In outputs that are locked for a transaction under way.
      type: int
    reserved_balance_anchor_chan:
      description: The part that lnd reserves to pay for closing anchor channels.
      type: int
  sample:
    total_balance: 5000000
    confirmed_balance: 5000000
    unconfirmed_balance: 0
    locked_balance: 0
    reserved_balance_anchor_chan: 10000
channel_balance:
  description: In channels, in sat and msat, under the field names of lnd's C(ChannelBalance).
  returned: success
  type: dict
  contains:
    local_balance:
      description: This node's part of its open channels.
      type: dict
    remote_balance:
      description: The peers' part.
      type: dict
    pending_open_local_balance:
      description: This node's part of channels that are being opened.
      type: dict
    pending_open_remote_balance:
      description: The peers' part of them.
      type: dict
  sample:
    local_balance: {sat: 990000, msat: 990000000}
    remote_balance: {sat: 0, msat: 0}
    pending_open_local_balance: {sat: 0, msat: 0}
    pending_open_remote_balance: {sat: 0, msat: 0}
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import balance
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "min_confirmed": {"type": "int", "default": 0},
            "min_total": {"type": "int", "default": 0},
            "wait_timeout": {"type": "float", "default": 0.0},
        }
    )
    options = module.params
    module.info(
        lambda client: balance.balance_result(
            balance.demand(client, options["min_confirmed"], options["min_total"], options["wait_timeout"])
        )
    )


if __name__ == "__main__":
    main()
