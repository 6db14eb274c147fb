# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published collection works without the workspace: built, installed into an empty folder, run by full names."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

PROVIDER = ROOT / "inventories/regtest/provider"
# By the name under which code imports it. Only PostgreSQL's machine imports psycopg2, which the role installs there.
DISTRIBUTIONS = {"grpc": "grpcio", "google": "protobuf", "psycopg2": None}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([ROOT / "tools/galaxy", "install", folder], check=True)
    return folder


def playbooks(site: Path, *arguments: str) -> str:
    """Run playbooks as an operator who has only the installed collection, and return what Ansible printed."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    command = ["ansible-playbook", "--inventory", str(PROVIDER), *arguments]
    variables |= {"ANSIBLE_COLLECTIONS_PATH": str(site), "PYTHONPATH": ""}
    ended = subprocess.run(command, cwd=site, env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_every_playbook_has_a_full_name(site: Path) -> None:
    names = sorted(path.stem for path in (COLLECTION / "playbooks").glob("[a-z]*.yml"))
    text = playbooks(site, "--syntax-check", *(f"noncustodial.lightning.{name}" for name in names))
    installed = site / "ansible_collections/noncustodial/lightning/playbooks"
    assert re.findall("^playbook: (.*)", text, re.MULTILINE) == [str(installed / f"{name}.yml") for name in names]


def test_the_demos_inventory_passes_preflight(site: Path) -> None:
    text = playbooks(site, "noncustodial.lightning._preflight")
    assert re.search(r"^acme +: ok=1 +changed=0 +unreachable=0 +failed=0", text, re.MULTILINE), text


def test_only_what_is_published_is_built(site: Path) -> None:
    # What is in the archive; running it has added compiled files to the folder.
    listed = json.loads((site / "ansible_collections/noncustodial/lightning/FILES.json").read_text())["files"]
    published = [Path(one["name"]) for one in listed]
    assert len(published) > 300
    assert {path.name for path in published if re.match(r"\..", path.name)} == {".ansible-lint"}
    assert [path for path in published if path.suffix == ".pyc" or path.name == "output"] == []


def imported(tree: ast.AST) -> t.Iterator[str]:
    """Yield the first name of every module that code imports by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_an_execution_environment_has_what_plugins_import() -> None:
    names = {name for path in (COLLECTION / "plugins").rglob("*.py") for name in imported(ast.parse(path.read_text()))}
    # With Ansible come Jinja and PyYAML.
    foreign = names - set(sys.stdlib_module_names) - {"ansible", "ansible_collections", "jinja2", "yaml"}
    listed = re.findall(r"^([a-z0-9]+)>=", (COLLECTION / "requirements.txt").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(filter(None, (DISTRIBUTIONS.get(name, name) for name in foreign)))
    files = yaml.safe_load((COLLECTION / "meta/execution-environment.yml").read_text())["dependencies"]
    assert all((COLLECTION / file).is_file() for file in files.values())


def test_galaxys_lint_knows_the_modules_of_aws() -> None:
    """Its importer has no amazon.aws."""
    texts = [path.read_text() for folder in ("playbooks", "roles") for path in (COLLECTION / folder).rglob("*.yml")]
    used = {name for text in texts for name in re.findall(r"^ *(amazon\.aws\.[a-z0-9_]+):$", text, re.MULTILINE)}
    assert yaml.safe_load((COLLECTION / ".ansible-lint").read_text())["mock_modules"] == sorted(used)
