# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the unit tests: a scripted lnd, and modules run whole, in the process of the test."""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.noncustodial.lightning.tests.support.module_runs import Result, run
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, ScriptedLnd
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

if t.TYPE_CHECKING:
    from ansible_collections.noncustodial.lightning.tests.support.aws import StandIn


@pytest.fixture
def systemd_creds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SystemdCreds:
    """The stand-in of systemd-creds for all that is run in this test."""
    creds = SystemdCreds(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(creds.program.parent), prepend=":")
    return creds


@pytest.fixture
def scripted(tmp_path: Path) -> t.Iterator[t.Callable[..., ScriptedLnd]]:
    """A function that makes scripted lnds; at the test's end their scripts must be used up."""
    started: list[ScriptedLnd] = []

    def make(*script: Call, **options: t.Any) -> ScriptedLnd:
        started.append(ScriptedLnd(tmp_path / f"lnd{len(started)}", *script, **options))
        return started[-1]

    yield make
    for lnd in started:
        lnd.stop()
    for lnd in started:
        lnd.verify()


@pytest.fixture
def module() -> t.Callable[..., Result]:
    """A function that runs a module."""
    return run


@pytest.fixture
def succeeds() -> t.Callable[..., Result]:
    """A function that runs a module that must succeed."""

    def go(module_name: str, /, check: bool = False, **options: t.Any) -> Result:
        result = run(module_name, check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    return go


@pytest.fixture
def fails() -> t.Callable[..., str]:
    """A function that runs a module that must fail, and returns its message."""

    def go(module_name: str, /, check: bool = False, **options: t.Any) -> str:
        result = run(module_name, check, **options)
        assert result.get("failed") is True, result
        return str(result["msg"])

    return go


@pytest.fixture(scope="session")
def stand_in() -> t.Iterator[StandIn]:
    """A stand-in of AWS, which takes a second to load."""
    from botocore.loaders import JSONFileLoader

    from ansible_collections.noncustodial.lightning.tests.support.aws import StandIn

    server = StandIn()
    # Each module has a session of its own, which reads AWS's descriptions of its services anew: most of the time of a
    # test.
    with mock.patch.object(JSONFileLoader, "load_file", staticmethod(functools.cache(JSONFileLoader().load_file))):
        yield server
    server.stop()


@pytest.fixture
def aws(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """An empty account at AWS, and credentials for it."""
    for name, value in stand_in.environment.items():
        monkeypatch.setenv(name, value)
    stand_in.reset()
    return stand_in
