# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module sealed_credential as a whole, with a stand-in of systemd-creds."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

Succeeds = t.Callable[..., dict[str, t.Any]]
Fails = t.Callable[..., str]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    return {"path": str(tmp_path / "store" / "lnd@acme.signer.macaroon"), "name": "signer.macaroon"}


@pytest.mark.parametrize(
    ("content", "encoding", "sealed"), [("a password", "text", b"a password"), ("c0ffee", "hex", b"\xc0\xff\xee")]
)
def test_content_is_sealed_once(
    systemd_creds: SystemdCreds, options: dict[str, str], succeeds: Succeeds, content: str, encoding: str, sealed: bytes
) -> None:
    first = succeeds("sealed_credential", **options, content=content, encoding=encoding)
    assert first["changed"]
    assert systemd_creds.content(Path(options["path"])) == sealed
    second = succeeds("sealed_credential", **options, content=content, encoding=encoding)
    assert not second["changed"]
    assert content not in json.dumps([first, second]) + systemd_creds.log


def test_other_content_replaces_it(systemd_creds: SystemdCreds, options: dict[str, str], succeeds: Succeeds) -> None:
    succeeds("sealed_credential", **options, content="old")
    assert succeeds("sealed_credential", **options, content="new")["changed"]
    assert systemd_creds.content(Path(options["path"])) == b"new"


def test_a_file_of_another_machine_is_replaced(
    systemd_creds: SystemdCreds, options: dict[str, str], succeeds: Succeeds
) -> None:
    succeeds("sealed_credential", **options, content="secret")
    systemd_creds.machine("B")
    assert succeeds("sealed_credential", **options, content="secret")["changed"]
    assert not succeeds("sealed_credential", **options, content="secret")["changed"]


def test_check_mode(systemd_creds: SystemdCreds, options: dict[str, str], succeeds: Succeeds) -> None:
    assert succeeds("sealed_credential", check=True, **options, content="new")["changed"]
    assert not Path(options["path"]).parent.exists()
    assert "encrypt" not in systemd_creds.log


def test_content_that_is_not_what_its_encoding_says(options: dict[str, str], fails: Fails) -> None:
    assert "not hexadecimal" in fails("sealed_credential", **options, content="no hex", encoding="hex")
    assert not Path(options["path"]).parent.exists()


def test_a_machine_that_cannot_seal(systemd_creds: SystemdCreds, options: dict[str, str], fails: Fails) -> None:
    systemd_creds.machine(None)
    assert "no key" in fails("sealed_credential", **options, content="new")
    assert not Path(options["path"]).parent.exists()
