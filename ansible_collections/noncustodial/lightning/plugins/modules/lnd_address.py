#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_address
short_description: Get an address that pays into an lnd's own wallet
version_added: 0.1.0
description:
  - Returns an address to which nothing has been paid yet. Further calls return the same address, until something is
    paid to it.
  - So the module makes no visible change, and may be run as often as wanted.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
options:
  type:
    description: The kind of address, as C(lncli newaddress) names it. Every wallet can pay to V(p2wkh).
    type: str
    choices: [p2wkh, p2tr]
    default: p2wkh
seealso:
  - module: noncustodial.lightning.lnd_balance_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Get an address of the gateway's wallet
  noncustodial.lightning.lnd_address:
    lnddir: /var/lib/lnd/gateway
    type: p2tr
  register: gateway_address
"""

RETURN = r"""
address:
  description: The address.
  returned: success
  type: str
  sample: bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import address
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule({"type": {"type": "str", "choices": list(address.ADDRESS_TYPES), "default": "p2wkh"}})
    module.info(lambda client: {"address": address.read_address(client, module.params["type"])})


if __name__ == "__main__":
    main()
