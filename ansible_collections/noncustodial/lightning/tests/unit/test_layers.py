# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of module_utils are layers: each imports only from lower ones, and each foreign package has one
importer."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

HOME = COLLECTION / "plugins/module_utils"
FULL = "ansible_collections.noncustodial.lightning.plugins.module_utils"

# From the lowest to the highest. Folders of one floor do not import each other.
FLOORS = (
    {"_core"},
    {"_keys", "_grpc", "_module"},
    {"_bundle", "_check", "_hub", "_machine", "_bitcoind"},
    {"_lnd", "_inventory", "_aws", "_postgres"},
)
# What comes from elsewhere, and the folders that may import it.
FOREIGN = {
    "grpc": {"_grpc"},
    "google": {"_grpc"},
    "cryptography": {"_keys"},
    "ecdsa": {"_keys"},
    "boto3": {"_aws"},
    "botocore": {"_aws"},
    "psycopg2": {"_postgres"},
    # For the hub's client and bitcoind's module: Ansible's own way to fetch an address.
    "ansible": {"_module", "_hub"},
}


def imports(file: Path) -> t.Iterator[str]:
    """Yield the full names of all that a file imports, modules and names in them, also of what it imports late."""
    package = [FULL, *file.relative_to(HOME).parts[:-1]] if file.is_relative_to(HOME) else ["", *file.parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{one.name}" for one in node.names)


def folders() -> list[str]:
    return sorted(path.name for path in HOME.iterdir() if path.is_dir() and path.name != "__pycache__")


def used(folder: str) -> set[str]:
    """Return the other folders from which a folder imports."""
    names = {name for file in (HOME / folder).rglob("*.py") for name in imports(file) if name.startswith(f"{FULL}.")}
    return {name.removeprefix(f"{FULL}.").split(".")[0] for name in names} - {folder}


def test_every_folder_has_its_floor() -> None:
    assert sorted(set().union(*FLOORS)) == folders()
    assert [path.name for path in HOME.glob("*.py")] == []


@pytest.mark.parametrize("folder", folders())
def test_a_folder_imports_downward_only(folder: str) -> None:
    below: set[str] = set()
    for floor in FLOORS:
        if folder in floor:
            assert used(folder) <= below
        below |= floor


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_is_foreign_has_its_importers(foreign: str) -> None:
    found = {
        file.relative_to(HOME).parts[0]
        for file in HOME.rglob("*.py")
        for name in imports(file)
        if name.split(".")[0] == foreign
    }
    assert found == FOREIGN[foreign]


def files_of(name: str) -> t.Iterator[Path]:
    """Yield the file of a module of module_utils, and those of its packages."""
    parts = name.removeprefix(f"{FULL}.").split(".") if name.startswith(f"{FULL}.") else []
    for length in range(1, len(parts) + 1):
        path = HOME.joinpath(*parts[:length])
        yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())


def reached(files: t.Iterable[Path]) -> set[Path]:
    """Return the files of module_utils that files import, and those that these import, and so on."""
    found: set[Path] = set()
    left = list(files)
    while left:
        new = {one for name in imports(left.pop()) for one in files_of(name)} - found
        found |= new
        left += new
    return found


@pytest.mark.parametrize(
    ("role", "variable", "programs"),
    [
        ("lnd", "lnd_gate_folders", ["plugins/module_utils/_check"]),
        ("lndhub", "lndhub_core_folders", ["roles/lndhub/files/lndhub", "roles/common/files/serving"]),
        (
            "wall_wallet",
            "wall_wallet_core_folders",
            ["roles/wall_wallet/files/wall_wallet", "roles/common/files/serving"],
        ),
        ("signer_image", "signer_image_core_folders", ["roles/signer_image/files/signer_init"]),
    ],
)
def test_a_machine_gets_the_folders_that_its_program_imports(role: str, variable: str, programs: list[str]) -> None:
    """All of them, and no other. The frame of modules, which needs Ansible, is not among them."""
    brought = yaml.safe_load((COLLECTION / "roles" / role / "vars/main.yml").read_text())[variable]
    own = [file for program in programs for file in (COLLECTION / program).rglob("*.py")]
    folders_reached = {file.relative_to(HOME).parts[0] for file in reached(own) | {*own} if file.is_relative_to(HOME)}
    assert folders_reached == set(brought)
    assert len(brought) == len(set(brought))
