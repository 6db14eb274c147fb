#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_payment_info
short_description: Read the payments that an lnd has made for a purpose
version_added: 0.2.0
description:
  - Reads the payments that an lnd has made to invoices under one label of M(noncustodial.lightning.lnd_invoice),
    whichever node made the invoices.
  - With it a payer can find out that it has already paid before it asks for an invoice, even if the payee is now
    another node that does not know of it.
  - Payments are read in the order in which invoices follow each other under the label, until 20 in a row were never
    tried.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
options:
  preimage_from:
    description: The key and label under which the invoices were made, as
      O(noncustodial.lightning.lnd_invoice#module:preimage_from).
    type: dict
    required: true
    suboptions:
      key:
        description: The secret, at least 16 bytes in hexadecimal.
        type: str
        required: true
      label:
        description: The purpose of the payment.
        type: str
        required: true
  timeout_seconds:
    description: Seconds to wait for a payment that is under way. If it is still under way after that, the module fails.
    type: int
    default: 60
seealso:
  - module: noncustodial.lightning.lnd_invoice
  - module: noncustodial.lightning.lnd_payment
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the payments of acme's node
  noncustodial.lightning.lnd_payment_info:
    lnddir: /var/lib/lnd/acme
    rpcserver: localhost:10010
    preimage_from:
      key: "{{ onboarding_proof_key }}"
      label: out
  register: made
"""

RETURN = r"""
payments:
  description: The payments that have succeeded. With more than one the purpose was paid for more than once.
  returned: success
  type: list
  elements: dict
  contains:
    payment_hash:
      description: The payment hash, which identifies the payment.
      type: str
      returned: success
    status:
      description: The status under lnd's name.
      type: str
      returned: success
    value_msat:
      description: The amount in msat.
      type: int
      returned: success
    fee_msat:
      description: The fee that was paid, in msat.
      type: int
      returned: success
    failure_reason:
      description: The reason of a failure under lnd's name.
      type: str
      returned: success
    duration_ms:
      description: Milliseconds from the payment's start to the end of its last part, according to the node's own clock.
      type: float
      returned: success
  sample:
    - payment_hash: 5d1b1b0b8fd9a4c5e2a3f4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809
      status: SUCCEEDED
      value_msat: 20000000
      fee_msat: 1000
      failure_reason: FAILURE_REASON_NONE
      duration_ms: 41.7
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import invoice, payment
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "preimage_from": {**invoice.PREIMAGE_FROM_SPEC, "required": True},
            "timeout_seconds": {"type": "int", "default": 60},
        }
    )
    options = module.params
    module.info(
        lambda client: payment.made_result(
            payment.read_row(client, invoice.preimages(None, options["preimage_from"]), options["timeout_seconds"])
        )
    )


if __name__ == "__main__":
    main()
