# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module node_secret as a whole, with a stand-in of systemd-creds."""

from __future__ import annotations

import base64
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import wireguard
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

Succeeds = t.Callable[..., dict[str, t.Any]]
Fails = t.Callable[..., str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sealed"


def test_the_secret_leaves_by_no_way(systemd_creds: SystemdCreds, path: Path, succeeds: Succeeds) -> None:
    options = {
        "path": str(path),
        "name": "pgpass",
        "format": "u:{secret}",
        "username": "u",
        "verifier": "scram-sha-256",
    }
    first = succeeds("node_secret", **options)
    secret = systemd_creds.content(path).decode().removeprefix("u:")
    assert len(secret) == 64
    assert first["changed"]
    assert first["verifier"].startswith("SCRAM-SHA-256$4096:")
    second = succeeds("node_secret", **options)
    assert not second["changed"]
    assert second["verifier"] == first["verifier"]
    assert secret not in json.dumps([first, second]) + systemd_creds.log


def test_check_mode(systemd_creds: SystemdCreds, path: Path, succeeds: Succeeds) -> None:
    result = succeeds("node_secret", check=True, path=str(path), name="n", username="u", verifier="rpcauth")
    assert result["changed"]
    assert "verifier" not in result
    assert not path.exists()
    assert systemd_creds.log == ""


def test_a_verifier_needs_its_user(path: Path, fails: Fails) -> None:
    assert "username" in fails("node_secret", path=str(path), name="n", verifier="rpcauth")


@pytest.mark.usefixtures("systemd_creds")
def test_an_error_is_a_failure_with_its_text(path: Path, succeeds: Succeeds, fails: Fails) -> None:
    succeeds("node_secret", path=str(path), name="n", format="a:{secret}")
    assert "something else than the wanted format" in fails(
        "node_secret", path=str(path), name="n", format="b:{secret}"
    )


def test_a_key_of_wireguard(systemd_creds: SystemdCreds, path: Path, succeeds: Succeeds) -> None:
    options = {"path": str(path), "name": "private-key", "encoding": "base64", "verifier": "wireguard"}
    first = succeeds("node_secret", **options)
    key = systemd_creds.content(path).decode()
    assert len(base64.b64decode(key, validate=True)) == 32
    assert first["verifier"] == wireguard.public_key(key)
    assert succeeds("node_secret", **options) == {**first, "changed": False}
    assert key not in json.dumps(first) + systemd_creds.log
