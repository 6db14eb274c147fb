#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module postgres_hba."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_hba
short_description: One section of PostgreSQL's pg_hba.conf
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Keeps the lines of one section of C(pg_hba.conf), has the server read the file, and waits until it has.
  - Sections stand in the order of their names. Whatever stands outside of a section is removed, so that nobody comes in by a forgotten line.
  - A file that the server has not read since it was written, as after an interrupted run, is read again.
extends_documentation_fragment:
  - noncustodial.lightning.postgres
seealso:
  - module: noncustodial.lightning.postgres_database
options:
  name:
    description: Name of the section.
    type: str
    required: true
  lines:
    description: Its lines. An empty list removes the section.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: The superuser comes in from the machine itself
  noncustodial.lightning.postgres_hba:
    name: 00-server
    lines:
      - local all postgres peer
"""

RETURN = r"""
statements:
  description: Always empty, as this module runs none.
  returned: success
  type: list
  elements: str
certificate:
  description: The server's certificate, PEM. Empty where there is no server yet.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n..."
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres import Plan, State, plan_hba
from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres_module import PostgresModule


def main() -> None:
    """Run the module."""
    module = PostgresModule(
        {
            "name": {"type": "str", "required": True},
            "lines": {"type": "list", "elements": "str", "required": True},
        }
    )
    name, lines = module.params["name"], module.params["lines"]

    def plan(state: State) -> Plan:
        return plan_hba(state, name, lines)

    module.ensure("", plan)


if __name__ == "__main__":
    main()
