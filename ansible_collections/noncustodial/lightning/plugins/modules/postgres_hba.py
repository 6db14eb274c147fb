#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module postgres_hba."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_hba
short_description: Manage a section of PostgreSQL's pg_hba.conf
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Writes the lines of one section of C(pg_hba.conf), lets the server read the file, and waits until it has done so.
  - Sections are sorted by name. Lines outside of a section are removed, so that no forgotten line lets anybody in.
  - A file that the server has not read since it was written, as after an interrupted run, is read again.
extends_documentation_fragment:
  - noncustodial.lightning.postgres
seealso:
  - module: noncustodial.lightning.postgres_database
options:
  name:
    description: The name of the section.
    type: str
    required: true
  lines:
    description: The section's lines. An empty list removes the section.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: The superuser may connect from the machine itself
  noncustodial.lightning.postgres_hba:
    name: 00-server
    lines:
      - local all postgres peer
"""

RETURN = r"""
statements:
  description: Always empty, because this module runs no statement.
  returned: success
  type: list
  elements: str
certificate:
  description: The server's certificate, PEM. Empty if there is no server yet.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n..."
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres.module import PostgresModule
from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres.plan import DatabaseState, Plan, plan_hba


def main() -> None:
    """Run the module."""
    module = PostgresModule(
        {
            "name": {"type": "str", "required": True},
            "lines": {"type": "list", "elements": "str", "required": True},
        }
    )
    name, lines = module.params["name"], module.params["lines"]

    def plan(state: DatabaseState) -> Plan:
        return plan_hba(state, name, lines)

    module.ensure("", plan)


if __name__ == "__main__":
    main()
