#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module unit_current."""

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_current
short_description: Run a systemd unit by what is on disk
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Enables and starts a unit, and restarts it if anything that it reads at its start has changed since, whoever changed it and whenever.
  - A handler forgets what it was told when a run is interrupted, and knows nothing of another host's run that changed what both share.
    This module looks at the files and at the process, so that running it again is always enough.
  - Of several runs at the same time for one unit the first restarts it, and the others find it current.
options:
  name:
    description: The unit.
    type: str
    required: true
  files:
    description:
      - What it reads when it starts, besides its unit files, such as configuration, program and credentials.
      - Of a directory, itself and the files directly in it.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: Foretells and does not touch.
  diff_mode:
    support: full
    description: Shows what is newer than the running process.
"""

EXAMPLES = r"""
- name: The node runs by what is on disk
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

import contextlib
import fcntl
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.noncustodial.lightning.plugins.module_utils._unit import UnitError, apply_unit, plan_unit, read_unit


@contextlib.contextmanager
def turn(name: str) -> t.Iterator[None]:
    """Let several runs for one unit go one after the other."""
    with open(f"/run/{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"name": {"type": "str", "required": True}, "files": {"type": "list", "elements": "path", "default": []}},
        supports_check_mode=True,
    )
    name, files = module.params["name"], module.params["files"]
    try:
        with contextlib.nullcontext() if module.check_mode else turn(name):
            unit = read_unit(module.run_command, name, files)
            steps = plan_unit(unit)
            if not module.check_mode:
                apply_unit(module.run_command, name, steps)
    except UnitError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(steps),
        commands=[" ".join(step) for step in steps],
        newer=list(unit.newer),
        diff={"before": "".join(f"older than {path}\n" for path in unit.newer), "after": ""},
    )


if __name__ == "__main__":
    main()
