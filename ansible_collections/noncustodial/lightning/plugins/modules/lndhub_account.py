#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module lndhub_account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lndhub_account
short_description: Manage an account of a hub, with its limits and its credentials
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Makes an account of a hub once, identified by its login, and sets its limits.
  - The module makes the password and writes it to O(credentials_file). Without that option it is returned once, by the
    run that makes the account. The hub stores only a hash of it, so that nobody can read it again.
  - The file is written before the account is made, so that an interrupted run loses nothing. It is never overwritten.
  - An account is never removed, because it may own money.
extends_documentation_fragment:
  - noncustodial.lightning.lndhub
  - noncustodial.lightning.attributes
requirements:
  - python3-segno on the target, only for O(qr_file)
options:
  login:
    description: The account's login, 3 to 64 letters, digits or C(. _ @ -).
    type: str
    required: true
  deactivated:
    description: Whether the account is closed to its user. Its money stays. A deactivation ends all sessions. Unchanged
      if not set.
    type: bool
  max_receive_msat:
    description: The maximum amount of one invoice, msat. Unchanged if not set; a new account has the hub's own limit.
    type: int
  max_send_msat:
    description: The maximum amount of one payment, msat. Unchanged if not set; a new account has the hub's own limit.
    type: int
  max_balance_msat:
    description: The balance above which no invoice is made, msat. Unchanged if not set; a new account has the hub's own
      limit.
    type: int
  credentials_file:
    description: A JSON file with login, password and connection string, made with mode 0600. Its folder must exist.
    type: path
  credential:
    description:
      - The name under which C(systemd-creds) seals O(credentials_file), so that only a unit of this machine's systemd
        can load it, with C(LoadCredentialEncrypted=NAME:PATH). It then holds only the password, which is nowhere stored
        in the clear. Its folder is made if it is missing.
    type: str
  qr_file:
    description: The connection string as a QR code, made with mode 0600. The name ends in C(.svg) or C(.png). It is as
      secret as the password.
    type: path
  wallet_url:
    description: The URL at which wallet apps reach the hub, for the connection string. The default is O(url).
    type: str
seealso:
  - module: noncustodial.lightning.lndhub_account_info
"""

EXAMPLES = r"""
- name: The shop of acme has an account, with at most a million sat in it
  noncustodial.lightning.lndhub_account:
    url: https://hub.example.org
    ca_path: /etc/lndhub/acme/proxy.crt
    admin_token_file: /etc/lndhub/acme/admin_token
    login: acme-shop
    max_balance_msat: 1000000000
    credentials_file: /root/accounts/acme-shop.json
    qr_file: /root/accounts/acme-shop.svg

- name: A service on the hub's machine has an account, whose password is its unit's credential
  noncustodial.lightning.lndhub_account:
    url: https://localhost:8443
    ca_path: /etc/lndhub/acme/tls.crt
    admin_token_file: /etc/credstore.encrypted/lndhub@acme.admin_token
    admin_token_credential: admin_token
    login: kiosk
    credentials_file: /etc/credstore.encrypted/kiosk.hub_password
    credential: hub_password

- name: The account is closed
  noncustodial.lightning.lndhub_account:
    url: https://hub.example.org
    admin_token_file: /etc/lndhub/acme/admin_token
    login: acme-shop
    deactivated: true
"""

RETURN = r"""
account:
  description: The account as it is now.
  returned: success; in check mode only of an existing account
  type: dict
  sample:
    id: 7
    login: acme-shop
    deactivated: false
    max_receive_msat: 2100000000000000000
    max_send_msat: 2100000000000000000
    max_balance_msat: 1000000000
    balance_msat: 0
    reserved_msat: 0
password:
  description: The password. Keep it with C(register), and hide it with C(no_log).
  returned: by the run that makes the account, without O(credentials_file)
  type: str
  sample: 6f1ed002ab5595859014ebf0951522d9
connection:
  description: The connection string for a wallet app.
  returned: by the run that makes the account, without O(credentials_file)
  type: str
  sample: lndhub://acme-shop:6f1ed002ab5595859014ebf0951522d9@https://hub.example.org
actions:
  description: The actions that were done, or would be done in check mode.
  returned: success
  type: list
  elements: str
  sample: [write_credentials, create, update, write_qr]
"""

import typing as t
from dataclasses import asdict

from ansible_collections.noncustodial.lightning.plugins.module_utils._hub import account, api
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    """Run the module."""
    module = Module(
        {
            **api.HUB_SPEC,
            "login": {"type": "str", "required": True},
            "deactivated": {"type": "bool"},
            **{name: {"type": "int"} for name in api.LIMITS},
            "credentials_file": {"type": "path"},
            "credential": {"type": "str", "no_log": False},
            "qr_file": {"type": "path"},
            "wallet_url": {"type": "str"},
        },
        mutually_exclusive=[*api.TOKEN_RULES["mutually_exclusive"], ("credential", "qr_file")],
        required_one_of=api.TOKEN_RULES["required_one_of"],
        required_by={**api.TOKEN_RULES["required_by"], "credential": ["credentials_file"]},
    )
    options = module.params

    def ensure() -> dict[str, t.Any]:
        hub = api.api(options)
        state = account.read_state(hub, options)
        steps = account.plan_account(options, state)
        made = None
        if steps.changed and not module.check_mode:
            # A noted value never appears in a log or a result, so a password is noted only if it goes to a file.
            note = module.conceal if options["credentials_file"] else lambda _password: None
            made = account.apply(hub, options, state, steps, note)
            state = account.read_state(hub, options)
        shown = {}
        if made is not None and not options["credentials_file"]:
            shown = {
                "password": made,
                "connection": account.connection(options["login"], made, account.wallet_url(options)),
            }
        return {
            "changed": steps.changed,
            "actions": [action.name for action in steps.actions],
            "diff": {"before": dict(steps.before), "after": dict(steps.after)},
            **shown,
            **({"account": asdict(state.account)} if state.account is not None else {}),
        }

    if options["qr_file"] and not module.check_mode:
        module.require_library("segno", account.IMPORT_ERROR)
    module.change(ensure)


if __name__ == "__main__":
    main()
