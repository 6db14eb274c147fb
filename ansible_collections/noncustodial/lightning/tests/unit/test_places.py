# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places of tests: a unit test has the name of its code, helpers are in tests/support, nothing imports a test."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

UNIT = COLLECTION / "tests/unit"
# Tests below unit/plugins and unit/playbooks that are not of one file.
OF_SEVERAL_FILES = {
    "plugins/module_utils/_bundle/test_hostile_bundles.py": "envelope and bundle refuse a hostile tenant",
    "plugins/module_utils/_lnd/test_wallet_plans.py": "wallet and watch_wallet plan the same steps",
    "plugins/modules/test_check_mode.py": "every module's check mode",
    "plugins/modules/test_consistency.py": "every module's documentation, options and action group",
    "playbooks/test_nothing_to_do.py": "every playbook without a host of its own",
}
# Helpers start daemons and topologies, so that benches and tools use them too; suites are for pytest only.
SUITES = re.compile(r"\blightning\.tests\.(?!support\b)")
TESTS = re.compile(r"\blightning\.tests\b")


def code_of(test: str) -> str:
    """Return the file, relative to the collection, that a unit test is about according to its own name."""
    path = Path(test)
    name = path.stem.removeprefix("test_")
    return str(path.with_name(name + (".yml" if path.parts[0] == "playbooks" else ".py")))


def unit_tests(folder: str) -> list[str]:
    return sorted(str(path.relative_to(UNIT)) for path in (UNIT / folder).rglob("test_*.py"))


@pytest.mark.parametrize("test", [*unit_tests("plugins"), *unit_tests("playbooks")])
def test_a_unit_test_has_the_name_and_the_folder_of_its_code(test: str) -> None:
    assert (COLLECTION / code_of(test)).exists() is (test not in OF_SEVERAL_FILES)


def test_the_exceptions_exist() -> None:
    assert set(OF_SEVERAL_FILES) <= {*unit_tests("plugins"), *unit_tests("playbooks")}


def test_a_folder_of_unit_tests_is_of_a_role() -> None:
    roles = {path.name.removeprefix("_") for path in (COLLECTION / "roles").iterdir()}
    assert {path.name for path in (UNIT / "roles").iterdir() if any(path.glob("test_*.py"))} <= roles


def test_helpers_are_in_support() -> None:
    names = {path.name for suite in ("unit", "real") for path in (COLLECTION / "tests" / suite).rglob("*.py")}
    assert {name for name in names if not name.startswith("test_")} == {"conftest.py"}


def programs() -> list[Path]:
    """Return the files that git lists and that are in no folder of documents."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and not name.startswith("docs/")]
    return [path for path in paths if path.is_file() and not path.is_symlink() and path.name != Path(__file__).name]


def importers(pattern: re.Pattern[str]) -> set[str]:
    """Return the files, relative to the root, in which an import fits a pattern."""
    lines = re.compile(r"^\s*(?:from|import) .*$", re.MULTILINE)
    return {
        str(path.relative_to(ROOT))
        for path in programs()
        if any(pattern.search(line) for line in lines.findall(path.read_text(errors="replace")))
    }


def test_nothing_imports_a_suite() -> None:
    assert importers(SUITES) == set()


def test_what_is_installed_imports_no_helper_of_tests() -> None:
    found = importers(TESTS)
    assert any(path.startswith("bench/") for path in found), "the positive control"
    shipped = tuple(str((COLLECTION / name).relative_to(ROOT)) for name in ("plugins/", "roles/", "playbooks/"))
    assert [path for path in found if path.startswith(shipped)] == []
