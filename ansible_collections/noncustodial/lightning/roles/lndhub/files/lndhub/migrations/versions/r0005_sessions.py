# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lost answer with tokens can be requested again."""

from __future__ import annotations

from pathlib import Path

from lndhub.migrations import execute

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add from where a token was used."""
    execute(Path(__file__).with_name("0005_sessions.sql"))
