# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of an account hold for all amounts that may come to it together."""

from __future__ import annotations

from pathlib import Path

from lndhub.migrations import execute

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the functions that add up."""
    execute(Path(__file__).with_name("0006_room.sql"))
