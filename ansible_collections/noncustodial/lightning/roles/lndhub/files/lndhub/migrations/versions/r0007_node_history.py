# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence that lnd is still the one whose records the ledger follows."""

from __future__ import annotations

from pathlib import Path

from lndhub.migrations import execute

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it to the ledger."""
    execute(Path(__file__).with_name("0007_node_history.sql"))
