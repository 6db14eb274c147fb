#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_state_info
short_description: Read the state of an lnd's start, or wait for it
version_added: 0.1.0
description:
  - Reads the state of an lnd's wallet and of its services. This needs no macaroon and is always possible.
  - Can wait for a state. Then the lnd may not have been started yet, and its certificate may not exist yet.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
options:
  state:
    description:
      - Wait until the lnd is in this state or a later one. Without it the present state is read at once.
      - The order in time is V(WAITING_TO_START), V(NON_EXISTING), V(LOCKED), V(UNLOCKED), V(RPC_ACTIVE),
        V(SERVER_ACTIVE).
      - So V(NON_EXISTING) waits until the lnd knows whether it has a wallet, V(RPC_ACTIVE) until it serves most
        calls, and V(SERVER_ACTIVE) until it is synced to the chain and serves all calls.
    type: str
    choices: [WAITING_TO_START, NON_EXISTING, LOCKED, UNLOCKED, RPC_ACTIVE, SERVER_ACTIVE]
  wait_timeout:
    description: Seconds to wait for O(state).
    type: float
    default: 60.0
  macaroonpath:
    description: Not used.
seealso:
  - module: noncustodial.lightning.lnd_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Wait until the lnd serves all calls
  noncustodial.lightning.lnd_state_info:
    rpcserver: localhost:10009
    lnddir: /var/lib/lnd/gateway
    state: SERVER_ACTIVE
    wait_timeout: 120
"""

RETURN = r"""
state:
  description: The state that the lnd is in.
  returned: success
  type: str
  sample: SERVER_ACTIVE
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import state
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "state": {"type": "str", "choices": list(state.STATES)},
            "wait_timeout": {"type": "float", "default": 60.0},
        },
        macaroon=False,
    )
    wanted = module.params["state"]
    module.info(
        lambda client: {"state": state.read_state(client)},
        connect=(lambda: state.started(module.connect, wanted, module.params["wait_timeout"])) if wanted else None,
    )


if __name__ == "__main__":
    main()
