#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module config_files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write all files of a configuration in one task
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Makes directories and files with content, owner and mode, in one call for everything that belongs together. With a
    task for each file, a check of a node takes twenty seconds, mostly because Python is started on the target again and
    again.
  - A file is replaced in one step, and is on the disk when the module ends. A missing directory above an entry is made;
    it belongs to root and is readable by all. List it in O(directories) to have it otherwise.
  - For secrets use M(noncustodial.lightning.sealed_credential) or M(noncustodial.lightning.node_secret).
options:
  directories:
    description: The directories, in the order in which they are made.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path.
        type: path
        required: true
      owner:
        description: The owner's user name. Without it the owner is not checked.
        type: str
      group:
        description: The group's name. Without it the group is not checked.
        type: str
      mode:
        description: The permissions, octal.
        type: str
        default: "0755"
  files:
    description: The files. They are made after the directories.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path.
        type: path
        required: true
      content:
        description: The whole content.
        type: str
      copy_of:
        description:
          - A file on the target whose content is used instead of O(files[].content). A service may be able to replace
            it. So a link of the service's is not followed, and a file that is not regular, belongs to others, or has
            more than 1 MiB, is refused.
        type: path
      owner:
        description: The owner's user name. Without it the owner is not checked.
        type: str
      group:
        description: The group's name. Without it the group is not checked.
        type: str
      mode:
        description: The permissions, octal.
        type: str
        default: "0644"
attributes:
  check_mode:
    support: full
    description: Predicts the changes and makes none.
  diff_mode:
    support: full
    description: Shows owner, mode and content of what changes.
"""

EXAMPLES = r"""
- name: The node's configuration is written
  noncustodial.lightning.config_files:
    directories:
      - path: /etc/lnd/acme
        group: lnd-acme
        mode: "0750"
    files:
      - path: /etc/lnd/acme/lnd.conf
        content: "{{ lookup('ansible.builtin.template', 'lnd.conf.j2') }}"
        group: lnd-acme
        mode: "0640"

- name: The hub has its node's certificate
  noncustodial.lightning.config_files:
    files:
      - path: /etc/lndhub/acme/node.crt
        copy_of: /var/lib/lnd/acme/tls.cert
"""

RETURN = r"""
paths:
  description: The paths of the files and directories that were changed.
  returned: success
  type: list
  elements: str
  sample: [/etc/lnd/acme/lnd.conf]
"""

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import config_files
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    """Run the module."""
    common = {"path": {"type": "path", "required": True}, "owner": {"type": "str"}, "group": {"type": "str"}}
    directory = {**common, "mode": {"type": "str", "default": "0755"}}
    file = {
        **common,
        "content": {"type": "str"},
        "copy_of": {"type": "path"},
        "mode": {"type": "str", "default": "0644"},
    }
    module = Module(
        {
            "directories": {"type": "list", "elements": "dict", "default": [], "options": directory},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": file,
                "mutually_exclusive": [("content", "copy_of")],
                "required_one_of": [("content", "copy_of")],
            },
        }
    )

    def ensure() -> dict[str, t.Any]:
        wanted = [config_files.entry(given) for given in (*module.params["directories"], *module.params["files"])]
        return config_files.ensure(wanted, module.check_mode)

    module.change(ensure)


if __name__ == "__main__":
    main()
