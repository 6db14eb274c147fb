#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module unit_current."""

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_current
short_description: Run a systemd unit with its present files
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Enables and starts a unit, and restarts it if any file that it reads at its start has changed since then, whoever
    changed it and whenever.
  - A handler's notification is lost when a run is interrupted, and a handler does not know of another host's run that
    changed shared files. This module checks the files and the process, so that running it again is always enough.
  - It records a fingerprint of the files with which the unit was started, in C(/var/lib/noncustodial-lightning/units),
    where only root can write, and compares them by it. So neither a clock that was set nor a changed permission
    restarts a unit, and no change is missed. Only for a file that it sees for the first time, or that changed before
    something else started the unit again, do the times of file and process decide.
  - If several runs for one unit happen at the same time, the first restarts it, and the others find it current.
options:
  name:
    description: The unit.
    type: str
    required: true
  files:
    description:
      - The files that it reads when it starts, besides its unit files, such as configuration, program and credentials.
      - A directory stands for itself and the files directly in it.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: Predicts the changes and makes none.
  diff_mode:
    support: full
    description: Shows the files that changed since the process started.
"""

EXAMPLES = r"""
- name: The node runs with its present files
  noncustodial.lightning.unit_current:
    name: lnd@acme.service
    files:
      - /usr/local/bin/lnd
      - /etc/lnd/acme/lnd.conf
"""

RETURN = r"""
commands:
  description: The commands of systemctl that were needed.
  returned: success
  type: list
  elements: str
  sample: [daemon-reload, restart]
newer:
  description: The files that changed since the unit's process started.
  returned: success
  type: list
  elements: str
  sample: [/etc/lnd/acme/lnd.conf]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.unit import ensure_unit
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    """Run the module."""
    module = Module(
        {"name": {"type": "str", "required": True}, "files": {"type": "list", "elements": "path", "default": []}}
    )
    module.answer(
        lambda: ensure_unit(
            module.run_command, module.params["name"], module.params["files"], check_mode=module.check_mode
        )
    )


if __name__ == "__main__":
    main()
