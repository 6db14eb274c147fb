# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's schema as a chain of revisions in plain SQL."""

from __future__ import annotations

import typing as t
from pathlib import Path

from alembic import op


def execute(path: Path) -> None:
    """Run a file of SQL through the driver's own connection, which takes many statements at once and does not interpret
    colons.
    """
    connection: t.Any = op.get_bind().connection
    connection.dbapi_connection.await_(connection.driver_connection.execute(path.read_text()))
