# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger."""

from __future__ import annotations

import typing as t
from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables and rules."""
    # The driver's own connection, which takes many statements at once and leaves colons alone.
    connection: t.Any = op.get_bind().connection
    statements = Path(__file__).with_name("0001_ledger.sql").read_text()
    connection.dbapi_connection.await_(connection.driver_connection.execute(statements))
