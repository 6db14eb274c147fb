#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_accounts_info
short_description: Read the extended public keys of an lnd's accounts
version_added: 0.1.0
description:
  - Reads the accounts of an lnd's wallet (ListAccounts). A watch-only node of the same seed is made from them.
  - They hold no private key, but they are confidential. They show every address of the wallet, and the channel backup
    can be decrypted with them.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes.info
seealso:
  - module: noncustodial.lightning.lnd_watch_wallet
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the signer's accounts
  noncustodial.lightning.lnd_accounts_info:
    lnddir: /var/lib/lnd/signer
  register: signer
  no_log: true
"""

RETURN = r"""
accounts:
  description: The accounts, in lnd's order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The account's name.
      type: str
      sample: default
    address_type:
      description: The kind of its addresses, under lnd's name.
      type: str
      sample: TAPROOT_PUBKEY
    purpose:
      description: The first step of its path; 49, 84 and 86 hold coins, 1017 holds lnd's own keys.
      type: int
      sample: 86
    coin_type:
      description: The second step.
      type: int
      sample: 0
    account:
      description: The third step; with purpose 1017 it is lnd's key family.
      type: int
      sample: 0
    derivation_path:
      description: The path from the seed's master key.
      type: str
      sample: m/86'/0'/0'
    extended_public_key:
      description: The account's extended public key, as lnd writes it on its network.
      type: str
      sample: xpub6CUGRUonZSQ4TWtTMmzXdrXDtypWKiKrhko4egpiMZbpiaQL2jkwSB1icqYh2cfDfVxdx4df189oLKnC5fSwqPfg…
    watch_only:
      description: Whether the wallet has no private key for it.
      type: bool
      sample: false
"""

from dataclasses import asdict

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import accounts
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule({})
    module.info(lambda client: {"accounts": [asdict(account) for account in accounts.read_accounts(client)]})


if __name__ == "__main__":
    main()
