#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module lndhub_account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lndhub_account
short_description: An account of a hub, with its limits and its credentials
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Makes an account of a hub once, known by its login, and sets its limits.
  - The password is made by the module. It goes to O(credentials_file), or without that is returned once, by the run that makes the account.
    The hub keeps a hash of it alone, so that nobody can read it again.
  - The file is written before the account is made, so that a run which is cut short loses nothing. It is never overwritten.
  - An account is never removed, because it may own money.
extends_documentation_fragment:
  - noncustodial.lightning.lndhub
  - noncustodial.lightning.attributes
requirements:
  - python3-segno on the target, for O(qr_file) alone
options:
  login:
    description: The account's login, 3 to 64 letters, digits or C(. _ @ -).
    type: str
    required: true
  deactivated:
    description: Whether the account is closed to its user. Its money stays. A deactivation ends all sessions. Left alone if not given.
    type: bool
  max_receive_msat:
    description: The most that one invoice may ask for, msat. Left alone if not given; a new account has the hub's own limit.
    type: int
  max_send_msat:
    description: The most that one payment may be, msat. Left alone if not given; a new account has the hub's own limit.
    type: int
  max_balance_msat:
    description: The balance above which no invoice is made, msat. Left alone if not given; a new account has the hub's own limit.
    type: int
  credentials_file:
    description: A JSON file with login, password and connection string, made with mode 0600. Its folder must be there.
    type: path
  credential:
    description:
      - Name under which C(systemd-creds) seals O(credentials_file), so that only a unit of this machine's systemd can load it, with
        C(LoadCredentialEncrypted=NAME:PATH). It then holds the password alone, which is nowhere in the clear. Its folder is made if it is missing.
    type: str
  qr_file:
    description: The connection string as a QR code, made with mode 0600. The name ends in C(.svg) or C(.png). It is as secret as the password.
    type: path
  wallet_url:
    description: The hub as wallet apps reach it, for the connection string. By default O(url).
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

- name: It is closed
  noncustodial.lightning.lndhub_account:
    url: https://hub.example.org
    admin_token_file: /etc/lndhub/acme/admin_token
    login: acme-shop
    deactivated: true
"""

RETURN = r"""
account:
  description: The account as it is now.
  returned: success; in check mode only of an account that is there
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
  description: The password. Keep it by C(no_log) and C(register).
  returned: by the run that makes the account, without O(credentials_file)
  type: str
  sample: 6f1ed002ab5595859014ebf0951522d9
connection:
  description: What a wallet app takes to connect.
  returned: by the run that makes the account, without O(credentials_file)
  type: str
  sample: lndhub://acme-shop:6f1ed002ab5595859014ebf0951522d9@https://hub.example.org
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [write_credentials, create, update, write_qr]
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.noncustodial.lightning.plugins.module_utils import _hub_account, _hub_api
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import LndError, Missing


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **_hub_api.HUB_SPEC,
            "login": {"type": "str", "required": True},
            "deactivated": {"type": "bool"},
            **{name: {"type": "int"} for name in _hub_api.LIMITS},
            "credentials_file": {"type": "path"},
            "credential": {"type": "str", "no_log": False},
            "qr_file": {"type": "path"},
            "wallet_url": {"type": "str"},
        },
        supports_check_mode=True,
        mutually_exclusive=[*_hub_api.ONE_TOKEN["mutually_exclusive"], ("credential", "qr_file")],
        required_one_of=_hub_api.ONE_TOKEN["required_one_of"],
        required_by={**_hub_api.ONE_TOKEN["required_by"], "credential": ["credentials_file"]},
    )
    options = module.params
    if options["qr_file"] and _hub_account.IMPORT_ERROR is not None and not module.check_mode:
        module.fail_json(msg=missing_required_lib("segno", reason="for qr_file"), exception=_hub_account.IMPORT_ERROR)
    try:
        hub = _hub_api.api(options)
        state = _hub_account.read_state(hub, options)
        steps = _hub_account.plan_account(options, state)
        result = {"changed": steps.changed, "actions": [action.name for action in steps.actions]}
        result["diff"] = {"before": dict(steps.before), "after": dict(steps.after)}
        made = None
        if steps.changed and not module.check_mode:
            # What is noted is never in a log; what is returned on purpose is, so that only a file's password is noted.
            note = module.no_log_values.add if options["credentials_file"] else lambda _password: None
            made = _hub_account.apply(hub, options, state, steps, note)
            state = _hub_account.read_state(hub, options)
    except Missing as error:
        if not module.check_mode:
            module.fail_json(msg=str(error))
        module.warn(f"In check mode it can only be foretold that something changes, and not what. {error}")
        module.exit_json(changed=True)
    except LndError as error:
        module.fail_json(msg=str(error))
    if made is not None and not options["credentials_file"]:
        result.update(password=made, connection=_hub_account.connection(options["login"], made, _hub_account.wallet_url(options)))
    if state.account is not None:
        result["account"] = asdict(state.account)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
