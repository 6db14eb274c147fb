# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An index of the invoices that were paid last."""

from __future__ import annotations

from pathlib import Path

from lndhub.migrations import execute

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it to the ledger."""
    execute(Path(__file__).with_name("0009_paid_lately.sql"))
