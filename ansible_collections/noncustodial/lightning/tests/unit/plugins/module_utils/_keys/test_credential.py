# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealed secrets: their writing, their opening, and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import credential
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

NAME = "signer.macaroon"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "lnd@acme.signer.macaroon"


@pytest.mark.parametrize("content", [b"a password", b"\xc0\xff\xee", b"\n\x00\xff", b""])
def test_what_is_sealed_is_opened_again(systemd_creds: SystemdCreds, path: Path, content: bytes) -> None:
    credential.seal(str(path), NAME, content)
    assert credential.unseal(str(path), NAME, "grant") == content
    assert credential.holds(str(path), NAME, content)
    assert not credential.holds(str(path), NAME, b"other")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_secret_is_no_argument(systemd_creds: SystemdCreds, path: Path) -> None:
    credential.seal(str(path), NAME, b"a password")
    assert systemd_creds.log == f"encrypt --name={NAME} - -\n"


@pytest.mark.usefixtures("systemd_creds")
@pytest.mark.parametrize(("replace", "kept"), [(True, b"new"), (False, b"old")])
def test_a_file_that_is_there(path: Path, replace: bool, kept: bytes) -> None:
    credential.seal(str(path), NAME, b"old")
    credential.seal(str(path), NAME, b"new", replace=replace)
    assert credential.unseal(str(path), NAME, "grant") == kept
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_another_name_or_machine_opens_nothing(systemd_creds: SystemdCreds, path: Path) -> None:
    credential.seal(str(path), NAME, b"secret")
    assert not credential.holds(str(path), "pgpass", b"secret")
    with pytest.raises(InvalidInput, match="under the name pgpass"):
        credential.unseal(str(path), "pgpass", "password")
    systemd_creds.machine("B")
    assert not credential.holds(str(path), NAME, b"secret")
    with pytest.raises(InvalidInput, match=r"No message of desired type.*on this machine"):
        credential.unseal(str(path), NAME, "grant")


@pytest.mark.usefixtures("systemd_creds")
def test_a_missing_file_holds_nothing(path: Path) -> None:
    assert not credential.holds(str(path), NAME, b"")
    with pytest.raises(InvalidInput, match="There is no file"):
        credential.unseal(str(path), NAME, "grant")


def test_a_machine_that_cannot_seal_says_so(systemd_creds: SystemdCreds, path: Path) -> None:
    systemd_creds.machine(None)
    # More than a pipe holds: the program ends without having read it.
    with pytest.raises(InvalidInput, match=r"cannot seal .*no key\. It needs systemd 250"):
        credential.seal(str(path), NAME, b"x" * 1_000_000)
    assert not path.parent.exists()
