#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_channel_policy
short_description: Set the policy with which an lnd forwards payments
version_added: 0.1.0
description:
  - Sets fees, time lock and limits of this node's side of channels. Values that are not given stay as they are.
  - Reads the present policy from the node's own graph, and updates only the channels that differ.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  channel_point:
    description: The channel, as TXID:INDEX.
    type: str
  peer:
    description: All channels with the peer that has this node id.
    type: str
  all:
    description: All channels of the node.
    type: bool
  base_fee_msat:
    description: Fee for each payment, in msat.
    type: int
  fee_rate_ppm:
    description: Fee in millionths of the amount.
    type: int
  time_lock_delta:
    description: The number of blocks that this node has to react; lnd requires at least 18.
    type: int
  min_htlc_msat:
    description: Smallest amount that is forwarded, in msat.
    type: int
  max_htlc_msat:
    description: Largest amount that is forwarded, in msat.
    type: int
seealso:
  - module: noncustodial.lightning.lnd_channel
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Payments to and from a tenant cost nothing at the gateway
  noncustodial.lightning.lnd_channel_policy:
    lnddir: /var/lib/lnd/gateway
    peer: 02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc
    base_fee_msat: 0
    fee_rate_ppm: 0
"""

RETURN = r"""
channels:
  description: The named channels and their policy.
  returned: success
  type: list
  elements: dict
  sample:
    - channel_point: "2f1d2b7bd1f8ee3f3a1c3d8e5b8d6d1a7e6f5c4b3a29181716151413121110ff:0"
      remote_pubkey: 02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc
      base_fee_msat: 0
      fee_rate_ppm: 0
      time_lock_delta: 80
      min_htlc_msat: 1000
      max_htlc_msat: 1980000000
actions:
  description: The actions that were done, one for each channel.
  returned: success
  type: list
  elements: str
  sample: [update]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import channel_policy
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    scope = ("channel_point", "peer", "all")
    module = LndModule(
        {
            "channel_point": {"type": "str"},
            "peer": {"type": "str"},
            "all": {"type": "bool"},
            **{name: {"type": "int"} for name in channel_policy.POLICY_FIELDS},
        },
        mutually_exclusive=[scope],
        required_one_of=[scope, channel_policy.POLICY_FIELDS],
    )
    wanted = module.checked(lambda: channel_policy.parse_options(module.params))
    module.ensure(
        read=lambda client: channel_policy.read_policies(client, wanted),
        plan=lambda policies: channel_policy.plan_policies(wanted, policies),
        apply=channel_policy.apply_policy,
        result=lambda policies: {"channels": channel_policy.shown(policies)},
        settle=lambda client, _policies: channel_policy.wait_policies(client, wanted),
    )


if __name__ == "__main__":
    main()
