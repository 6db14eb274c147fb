# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Payments under way are bounded by the HTLCs that they may hold."""

from __future__ import annotations

from pathlib import Path

from lndhub.migrations import execute

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the number, and the function that counts."""
    execute(Path(__file__).with_name("0004_htlcs.sql"))
