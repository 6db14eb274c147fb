# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of every module of this collection. A module's own attributes section overrides the details."""

from __future__ import annotations


class ModuleDocFragment:
    """Check mode and diff of modules that change something; INFO is for those that only read."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and return a prediction of the changes, without making them.
    support: full
  diff_mode:
    description: Shows the changes, in check mode the predicted ones. It contains no secret.
    support: full
"""

    INFO = r"""
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
    details: The module changes nothing.
  diff_mode:
    description: Shows the changes.
    support: N/A
    details: The module changes nothing.
"""
