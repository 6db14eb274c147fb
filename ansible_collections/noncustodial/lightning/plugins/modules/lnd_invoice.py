#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_invoice
short_description: Create an invoice, once
version_added: 0.1.0
description:
  - Creates an invoice on an lnd and gives its payment request.
  - An invoice is known by the hash of its preimage. With O(preimage) or O(preimage_from) a second run finds the first one's invoice and changes nothing.
    Without them each run creates a new invoice.
  - The preimage is the receipt. Whoever knows it before the payment can claim to have paid, and a node on the way can keep the money. It is never returned.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  value_msat:
    description: The amount in msat. With V(0) the payer chooses it. If the invoice exists with another amount the module fails.
    type: int
    required: true
  preimage:
    description: The preimage, 32 bytes in hexadecimal. Fails if its invoice was canceled or has expired unpaid, because a hash can be used only once.
    type: str
  preimage_from:
    description:
      - Derive the preimage from a secret and a label, by HMAC-SHA256, so that the same label always means the same payment.
      - If the invoice of a label was canceled or has expired unpaid, its successor under the same label is used. A canceled invoice can
        never be paid, so at most one of them is.
    type: dict
    suboptions:
      key:
        description: The secret, at least 16 bytes in hexadecimal.
        type: str
        required: true
      label:
        description: What the payment is for, for example tenant and purpose. Not secret.
        type: str
        required: true
  memo:
    description: Text in the payment request. Of an existing invoice it is not compared.
    type: str
    default: ""
  expiry:
    description: Seconds in which the invoice can be paid. Of an existing invoice it is not compared.
    type: int
    default: 3600
  private:
    description:
      - Let the payment request name this node's unannounced channels, so that others than its peers can pay it.
      - lnd names a channel only if it is active, its peer has announced channels that this lnd has heard of, and the peer's fees are known. So
        the module first waits until there is such a channel, or an active one that is announced.
    type: bool
    default: false
  wait:
    description: Wait until the invoice is paid.
    type: bool
    default: false
  wait_timeout:
    description: Seconds for O(wait), and before for O(private).
    type: float
    default: 120.0
seealso:
  - module: noncustodial.lightning.lnd_payment
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Acme's node asks for the payment that proves its onboarding
  noncustodial.lightning.lnd_invoice:
    lnddir: /var/lib/lnd/acme
    rpcserver: localhost:10010
    value_msat: 20000000
    memo: Onboarding of acme
    preimage_from:
      key: "{{ onboarding_proof_key }}"
      label: "acme {{ bundle.sha256 }} in"
  register: proof

- name: That payment has arrived
  noncustodial.lightning.lnd_invoice:
    lnddir: /var/lib/lnd/acme
    rpcserver: localhost:10010
    value_msat: 20000000
    preimage_from:
      key: "{{ onboarding_proof_key }}"
      label: "acme {{ bundle.sha256 }} in"
    wait: true
"""

RETURN = r"""
r_hash:
  description: The payment hash.
  returned: success; in check mode only of an existing invoice
  type: str
  sample: 5d1b1b0b8fd9a4c5e2a3f4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809
payment_request:
  description: What the payer needs.
  returned: success; in check mode only of an existing invoice
  type: str
  sample: lnbcrt200u1p5example
state:
  description: In lnd's words, OPEN, ACCEPTED or SETTLED.
  returned: success
  type: str
  sample: OPEN
value_msat:
  description: The amount asked for.
  returned: success
  type: int
  sample: 20000000
amt_paid_msat:
  description: The amount received.
  returned: success
  type: int
  sample: 0
memo:
  description: The text.
  returned: success
  type: str
  sample: Onboarding of acme
creation_date:
  description: Seconds since 1970.
  returned: success
  type: int
  sample: 1767225600
settle_date:
  description: Seconds since 1970, or 0.
  returned: success
  type: int
  sample: 0
expiry:
  description: Seconds after the creation.
  returned: success
  type: int
  sample: 3600
route_hints:
  description: How many ways over unannounced channels the payment request names.
  returned: success
  type: int
  sample: 0
actions:
  description: What was done.
  returned: success
  type: list
  elements: str
  sample: [add]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import invoice
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "value_msat": {"type": "int", "required": True},
            "preimage": {"type": "str", "no_log": True},
            "preimage_from": {
                "type": "dict",
                "options": {"key": {"type": "str", "required": True, "no_log": True}, "label": {"type": "str", "required": True}},
            },
            "memo": {"type": "str", "default": ""},
            "expiry": {"type": "int", "default": 3600},
            "private": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 120.0},
        },
        mutually_exclusive=[("preimage", "preimage_from")],
    )
    options = module.params
    wanted = {name: options[name] for name in ("value_msat", "memo", "expiry", "private", "wait_timeout")}
    preimages = module.checked(lambda: invoice.preimages(options["preimage"], options["preimage_from"]))
    module.ensure(
        read=lambda client: invoice.read_slot(client, preimages),
        plan=lambda slot: invoice.plan_invoice(wanted, slot),
        apply=invoice.apply_invoice,
        result=invoice.invoice_result,
        settle=lambda client, slot: invoice.wait_settled(client, slot, options["wait_timeout"]) if options["wait"] else slot,
    )


if __name__ == "__main__":
    main()
