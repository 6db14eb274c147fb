# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: only_run
short_description: Hold a lock on the controller until this run ends
version_added: 0.2.0
description:
  - Takes a lock on this controller, for this user, and keeps it for as long as the process runs. It fails if another
    process has it. However the process ends, the lock ends with it.
  - It belongs into C(hosts) of a play, which the process of the whole run evaluates. In a process of one task, which
    may
    outlive that task by a moment, it takes nothing.
options:
  _terms:
    description: The name of the lock, of letters, digits, and C(._-).
    required: true
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: A play that never runs twice at once
  hosts: "{{ 'tenants' if lookup('noncustodial.lightning.only_run', 'offboard-acme') else '' }}"
"""

RETURN = r"""
_raw:
  description: The path of the lock.
  type: list
  elements: str
  sample: [/home/provider/.ansible/noncustodial.lightning/offboard-acme.lock]
"""

import fcntl
import multiprocessing
import os
import re
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

# The open files, which hold the locks of this process.
_HELD: dict[str, t.TextIO] = {}


def hold(name: str, folder: Path) -> str:
    """Take a lock, if this process does not have it yet, and return its path.

    Raises:
        AnsibleError: another process has it, or the name is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise AnsibleError(f"{name!r} is no name of a lock: use letters, digits, and ._-")
    path = folder / f"{name}.lock"
    if str(path) not in _HELD and multiprocessing.parent_process() is None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise AnsibleError(
                f"Another run has {path}. Nothing was changed. Wait until it has ended, and run again."
            ) from None
        _HELD[str(path)] = file
    return str(path)


class LookupModule(LookupBase):
    """A lookup with the name of one lock."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        folder = Path(os.path.expanduser("~/.ansible/noncustodial.lightning"))
        return [hold(str(term), folder) for term in terms]
