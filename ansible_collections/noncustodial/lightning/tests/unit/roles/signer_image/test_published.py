# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that an image's publisher leaves beside it: with the docs' commands anybody can check that the image is the
publisher's.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support import image_folders
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

DOCS = ROOT / "docs/signer_image.md"
FILES = ("signer.qcow2", "signer-oci.tar", "manifest.json")


def commands() -> list[str]:
    """Return the docs' commands."""
    (block,) = re.findall(r"```console\n(\$ sha256sum --check.*?)```", DOCS.read_text(), re.DOTALL)
    return [line.removeprefix("$ ") for line in block.splitlines()]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A fetched image; the raw disk is not among its files."""
    for name in FILES:
        (tmp_path / name).write_text(name)
    sums = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in FILES} | {
        "signer.raw": "0" * 64
    }
    (tmp_path / "SHA256SUMS").write_text("".join(f"{one}  {name}\n" for name, one in sums.items()))
    image_folders.make_key(tmp_path / "PUBLISHERS-KEY")
    image_folders.sign_sums(tmp_path, tmp_path / "PUBLISHERS-KEY")
    return tmp_path


def verified(folder: Path) -> bool:
    """Return whether each of the docs' commands succeeds."""
    return all(
        subprocess.run(["bash", "-c", line], cwd=folder, check=False, capture_output=True).returncode == 0
        for line in commands()
    )


def test_what_was_published_is_taken(published: Path) -> None:
    assert len(commands()) == 3
    assert verified(published)


@pytest.mark.parametrize("name", FILES)
def test_what_was_altered_is_not(published: Path, name: str) -> None:
    """Disk, container and manifest alike."""
    (published / name).write_text("evil")
    assert not verified(published)


def test_a_list_of_somebody_else_is_not(published: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (published / "signer.qcow2").write_text("evil")
    sums = published / "SHA256SUMS"
    good, evil = (hashlib.sha256(text.encode()).hexdigest() for text in ("signer.qcow2", "evil"))
    sums.write_text(sums.read_text().replace(good, evil))
    assert not verified(published)
    stranger = tmp_path_factory.mktemp("stranger") / "key"
    image_folders.make_key(stranger)
    image_folders.sign_sums(published, stranger)
    assert not verified(published)
