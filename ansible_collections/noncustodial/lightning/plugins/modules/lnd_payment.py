#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_payment
short_description: Pay an invoice, once
version_added: 0.1.0
description:
  - Pays an invoice and waits for the end of the payment.
  - A payment is identified by its hash. One that has succeeded is only read, and one that is under way is waited for.
    One that has failed is tried again. So a second run never pays a second time, and if lnd's answer is lost the module
    reads the payment's state.
  - The proof of payment, the preimage, is not returned. C(lncli trackpayment) shows it on the node.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  payment_request:
    description: The invoice.
    type: str
    required: true
  amt_msat:
    description: The amount in msat, only for an invoice without an amount.
    type: int
  fee_limit_msat:
    description:
      - The maximum fee in msat. With V(0) only routes without fees are taken.
      - The default is the amount itself up to 1000 sat, and 5 % of it above.
    type: int
  timeout_seconds:
    description: Seconds in which lnd looks for routes. If a part is still under way then, the module waits 15 s longer.
    type: int
    default: 60
  retry_no_route_for:
    description:
      - Seconds in which a payment without a route is tried again, for example while the network learns of a new
        channel.
      - Each attempt starts only after lnd has reported the one before as failed.
    type: float
    default: 0.0
seealso:
  - module: noncustodial.lightning.lnd_invoice
  - module: noncustodial.lightning.lnd_payment_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The gateway pays acme's invoice
  noncustodial.lightning.lnd_payment:
    lnddir: /var/lib/lnd/gateway
    payment_request: "{{ proof.payment_request }}"
    fee_limit_msat: 0
    retry_no_route_for: 120
"""

RETURN = r"""
payment_hash:
  description: The payment hash, which identifies the payment.
  returned: success
  type: str
  sample: 5d1b1b0b8fd9a4c5e2a3f4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809
status:
  description: The status under lnd's name.
  returned: success
  type: str
  sample: SUCCEEDED
destination:
  description: Node id of the payee.
  returned: success
  type: str
  sample: 02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc
value_msat:
  description: The amount in msat.
  returned: success
  type: int
  sample: 20000000
fee_msat:
  description: The fee that was paid, in msat.
  returned: success, not in check mode for a new payment
  type: int
  sample: 1000
failure_reason:
  description: The reason of a failure under lnd's name.
  returned: success, not in check mode for a new payment
  type: str
  sample: FAILURE_REASON_NONE
duration_ms:
  description: Milliseconds from the payment's start to the end of its last part, according to the node's own clock.
  returned: success, not in check mode for a new payment
  type: float
  sample: 41.7
reason:
  description: The reason why the payment has failed, under lnd's name.
  returned: when the payment has failed
  type: str
  sample: FAILURE_REASON_NO_ROUTE
actions:
  description: The actions that were done.
  returned: success
  type: list
  elements: str
  sample: [pay]
"""

import time

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import payment
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "payment_request": {"type": "str", "required": True},
            "amt_msat": {"type": "int"},
            "fee_limit_msat": {"type": "int"},
            "timeout_seconds": {"type": "int", "default": 60},
            "retry_no_route_for": {"type": "float", "default": 0.0},
        }
    )
    options = module.params
    module.ensure(
        read=lambda client: payment.read_payment(client, options["payment_request"]),
        plan=lambda state: payment.plan_payment(options, time.time(), state),
        apply=payment.apply_payment,
        result=payment.payment_result,
        settle=lambda client, state: payment.wait_payment(client, state, options["timeout_seconds"]),
    )


if __name__ == "__main__":
    main()
