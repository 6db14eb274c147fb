#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_peer
short_description: Connect an lnd to a peer, or disconnect it
version_added: 0.1.0
description:
  - Makes sure that an lnd is connected to another Lightning node, and waits until it is.
  - A connection that the peer has made also counts. The lnd then knows the peer with a port that nobody can dial, and
    its channel backups hold that address unless the peer announces a better one. The module warns of this if O(host) is
    given. To avoid it, dial before the peer does.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  state:
    description: Whether the peer is to be connected. A peer with an open channel is not disconnected, because lnd would
      connect again at once.
    type: str
    choices: [present, absent]
    default: present
  pubkey:
    description: Node id of the peer, 66 hexadecimal digits.
    type: str
    required: true
  host:
    description: Host and port on which the peer listens. Required for O(state=present).
    type: str
  perm:
    description:
      - lnd connects in the background and keeps trying for as long as it runs. Peers with a channel are always
        reconnected.
      - Without this option a peer that cannot be reached is an error at once, with the reason.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait until the peer is connected or disconnected.
    type: float
    default: 30.0
seealso:
  - module: noncustodial.lightning.lnd_channel
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Connect the tenant's node to the gateway at its listening address
  noncustodial.lightning.lnd_peer:
    lnddir: /var/lib/lnd/acme
    rpcserver: localhost:10010
    pubkey: 02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc
    host: gateway.example.org:9735
"""

RETURN = r"""
connected:
  description: Whether there is a connection.
  returned: success
  type: bool
  sample: true
address:
  description: Host and port at the far end of the connection.
  returned: success, none when not connected
  type: str
  sample: 192.0.2.12:9735
inbound:
  description: Whether the peer has made the connection.
  returned: success, none when not connected
  type: bool
  sample: false
actions:
  description: The actions that were done.
  returned: success
  type: list
  elements: str
  sample: [connect]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import peer
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "pubkey": {"type": "str", "required": True},
            "host": {"type": "str"},
            "perm": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 30.0},
        },
        required_if=[("state", "present", ["host"])],
    )
    wanted = module.checked(lambda: peer.parse_options(module.params))
    module.ensure(
        read=lambda client: peer.read_peer(client, wanted.pubkey),
        plan=lambda state: peer.plan_peer(wanted, state),
        apply=peer.apply_peer,
        result=lambda state: peer.peer_result(wanted, state),
        settle=lambda client, _state: peer.wait_peer(client, wanted, module.params["wait_timeout"]),
    )


if __name__ == "__main__":
    main()
