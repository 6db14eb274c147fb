# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sum of a transfer's entries is checked by statement."""

from __future__ import annotations

from pathlib import Path

from lndhub.migrations import execute

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the trigger."""
    execute(Path(__file__).with_name("0003_balanced.sql"))
