# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the hub comes into its database."""

from __future__ import annotations

from pathlib import Path

from lndhub import db
from lndhub.config import Config, Database, Node


def options(folder: Path) -> dict[str, object]:
    return db.connect_options(Config(Database("/run/postgresql", "hub_acme", "hub_acme"), Node("localhost:1", "/c"), credentials=folder))


def test_the_password_of_a_credential(tmp_path: Path) -> None:
    """systemd may show it to a group, which neither libpq nor asyncpg takes for safe."""
    (tmp_path / "pgpass").write_text("*:*:hub_acme:hub_acme:0123abcd\n")
    (tmp_path / "pgpass").chmod(0o440)
    assert options(tmp_path)["password"] == "0123abcd"


def test_without_a_password(tmp_path: Path) -> None:
    assert "password" not in options(tmp_path)
