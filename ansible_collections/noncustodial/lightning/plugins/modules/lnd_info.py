#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_info
short_description: Read identity, version and state of an lnd
version_added: 0.1.0
description:
  - Reads an lnd's identity, version, height and number of peers and channels, under lnd's own names (GetInfo).
  - Can wait until the lnd is synced to the chain.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
options:
  synced_to_chain:
    description: Wait until the lnd is synced to the chain. The lnd may still be starting, if its certificate and its
      macaroon exist.
    type: bool
    default: false
  config_sections:
    description: Sections of C(lnd.conf), such as V(protocol), for which RV(config) is also read (GetDebugInfo).
    type: list
    elements: str
    default: []
  channel_backup:
    description:
      - Path of a C(channel.backup) of the node's, with which its open channels are compared for RV(not_backed_up)
        (VerifyChanBackup). It needs the permission C(offchain:read).
      - lnd writes that file when a channel opens or closes, and when it starts or stops. If that fails, for example
        because the disk is full, it does not try again by itself.
    type: path
  wait_timeout:
    description: Seconds to wait for O(synced_to_chain).
    type: float
    default: 120.0
seealso:
  - module: noncustodial.lightning.lnd_state_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Wait until the gateway is synced to the chain, and read its identity
  noncustodial.lightning.lnd_info:
    lnddir: /var/lib/lnd/gateway
    synced_to_chain: true
  register: gateway
"""

RETURN = r"""
identity_pubkey:
  description: The node's public key.
  returned: success
  type: str
  sample: 02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5
alias:
  description: The name that the node gives itself.
  returned: success
  type: str
  sample: gateway
color:
  description: The color that the node announces.
  returned: success
  type: str
  sample: "#3399ff"
version:
  description: The lnd's version.
  returned: success
  type: str
  sample: 0.21.3-beta commit=v0.21.3-beta
commit_hash:
  description: The commit that the lnd was built from.
  returned: success
  type: str
  sample: 1d7e4b9a4b4f28a2bf1d0bb4a9a4bbd0e4a9b1c0
block_height:
  description: The height of the newest block that the lnd has seen.
  returned: success
  type: int
  sample: 870000
block_hash:
  description: The hash of that block.
  returned: success
  type: str
  sample: 00000000000000000001f2e0c3a1f7fdd7ab2d6e2bb6c4a3bd6ed0c8b3b2a1d0
best_header_timestamp:
  description: The time in the header of the best block, in unix seconds.
  returned: success
  type: int
  sample: 1767225600
synced_to_chain:
  description: Whether the lnd is synced to the chain.
  returned: success
  type: bool
  sample: true
synced_to_graph:
  description: Whether the lnd believes that it knows the network's channels.
  returned: success
  type: bool
  sample: true
num_peers:
  description: The number of connected peers.
  returned: success
  type: int
  sample: 3
num_active_channels:
  description: The number of channels that can be used.
  returned: success
  type: int
  sample: 2
num_inactive_channels:
  description: The number of channels that are open and cannot be used now.
  returned: success
  type: int
  sample: 0
num_pending_channels:
  description: The number of channels that are being opened or closed.
  returned: success
  type: int
  sample: 0
uris:
  description: The addresses that the node announces.
  returned: success
  type: list
  elements: str
  sample: ["02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5@192.0.2.1:9735"]
config:
  description: The options of O(config_sections) with which the lnd runs, including unset ones, as lnd writes them.
  returned: with O(config_sections)
  type: dict
  sample: {protocol.simple-taproot-chans: 'false'}
not_backed_up:
  description: The channel points of the open channels that are not in O(channel_backup).
  returned: with O(channel_backup)
  type: list
  elements: str
  sample: []
chains:
  description: The network.
  returned: success
  type: list
  elements: dict
  sample: [{network: mainnet}]
"""

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import info
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "synced_to_chain": {"type": "bool", "default": False},
            "config_sections": {"type": "list", "elements": "str", "default": []},
            "channel_backup": {"type": "path"},
            "wait_timeout": {"type": "float", "default": 120.0},
        }
    )

    def read(client: Client) -> dict[str, t.Any]:
        if module.params["synced_to_chain"]:
            info.await_synced(client, module.params["wait_timeout"])
        found = info.read_info(client)
        if sections := module.params["config_sections"]:
            found["config"] = info.read_config(client, sections)
        if path := module.params["channel_backup"]:
            found["not_backed_up"] = info.read_not_backed_up(client, path)
        return found

    module.info(read)


if __name__ == "__main__":
    main()
