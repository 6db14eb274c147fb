# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the unit tests: a scripted lnd, and modules run whole, in the process of the test."""

from __future__ import annotations

import base64
import contextlib
import functools
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

if t.TYPE_CHECKING:
    from ansible_collections.noncustodial.lightning.tests.unit.aws import StandIn

Result = dict[str, t.Any]

# Keeps its arguments beside itself; seals with the key that lies there, and under a name.
SYSTEMD_CREDS = """#!/bin/sh
echo "$@" >> "$0.log"
test -e "$0.key" || { echo "no key" >&2; exit 1; }
case $1 in
  encrypt) { cat "$0.key"; echo "$2"; cat; } | base64 ;;
  decrypt) base64 -d "$3" 2>/dev/null | { read key; read name
    test "$key $name" = "$(cat "$0.key") $2" || { echo "No message of desired type" >&2; exit 1; }
    cat; } ;;
esac
"""


class SystemdCreds:
    """A stand-in of systemd-creds on PATH, because the real one needs root and this machine's key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.program = folder / "systemd-creds"
        self.program.write_text(SYSTEMD_CREDS)
        self.program.chmod(0o755)
        self._log = Path(f"{self.program}.log")
        self._log.touch()
        self.machine("A")

    def machine(self, key: str | None) -> None:
        """From now on another machine, or one without a key, which ends before it has read its input."""
        path = Path(f"{self.program}.key")
        path.unlink(missing_ok=True)
        if key is not None:
            path.write_text(f"{key}\n")

    @property
    def log(self) -> str:
        """The arguments of all calls, a line each."""
        return self._log.read_text()

    @staticmethod
    def content(path: Path) -> bytes:
        """What lies in a sealed file."""
        return base64.b64decode(path.read_bytes()).split(b"\n", 2)[2]


@pytest.fixture
def systemd_creds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SystemdCreds:
    """systemd-creds for whatever is run in this test."""
    creds = SystemdCreds(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(creds.program.parent), prepend=":")
    return creds


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


def run(module_name: str, /, check: bool = False, **options: t.Any) -> Result:
    """What a module prints for Ansible: its result, with the options as they go into a log at -vvv."""
    module = importlib.import_module(f"ansible_collections.noncustodial.lightning.plugins.modules.{module_name}")
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

    def go(module_name: str, /, check: bool = False, **options: t.Any) -> Result:
        result = run(module_name, check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    return go


@pytest.fixture
def fails() -> t.Callable[..., str]:
    """Runs a module that must fail; gives its message."""

    def go(module_name: str, /, check: bool = False, **options: t.Any) -> str:
        result = run(module_name, check, **options)
        assert result.get("failed") is True, result
        return str(result["msg"])

    return go


@pytest.fixture(scope="session")
def stand_in() -> t.Iterator[StandIn]:
    """A stand-in of AWS, which takes a second to load."""
    from botocore.loaders import JSONFileLoader

    from ansible_collections.noncustodial.lightning.tests.unit.aws import StandIn

    server = StandIn()
    # Each module has a session of its own, which reads AWS's descriptions of its services anew: most of the time of a test.
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
