# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The derivation of the secret of an onboarding's payments, and who can compute it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import program
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import age
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import proof
from ansible_collections.noncustodial.lightning.tests.support import bundles

# Of nobody: made for this test.
SECRET = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
PUBLIC = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
NODE = {"tenant": "acme", "network": "regtest", "node_id": "02" + "aa" * 32, "macaroon": "00", "endpoint": "a:1"}


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    path = tmp_path / "identity"
    path.write_text(f"# created: today\n# public key: {PUBLIC}\n{SECRET}\n")
    return path


def test_it_stays_the_same_in_later_releases(identity: Path) -> None:
    """Otherwise every tenant would be paid once more."""
    assert proof.key(str(identity), PUBLIC, NODE) == "ceba94e18d50284fcced0fee2d0efd2273bf908f96629441a1ffcc8d0a790e22"


def test_a_renewed_bundle_has_the_same(identity: Path) -> None:
    renewed = {**NODE, "macaroon": "11", "endpoint": "b:2"}
    assert proof.key(str(identity), PUBLIC, renewed) == proof.key(str(identity), PUBLIC, NODE)


@pytest.mark.parametrize("other", [{"tenant": "globex"}, {"network": "mainnet"}, {"node_id": "03" + "aa" * 32}])
def test_another_node_has_another(identity: Path, other: dict[str, str]) -> None:
    assert proof.key(str(identity), PUBLIC, {**NODE, **other}) != proof.key(str(identity), PUBLIC, NODE)


def test_another_controller_has_the_same(identity: Path, tmp_path: Path) -> None:
    """The other controller's file may have other comments, line ends and further keys."""
    others = bundles.make_keys(tmp_path / "others")
    copy = tmp_path / "copy"
    copy.write_bytes(Path(others.identity).read_bytes() + b"\r\n" + SECRET.encode() + b"\r\n")
    assert proof.key(str(copy), PUBLIC, NODE) == proof.key(str(identity), PUBLIC, NODE)
    assert proof.key(str(copy), others.recipient, NODE) != proof.key(str(identity), PUBLIC, NODE)


def test_another_provider_has_another(identity: Path, tmp_path: Path) -> None:
    others = bundles.make_keys(tmp_path / "others")
    assert proof.key(others.identity, others.recipient, NODE) != proof.key(str(identity), PUBLIC, NODE)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# nothing\n",
        SECRET.lower(),
        SECRET[:-1] + "Q",
        "age-encryption.org/v1\n-> scrypt\n",
        "AGE-PLUGIN-YUBIKEY-1ABC",
        "A" * 100_000,
    ],
)
def test_a_file_without_that_key(tmp_path: Path, content: str) -> None:
    path = tmp_path / "identity"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="age identity") as error:
        age.secret_key(str(path), PUBLIC)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero")]
)
def test_what_is_no_file(tmp_path: Path, make: t.Callable[[Path], None]) -> None:
    make(tmp_path / "identity")
    with pytest.raises(LightningError, match="age identity"):
        age.secret_key(str(tmp_path / "identity"), PUBLIC)


def test_the_secret_key_is_no_argument(identity: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every user of a machine can read the arguments of its programs."""
    commands: list[t.Sequence[str]] = []

    def recorded(command: list[str], data: bytes = b"") -> program.Ended:
        commands.append(command)
        return program.run(command, data)

    monkeypatch.setattr(age, "run", recorded)
    assert age.secret_key(str(identity), PUBLIC) == SECRET.encode()
    assert commands == [["age-keygen", "-y"]]
