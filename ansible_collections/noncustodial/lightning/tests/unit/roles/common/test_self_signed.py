# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that makes a self-signed certificate, as root, in a directory that may be a service's."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

PROGRAM = COLLECTION / "roles/common/files/self-signed"


def make(folder: Path, *names: str) -> str:
    names = names or ("db.example", "192.0.2.1", "2001:db8::7")
    command = ["sh", str(PROGRAM), str(folder / "server"), getpass.getuser(), *names]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_made_once(tmp_path: Path) -> None:
    assert make(tmp_path) == "certificate for DNS:db.example,IP:192.0.2.1,IP:2001:DB8:0:0:0:0:0:7\n"
    assert make(tmp_path) == ""
    assert sorted((path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()) == [
        ("server.crt", 0o644),
        ("server.key", 0o600),
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("db-10.0.0.4", "DNS"),
        ("10.0.0.4.example", "DNS"),
        ("0815", "DNS"),
        ("DB_Server", "DNS"),
        ("db." + "longer-than-a-common-name." * 3 + "example", "DNS"),
        ("10.0.0.4", "IP"),
        ("2001:DB8:0:0:0:0:0:4", "IP"),
    ],
)
def test_any_name_of_an_inventory_is_a_name(tmp_path: Path, name: str, kind: str) -> None:
    assert make(tmp_path, name) == f"certificate for {kind}:{name}\n"
    assert make(tmp_path, name) == ""


@pytest.mark.parametrize("name", ["server.key", "server.crt", "server.key.new", "server.crt.new"])
def test_no_link_of_the_services_is_followed(tmp_path: Path, name: str) -> None:
    """Root would overwrite the file to which it leads, and make the service its owner."""
    precious = tmp_path / "shadow"
    precious.write_text("of root")
    precious.chmod(0o600)
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / name).symlink_to(precious)
    before = precious.stat()
    make(folder)
    assert precious.read_text() == "of root"
    assert (precious.stat().st_ino, precious.stat().st_mode, precious.stat().st_ctime_ns) == (
        before.st_ino,
        before.st_mode,
        before.st_ctime_ns,
    )
    assert not (folder / "server.key").is_symlink()
    assert not (folder / "server.crt").is_symlink()
    assert make(folder) == ""
