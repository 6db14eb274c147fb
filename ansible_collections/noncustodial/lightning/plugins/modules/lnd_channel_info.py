#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_channel_info
short_description: Read all channels of an lnd, and wait until no payment is under way
version_added: 0.2.0
description:
  - Reads the channels of an lnd that are open, being opened, being closed or closed.
  - Can wait until no open channel has an HTLC, before the channels are closed. It stops no payment; new ones may begin
    meanwhile.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
options:
  peers:
    description: Node ids of the peers whose channels are read. Without any it is all channels.
    type: list
    elements: str
    default: []
  no_htlcs:
    description: Wait until no open channel has an HTLC. The module fails if one is left after O(wait_timeout), and
      names it.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for O(no_htlcs).
    type: float
    default: 60.0
seealso:
  - module: noncustodial.lightning.lnd_channel
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: No payment is under way any more
  noncustodial.lightning.lnd_channel_info:
    lnddir: /var/lib/lnd/acme
    no_htlcs: true
    wait_timeout: 600
"""

RETURN = r"""
channels:
  description: The channels that are open, being opened or being closed, under lnd's field names.
  returned: success
  type: list
  elements: dict
  contains:
    channel_point:
      description: The funding transaction and its output.
      type: str
    chan_id:
      description: Short channel id, of an open channel.
      type: str
    remote_pubkey:
      description: Node id of the peer.
      type: str
    capacity:
      description: The capacity in sat.
      type: int
    local_balance:
      description: This node's part, in sat.
      type: int
    remote_balance:
      description: The peer's part, in sat.
      type: int
    private:
      description: Whether it is not announced.
      type: bool
    initiator:
      description: Whether this node opened it.
      type: bool
    commitment_type:
      description: The kind of commitment transaction, under lnd's name.
      type: str
    memo:
      description: The note that this lnd keeps with the channel.
      type: str
    status:
      description: One of open, pending_open, waiting_close, pending_force_closing.
      type: str
    active:
      description: Whether it can forward payments now.
      type: bool
    closing_txid:
      description: The closing transaction, of a channel that is being closed.
      type: str
    close_address:
      description: Of an open channel the address to which the peer pays this node's part in a cooperative closing, if
        one was agreed when it was opened.
      type: str
    pending_htlcs:
      description: The HTLCs under way in an open channel.
      type: list
      elements: dict
      contains:
        incoming:
          description: Whether the peer has offered it.
          type: bool
        amount:
          description: In sat.
          type: int
        hash_lock:
          description: The payment hash, hexadecimal.
          type: str
        expiration_height:
          description: The block height at which it ends.
          type: int
  sample:
    - channel_point: "2f1d2b7bd1f8ee3f3a1c3d8e5b8d6d1a7e6f5c4b3a29181716151413121110ff:0"
      chan_id: "128642860515328"
      remote_pubkey: 02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc
      capacity: 2000000
      local_balance: 1996530
      remote_balance: 0
      private: false
      initiator: true
      commitment_type: ANCHORS
      memo: ""
      status: open
      active: true
      closing_txid: ""
      close_address: ""
      pending_htlcs: []
closed_channels:
  description: The channels whose closing transaction is confirmed, in the order of their closing, under lnd's field
    names. Those that were never funded are left out.
  returned: success
  type: list
  elements: dict
  contains:
    channel_point:
      description: The funding transaction and its output.
      type: str
    remote_pubkey:
      description: Node id of the peer.
      type: str
    capacity:
      description: The capacity in sat.
      type: int
    settled_balance:
      description: What was paid to this node at once, in sat.
      type: int
    close_type:
      description: How it was closed, under lnd's name, such as V(COOPERATIVE_CLOSE).
      type: str
    closing_tx_hash:
      description: The id of the closing transaction.
      type: str
    close_height:
      description: The height of the block that has it.
      type: int
  sample: []
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.ids import node_id
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import channel_list
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "peers": {"type": "list", "elements": "str", "default": []},
            "no_htlcs": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 60.0},
        }
    )
    options = module.params
    peers = frozenset(module.checked(lambda: [node_id(peer) for peer in options["peers"]]))
    module.info(
        lambda client: channel_list.channel_list_result(
            channel_list.without_htlcs(client, peers, options["wait_timeout"])
            if options["no_htlcs"]
            else channel_list.read_open(client, peers),
            channel_list.read_closed(client, peers),
        )
    )


if __name__ == "__main__":
    main()
