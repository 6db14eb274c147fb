#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module lndhub_account_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lndhub_account_info
short_description: Read an account of a hub
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Reads whether a hub has an account with a login, and its limits and balance. Nothing secret is read.
extends_documentation_fragment:
  - noncustodial.lightning.lndhub
  - noncustodial.lightning.attributes.info
options:
  login:
    description: The account's login.
    type: str
    required: true
seealso:
  - module: noncustodial.lightning.lndhub_account
"""

EXAMPLES = r"""
- name: Read the balance of acme's shop
  noncustodial.lightning.lndhub_account_info:
    url: https://hub.example.org
    admin_token_file: /etc/lndhub/acme/admin_token
    login: acme-shop
  register: shop
"""

RETURN = r"""
exists:
  description: Whether there is such an account.
  returned: success
  type: bool
  sample: true
account:
  description: The account. Amounts are in msat. Limits are those in force, the account's own or the hub's.
  returned: if it exists
  type: dict
  sample:
    id: 7
    login: acme-shop
    deactivated: false
    max_receive_msat: 2100000000000000000
    max_send_msat: 2100000000000000000
    max_balance_msat: 1000000000
    balance_msat: 21000
    reserved_msat: 0
"""

import typing as t
from dataclasses import asdict

from ansible_collections.noncustodial.lightning.plugins.module_utils._hub import api
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    """Run the module."""
    module = Module({**api.HUB_SPEC, "login": {"type": "str", "required": True}}, **api.TOKEN_RULES)

    def read() -> dict[str, t.Any]:
        account = api.api(module.params).read(module.params["login"])
        return {"exists": account is not None, **({"account": asdict(account)} if account else {})}

    module.answer(read)


if __name__ == "__main__":
    main()
