# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: file_tree
short_description: Return the files below a directory, for M(noncustodial.lightning.config_files)
version_added: 0.2.0
description:
  - Returns a list for the option O(noncustodial.lightning.config_files#module:files), so that a whole program reaches a
    machine in one task.
author:
  - noncustodial.lightning contributors (!UNKNOWN)
options:
  _terms:
    description: Directories on the controller, as absolute paths.
    type: list
    elements: path
    required: true
  dest:
    description: The path that each of these directories gets on the target.
    type: str
    required: true
  folders:
    description: Directories below each term, instead of the whole term; each is put below O(dest) under its own name.
    type: list
    elements: str
    default: []
  patterns:
    description: Patterns of the files' names, as in the shell. Files in all directories below are matched too.
    type: list
    elements: str
    default: ['*']
"""

EXAMPLES = r"""
- name: The program is installed
  noncustodial.lightning.config_files:
    files: "{{ query('noncustodial.lightning.file_tree', role_path ~ '/files/shop', dest='/usr/lib/shop',
    patterns=['*.py', '*.sql']) }}"
"""

RETURN = r"""
_raw:
  description: The files in the order of their paths, each with C(path) and C(content).
  type: list
  elements: dict
  sample:
    - path: /usr/lib/shop/__main__.py
      content: "..."
"""

import fnmatch
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase


def files(source: Path, dest: str, patterns: list[str]) -> list[dict[str, str]]:
    """Return the files below a directory whose names match, in the form that the module takes."""
    found = sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and any(fnmatch.fnmatch(path.name, one) for one in patterns)
    )
    if not found:
        raise AnsibleError(
            f"There is no file {' or '.join(patterns)} below {source}. Look whether the collection is whole."
        )
    return [{"path": f"{dest}/{path.relative_to(source)}", "content": path.read_text()} for path in found]


class LookupModule(LookupBase):
    """A lookup that takes directories."""

    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[dict[str, str]]:
        self.set_options(var_options=variables, direct=kwargs)
        dest, patterns = self.get_option("dest"), self.get_option("patterns")
        # An empty folder stands for the whole term.
        folders = [f"/{name}" for name in self.get_option("folders")] or [""]
        return [
            one
            for term in terms
            for folder in folders
            for one in files(Path(f"{term}{folder}"), f"{dest}{folder}", patterns)
        ]
