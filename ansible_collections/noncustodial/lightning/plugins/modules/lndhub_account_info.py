#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module lndhub_account_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lndhub_account_info
short_description: An account of a hub as it is
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Reads whether a hub has an account of a login, its limits and its balance. Nothing secret is read.
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
- name: What the shop of acme has
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
  description: The account; amounts are msat, and limits those that hold, its own or the hub's.
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

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.noncustodial.lightning.plugins.module_utils import _hub_api
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import LndError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={**_hub_api.HUB_SPEC, "login": {"type": "str", "required": True}}, supports_check_mode=True, **_hub_api.ONE_TOKEN
    )
    try:
        account = _hub_api.api(module.params).read(module.params["login"])
    except LndError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, exists=account is not None, **({"account": asdict(account)} if account else {}))


if __name__ == "__main__":
    main()
