# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of this collection supports. A module's own attributes section overrides the details."""

from __future__ import annotations


class ModuleDocFragment:
    """Check mode and diff for modules that change something; INFO for those that only read."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what would change, without changing it.
    support: full
  diff_mode:
    description: Shows what changed, or in check mode what would change. No secret is in it.
    support: full
"""

    INFO = r"""
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
    details: The module changes nothing.
  diff_mode:
    description: Shows what changed.
    support: N/A
    details: The module changes nothing.
"""
