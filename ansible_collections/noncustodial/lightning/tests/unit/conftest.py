# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the unit tests: a scripted lnd, and modules run whole, in the process of the test."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import typing as t
from pathlib import Path
from unittest import mock

import pytest
from ansible.module_utils import _internal
from ansible.module_utils.testing import patch_module_args

from ansible_collections.noncustodial.lightning.tests.unit.scripted import Call, ScriptedLnd

Result = dict[str, t.Any]


@pytest.fixture
def scripted(tmp_path: Path) -> t.Iterator[t.Callable[..., ScriptedLnd]]:
    """Makes scripted lnds; at the test's end their scripts must be used up."""
    started: list[ScriptedLnd] = []

    def make(*script: Call, **options: t.Any) -> ScriptedLnd:
        started.append(ScriptedLnd(tmp_path / f"lnd{len(started)}", *script, **options))
        return started[-1]

    yield make
    for lnd in started:
        lnd.stop()
    for lnd in started:
        lnd.verify()


def run(name: str, check: bool = False, **options: t.Any) -> Result:
    """What a module prints for Ansible: its result, with the options as they go into a log at -vvv."""
    module = importlib.import_module(f"ansible_collections.noncustodial.lightning.plugins.modules.{name}")
    output = io.StringIO()
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": 4}
    # A test of a lookup or a filter loads the controller's code, after which Ansible takes this whole process for the controller.
    on_target = mock.patch.object(_internal, "is_controller", False)
    with on_target, patch_module_args(arguments), contextlib.redirect_stdout(output), pytest.raises(SystemExit) as ended:
        module.main()
    result = t.cast(Result, json.loads(output.getvalue()))
    assert bool(result.get("failed")) is bool(ended.value.code)
    return result


@pytest.fixture
def module() -> t.Callable[..., Result]:
    """Runs a module."""
    return run


@pytest.fixture
def succeeds() -> t.Callable[..., Result]:
    """Runs a module that must succeed."""

    def go(name: str, check: bool = False, **options: t.Any) -> Result:
        result = run(name, check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    return go


@pytest.fixture
def fails() -> t.Callable[..., str]:
    """Runs a module that must fail; gives its message."""

    def go(name: str, check: bool = False, **options: t.Any) -> str:
        result = run(name, check, **options)
        assert result.get("failed") is True, result
        return str(result["msg"])

    return go
