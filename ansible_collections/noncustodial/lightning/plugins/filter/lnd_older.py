# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lnd_older."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.versions import older

DOCUMENTATION = r"""
name: lnd_older
short_description: Test whether one version of lnd is older than another
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Compares versions as lnd writes them. A release candidate is older than its release, and than a later candidate.
  - Text that follows after that, such as the name of a custom build, does not count.
options:
  _input:
    description: A version, such as C(0.21.3-beta.rc1).
    type: str
    required: true
  than:
    description: Another version. No version is older than a text that is not a version.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The version in use is not newer
  ansible.builtin.assert:
    that: not (lnd_version | noncustodial.lightning.lnd_older('0.21.3-beta'))
"""

RETURN = r"""
_value:
  description: Whether the first version is older.
  type: bool
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"lnd_older": older}
