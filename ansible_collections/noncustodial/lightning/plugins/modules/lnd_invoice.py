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
  - Creates an invoice on an lnd and returns its payment request.
  - An invoice is identified by the hash of its preimage. With O(preimage) or O(preimage_from) a second run finds the
    first one's invoice and changes nothing. Without them each run creates a new invoice.
  - The preimage is the receipt. It is never returned. Whoever knows it before the payment can claim to have paid, and a
    node on the route can keep the money.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  value_msat:
    description: The amount in msat. With V(0) the payer chooses it. If the invoice exists with another amount the
      module fails, except with O(any_settled).
    type: int
    required: true
  preimage:
    description: The preimage, 32 bytes in hexadecimal. If its invoice was canceled or has expired unpaid, the module
      fails, because a hash serves only once.
    type: str
  preimage_from:
    description:
      - Derive the preimage from a secret and a label with HMAC-SHA256, so that the same label always means the same
        payment.
      - If the invoice of a label was canceled or has expired unpaid, its successor under the same label is used. A
        canceled invoice can never be paid, so at most one of them is paid.
    type: dict
    suboptions:
      key:
        description: The secret, at least 16 bytes in hexadecimal.
        type: str
        required: true
      label:
        description: The purpose of the payment, for example tenant and reason. It is not secret.
        type: str
        required: true
  any_settled:
    description:
      - Accept a settled invoice whatever its amount was, for a purpose that needs to be paid only once.
        RV(amt_paid_msat) is the amount paid.
      - An invoice that is not settled must still have the wanted amount.
    type: bool
    default: false
  memo:
    description: The text in the payment request. That of an existing invoice is not compared.
    type: str
    default: ""
  expiry:
    description: Seconds within which the invoice can be paid. That of an existing invoice is not compared.
    type: int
    default: 3600
  private:
    description:
      - Name this node's unannounced channels in the payment request, so that nodes other than its peers can pay it.
      - lnd names a channel only if it is active, its peer has announced channels that this lnd knows, and the peer's
        fees are known. So the module first waits until there is such a channel, or an active one that is announced.
    type: bool
    default: false
  wait:
    description: Wait until the invoice is paid.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for O(wait), and before that for O(private).
    type: float
    default: 120.0
seealso:
  - module: noncustodial.lightning.lnd_payment
  - module: noncustodial.lightning.lnd_payment_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Create the invoice of the payment that proves acme's onboarding
  noncustodial.lightning.lnd_invoice:
    lnddir: /var/lib/lnd/acme
    rpcserver: localhost:10010
    value_msat: 20000000
    memo: Onboarding of acme
    preimage_from:
      key: "{{ onboarding_proof_key }}"
      label: "acme {{ bundle.sha256 }} in"
  register: proof

- name: Wait until that payment has arrived
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
  description: The payment request for the payer.
  returned: success; in check mode only of an existing invoice
  type: str
  sample: lnbcrt200u1p5example
state:
  description: The state under lnd's name, OPEN, ACCEPTED or SETTLED.
  returned: success
  type: str
  sample: OPEN
value_msat:
  description: The requested amount in msat.
  returned: success
  type: int
  sample: 20000000
amt_paid_msat:
  description: The received amount in msat.
  returned: success
  type: int
  sample: 0
memo:
  description: The text in the payment request.
  returned: success
  type: str
  sample: Onboarding of acme
creation_date:
  description: The time of creation, seconds since 1970.
  returned: success
  type: int
  sample: 1767225600
settle_date:
  description: The time of payment, seconds since 1970, or 0.
  returned: success
  type: int
  sample: 0
expiry:
  description: Seconds after the creation at which the invoice expires.
  returned: success
  type: int
  sample: 3600
route_hints:
  description: The number of unannounced channels that the payment request names.
  returned: success
  type: int
  sample: 0
actions:
  description: The actions that were done.
  returned: success
  type: list
  elements: str
  sample: [add]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import invoice
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "value_msat": {"type": "int", "required": True},
            "preimage": {"type": "str", "no_log": True},
            "preimage_from": invoice.PREIMAGE_FROM_SPEC,
            "any_settled": {"type": "bool", "default": False},
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

    def settle(client: Client, slot: invoice.Slot) -> invoice.Slot:
        return invoice.wait_settled(client, slot, options["wait_timeout"]) if options["wait"] else slot

    module.ensure(
        read=lambda client: invoice.read_slot(client, preimages),
        plan=lambda slot: invoice.plan_invoice(wanted, slot, options["any_settled"]),
        apply=invoice.apply_invoice,
        result=invoice.invoice_result,
        settle=settle,
    )


if __name__ == "__main__":
    main()
