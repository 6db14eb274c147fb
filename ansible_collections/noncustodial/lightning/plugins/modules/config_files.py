#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module config_files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write the files of a configuration at once
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Makes directories and files with content, owner and mode, in one call for all that belongs together. With a task for each file a node takes
    twenty seconds to look at, most of it for starting Python on the target again and again.
  - A file is replaced at once, and is on the disk when the module ends. A missing directory above an entry is made, root's own and readable by all;
    list it in O(directories) where it is to be otherwise.
  - For secrets there are M(noncustodial.lightning.sealed_credential) and M(noncustodial.lightning.node_secret).
options:
  directories:
    description: Directories, in the order in which they are made.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where.
        type: path
        required: true
      owner:
        description: User name. Left out, it is not looked at.
        type: str
      group:
        description: Group name. Left out, it is not looked at.
        type: str
      mode:
        description: Permissions, octal.
        type: str
        default: "0755"
  files:
    description: Files. They are made after the directories.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where.
        type: path
        required: true
      content:
        description: The whole content.
        type: str
      copy_of:
        description:
          - A file on the target whose content is taken, in the place of O(files[].content). It may lie where a service can put something else in its
            place, so a link of the service's is not followed, and what is no regular file, belongs to others, or has more than 1 MiB, is refused.
        type: path
      owner:
        description: User name. Left out, it is not looked at.
        type: str
      group:
        description: Group name. Left out, it is not looked at.
        type: str
      mode:
        description: Permissions, octal.
        type: str
        default: "0644"
attributes:
  check_mode:
    support: full
    description: Foretells and does not touch.
  diff_mode:
    support: full
    description: Shows owner, mode and content of what changes.
"""

EXAMPLES = r"""
- name: The node's configuration
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
  description: What was changed.
  returned: success
  type: list
  elements: str
  sample: [/etc/lnd/acme/lnd.conf]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.noncustodial.lightning.plugins.module_utils._config_files import (
    apply_entry,
    diff,
    differs,
    entry,
    read_entry,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, Missing


def main() -> None:
    """Run the module."""
    common = {"path": {"type": "path", "required": True}, "owner": {"type": "str"}, "group": {"type": "str"}}
    directory = {**common, "mode": {"type": "str", "default": "0755"}}
    file = {**common, "content": {"type": "str"}, "copy_of": {"type": "path"}, "mode": {"type": "str", "default": "0644"}}
    module = AnsibleModule(
        argument_spec={
            "directories": {"type": "list", "elements": "dict", "default": [], "options": directory},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": file,
                "mutually_exclusive": [("content", "copy_of")],
                "required_one_of": [("content", "copy_of")],
            },
        },
        supports_check_mode=True,
    )
    try:
        wanted = [entry(given) for given in (*module.params["directories"], *module.params["files"])]
        steps = [(one, found) for one in wanted for found in [read_entry(one)] if differs(one, found)]
        if not module.check_mode:
            for one, _found in steps:
                apply_entry(one)
    except Missing as error:
        if not module.check_mode:
            module.fail_json(msg=str(error))
        module.exit_json(changed=True, warnings=[f"In check mode it can only be foretold that something changes, and not what. {error}"])
    except InvalidInput as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(steps), paths=[one.path for one, _found in steps], diff=[diff(one, found) for one, found in steps])


if __name__ == "__main__":
    main()
