#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_channel
short_description: Open and close channels with peers
version_added: 0.1.0
description:
  - With O(state=present) makes sure that this lnd has opened the wanted number of channels to each peer, of at least
    the wanted capacity. All missing channels are opened in one transaction, so either all are opened or none.
  - A channel counts if this node opened it, it is open or being opened, it has at least O(channels[].capacity), and it
    matches O(channels[].private) and, where given, O(channels[].commitment_type). Channels that the peer has opened do
    not count. A channel that is not active counts. One that is being closed does not. The other options only apply to
    new channels, and do not change existing ones.
  - No channel is opened twice. If lnd's answer is lost, the module looks for the channels for 30 s instead of asking
    again, and fails if none appear. A channel is negotiated under an id that follows from the present channels, so lnd
    refuses a second run while the first one is still negotiating.
  - Check mode also checks that the wallet has the coins for the channels that would be opened, without the
    transaction's fee, and fails if it has not.
  - The peers must be connected (see M(noncustodial.lightning.lnd_peer)).
  - With O(state=absent) closes all channels with the peers, whoever opened them. Without O(force) it closes none if one
    has an HTLC under way, and fails.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  state:
    description: Whether the channels are to exist.
    type: str
    choices: [present, absent]
    default: present
  channels:
    description: The channels, by peer. A peer may be listed several times, for channels of several kinds; each channel
      counts once.
    type: list
    elements: dict
    required: true
    suboptions:
      peer:
        description: Node id of the peer, 66 hexadecimal digits.
        type: str
        required: true
      capacity:
        description: The capacity in sat that each channel has at least. A new channel gets exactly this. Required for
          O(state=present).
        type: int
      count:
        description: The number of channels.
        type: int
        default: 1
      push_sat:
        description: Sat that are given to the peer when a channel is opened.
        type: int
        default: 0
      private:
        description: Do not announce the channel to the network.
        type: bool
        default: false
      base_fee_msat:
        description: Fee for each forwarded payment, in msat. The default is lnd's configuration.
        type: int
      fee_rate_ppm:
        description: Fee in millionths of the forwarded amount. The default is lnd's configuration.
        type: int
      commitment_type:
        description:
          - The kind of commitment transaction, under lnd's name. The default is the best that both nodes know.
          - lnd announces no taproot channels yet, so those need O(channels[].private).
        type: str
        choices: [STATIC_REMOTE_KEY, ANCHORS, SCRIPT_ENFORCED_LEASE, SIMPLE_TAPROOT, SIMPLE_TAPROOT_FINAL]
      close_address:
        description: Address to which this node's part is paid when the channel is closed cooperatively. It can never be
          changed.
        type: str
      memo:
        description: A note that this lnd keeps with the channel.
        type: str
      channel_point:
        description: Only for O(state=absent), to close only this channel with the peer.
        type: str
  sat_per_vbyte:
    description: The fee rate of the funding or closing transaction. It excludes O(target_conf) and O(force).
    type: int
  target_conf:
    description: The number of blocks within which the transaction is to be confirmed; lnd estimates the fee. The
      default is lnd's own.
    type: int
  min_confs:
    description: The number of confirmations that the coins must have which fund the channels.
    type: int
    default: 1
  spend_unconfirmed:
    description: Also use unconfirmed coins, such as the change of a channel opened just before. This sets O(min_confs)
      to 0.
    type: bool
    default: false
  label:
    description: A label for the funding transaction in lnd's wallet.
    type: str
  delivery_address:
    description: Address to which this node's part is paid, for O(state=absent) and channels opened without
      O(channels[].close_address).
    type: str
  force:
    description: Close without the peer, by publishing the last commitment. This costs more, and the coins are locked
      for a time (days on mainnet).
    type: bool
    default: false
  wait:
    description:
      - Wait until all channels are active, or until the closing transactions are confirmed.
      - Otherwise the module ends when the transaction is published.
    type: bool
    default: false
  wait_timeout:
    description: Seconds for O(wait). A channel takes three to six confirmations to become active.
    type: float
    default: 60.0
seealso:
  - module: noncustodial.lightning.lnd_peer
  - module: noncustodial.lightning.lnd_channel_policy
  - module: noncustodial.lightning.lnd_channel_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The gateway has two channels to acme and one to globex, opened in one transaction
  noncustodial.lightning.lnd_channel:
    lnddir: /var/lib/lnd/gateway
    channels:
      - peer: 02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc
        capacity: 2000000
        count: 2
      - peer: 031015a7839468a3c266d662d5bb21ea4cea24226936e2864a7ca4f2c3939836e0
        capacity: 1000000
        private: true
    sat_per_vbyte: 5
    wait: true
    wait_timeout: 3600

- name: Close the channels with a tenant that has left
  noncustodial.lightning.lnd_channel:
    lnddir: /var/lib/lnd/gateway
    state: absent
    channels:
      - peer: 031015a7839468a3c266d662d5bb21ea4cea24226936e2864a7ca4f2c3939836e0
"""

RETURN = r"""
channels:
  description:
    - The channels that count, for O(state=present), or those that are being closed, for O(state=absent), under lnd's
      field names.
    - In check mode a predicted channel has no channel point yet.
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
actions:
  description: The actions that were done.
  returned: success
  type: list
  elements: str
  sample: [open]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import channel
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule

CHANNEL_SPEC = {
    "peer": {"type": "str", "required": True},
    "capacity": {"type": "int"},
    "count": {"type": "int", "default": 1},
    "push_sat": {"type": "int", "default": 0},
    "private": {"type": "bool", "default": False},
    "base_fee_msat": {"type": "int"},
    "fee_rate_ppm": {"type": "int"},
    "commitment_type": {"type": "str", "choices": list(channel.COMMITMENT_TYPES)},
    "close_address": {"type": "str"},
    "memo": {"type": "str"},
    "channel_point": {"type": "str"},
}


def main() -> None:
    module = LndModule(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "channels": {"type": "list", "elements": "dict", "required": True, "options": CHANNEL_SPEC},
            "sat_per_vbyte": {"type": "int"},
            "target_conf": {"type": "int"},
            "min_confs": {"type": "int", "default": 1},
            "spend_unconfirmed": {"type": "bool", "default": False},
            "label": {"type": "str"},
            "delivery_address": {"type": "str"},
            "force": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 60.0},
        },
        mutually_exclusive=[("sat_per_vbyte", "target_conf")],
    )
    wanted = module.checked(lambda: channel.parse_options(module.params))

    def settle(client: Client, channels: tuple[channel.Channel, ...]) -> tuple[channel.Channel, ...]:
        return (
            channel.wait_channels(client, wanted, channels, module.params["wait_timeout"])
            if module.params["wait"]
            else channels
        )

    module.ensure(
        read=lambda client: channel.read_channels(client, wanted),
        plan=lambda channels: channel.plan_channels(wanted, channels),
        apply=channel.apply_channels,
        foresee=channel.foresee_channels,
        result=lambda channels: channel.channels_result(wanted, channels),
        settle=settle,
        # An opening reserves the coins that it has chosen until the peers have answered. A second one would meanwhile
        # find none.
        alone=True,
    )


if __name__ == "__main__":
    main()
