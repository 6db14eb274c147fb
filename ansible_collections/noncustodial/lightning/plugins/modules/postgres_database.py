#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module postgres_database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_database
short_description: Manage a role with a database that nobody else can reach
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Makes a role that can only log in, a database of the same name that it owns and to which no other role may connect,
    and the lines of C(pg_hba.conf) that let it in, from the given addresses, only with TLS and SCRAM.
  - All this is one task with one connection, because a provider does it for many tenants at once. The server reloads
    and does not restart.
  - With O(owner) the database belongs to a second role, which is let in the same way. The first role can then do what
    the second grants it, and can neither drop nor alter a table. A database that belongs to the first role is
    transferred to the second with all its content; the first role can read and write its tables as before until the
    owner grants it less.
  - Nothing is ever dropped. A database of that name that belongs to another role is refused.
extends_documentation_fragment:
  - noncustodial.lightning.postgres
options:
  name:
    description: The name of the role and of its database.
    type: str
    required: true
  verifier:
    description:
      - The SCRAM-SHA-256 verifier of the role's password, as M(noncustodial.lightning.node_secret) returns it.
      - Without it the password stays, and a new role cannot log in with a password. In check mode there is none for a
        new node.
    type: str
  addresses:
    description: The addresses or networks from which the role may connect. With an empty list it is locked out.
    type: list
    elements: str
    required: true
  connection_limit:
    description: The maximum number of connections of the role, so that one tenant cannot take those of the others.
      V(-1) means no limit.
    type: int
    default: -1
  owner:
    description: The role that owns the database, if it is not the role O(name). It is made in the same way.
    type: str
  owner_verifier:
    description: The verifier of the owner's password, as O(verifier).
    type: str
  owner_connection_limit:
    description: The maximum number of connections of the owner, as O(connection_limit).
    type: int
    default: -1
"""

EXAMPLES = r"""
- name: The node acme has its database
  noncustodial.lightning.postgres_database:
    name: lnd_acme
    verifier: "{{ password.verifier }}"
    addresses: [192.0.2.14]
    connection_limit: 45
  delegate_to: db

- name: The hub of acme has its database, and does not own it
  noncustodial.lightning.postgres_database:
    name: hub_acme
    verifier: "{{ password.verifier }}"
    owner: owner_hub_acme
    owner_verifier: "{{ owner_password.verifier }}"
    addresses: [192.0.2.14]
  delegate_to: db
"""

RETURN = r"""
statements:
  description: The statements that were run, or would be run in check mode, without the verifier.
  returned: success
  type: list
  elements: str
  sample: ['REVOKE ALL ON DATABASE "lnd_acme" FROM PUBLIC']
certificate:
  description: The server's certificate, PEM, which the node pins. Empty if there is no server yet.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n..."
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres.module import PostgresModule
from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres.plan import (
    DatabaseState,
    Plan,
    WantedDatabase,
    WantedOwner,
    plan_database,
)


def main() -> None:
    """Run the module."""
    module = PostgresModule(
        {
            "name": {"type": "str", "required": True},
            "verifier": {"type": "str", "no_log": False},
            "addresses": {"type": "list", "elements": "str", "required": True},
            "connection_limit": {"type": "int", "default": -1},
            "owner": {"type": "str"},
            "owner_verifier": {"type": "str", "no_log": False},
            "owner_connection_limit": {"type": "int", "default": -1},
        }
    )
    given = module.params
    options = {option: module.params[option] for option in ("name", "verifier", "addresses", "connection_limit")}

    def plan(state: DatabaseState) -> Plan:
        owner = (
            WantedOwner(given["owner"], given["owner_verifier"], given["owner_connection_limit"])
            if given["owner"]
            else None
        )
        return plan_database(state, WantedDatabase(**options, owner=owner))

    module.ensure(options["name"], plan, given["owner"] or "")


if __name__ == "__main__":
    main()
