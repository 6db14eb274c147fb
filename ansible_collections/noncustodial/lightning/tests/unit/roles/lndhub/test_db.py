# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's login to its database."""

from __future__ import annotations

from pathlib import Path

import pytest

from lndhub import db
from lndhub.config import Config, DatabaseSettings, NodeSettings


def options(folder: Path) -> dict[str, object]:
    return db.connect_options(
        Config(
            database=DatabaseSettings(host="/run/postgresql", name="hub_acme", user="hub_acme"),
            node=NodeSettings(rpcserver="localhost:1", certificate="/c"),
            credentials=folder,
        )
    )


def test_the_password_of_a_credential(tmp_path: Path) -> None:
    """systemd may show it to a group, which neither libpq nor asyncpg takes for safe."""
    (tmp_path / "pgpass").write_text("*:*:hub_acme:hub_acme:0123abcd\n")
    (tmp_path / "pgpass").chmod(0o440)
    assert options(tmp_path)["password"] == "0123abcd"


def test_without_a_password(tmp_path: Path) -> None:
    assert "password" not in options(tmp_path)


@pytest.mark.parametrize(
    ("line", "role"),
    [
        ("*:*:hub_acme:owner_hub_acme:0123abcd\n", "owner_hub_acme"),
        ("*:*:*:*:0123abcd\n", ""),
        ("0123abcd\n", ""),
        (None, ""),
    ],
)
def test_whose_password_it_is(tmp_path: Path, line: str | None, role: str) -> None:
    if line is not None:
        (tmp_path / "pgpass").write_text(line)
    config = Config(
        database=DatabaseSettings(host="/run/postgresql", name="hub_acme", user="hub_acme"),
        node=NodeSettings(rpcserver="localhost:1", certificate="/c"),
        credentials=tmp_path,
    )
    assert db.role_of_password(config) == role
