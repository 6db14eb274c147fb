# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import files
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Missing
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import ADMIN


def test_written_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    files.write_file(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_failure_leaves_the_old_one_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match=r"Cannot write .*: No space left on device"):
        files.write_file(str(path), b"new")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "old")]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file or directory"):
        files.write_file(str(tmp_path / "no/file"), b"new")


def test_keep_older(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert files.keep_older(str(path)) is None
    for content in ("first", "second"):
        path.write_text(content)
        files.keep_older(str(path))
        path.unlink()
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"file.1": "first", "file.2": "second"}


# --- what a service that was broken into puts into the place of its own files, while root reads them

SERVICE, OTHER = 4001, 4002


class Planted:
    """A service's directory, and a file of somebody else's that the service cannot read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "service"
        self.path = self.folder / "chain/admin.macaroon"
        self.path.parent.mkdir(parents=True)
        self.secret = folder / "other/admin.macaroon"
        self.secret.parent.mkdir()
        self.secret.write_bytes(ADMIN)
        for path, user in (
            (self.folder, SERVICE),
            (self.path.parent, SERVICE),
            (self.secret.parent, OTHER),
            (self.secret, OTHER),
        ):
            os.chown(path, user, user)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """A service's directory as at a provider, where modules run as root."""
    return Planted(tmp_path)


def a_link(planted: Planted) -> None:
    planted.path.symlink_to(planted.secret)


def a_relative_link(planted: Planted) -> None:
    planted.path.symlink_to("../../other/admin.macaroon")


def a_link_above(planted: Planted) -> None:
    planted.path.parent.rmdir()
    planted.path.parent.symlink_to(planted.secret.parent)


def a_link_of_roots(planted: Planted) -> None:
    """Plant a link made by root. The service can put it there, whoever has made it, if roots' links may be given second
    names.
    """
    a_link(planted)
    os.chown(planted.path, 0, 0, follow_symlinks=False)


def a_second_name(planted: Planted) -> None:
    os.link(planted.secret, planted.path)


def a_second_name_of_roots(planted: Planted) -> None:
    os.chown(planted.secret, 0, 0)
    a_second_name(planted)


def a_pipe(planted: Planted) -> None:
    os.mkfifo(planted.path)


def a_socket(planted: Planted) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(planted.path))


PLANTS = [
    a_link,
    a_relative_link,
    a_link_above,
    a_link_of_roots,
    a_second_name,
    a_second_name_of_roots,
    a_pipe,
    a_socket,
]


@pytest.mark.parametrize("plant", PLANTS)
def test_root_reads_nothing_of_others_for_a_service(planted: Planted, plant: t.Callable[[Planted], None]) -> None:
    """Before, it was read, and sent to that service's lnd as a macaroon."""
    plant(planted)
    with pytest.raises(InvalidInput, match=r"Nothing|Cannot read") as caught:
        files.read_file(str(planted.path), "the macaroon")
    assert str(planted.path) in str(caught.value)
    with pytest.raises(InvalidInput), files.alone(str(planted.path), 1):
        pytest.fail("it had its turn")


def test_what_is_the_services_own_is_read(planted: Planted) -> None:
    for user in (SERVICE, 0):
        planted.path.write_bytes(b"own")
        os.chown(planted.path, user, user)
        assert files.read_file(str(planted.path), "the macaroon") == b"own"
    with files.alone(str(planted.path)):
        pass


def test_a_link_of_the_administrators_leads_on(tmp_path: Path) -> None:
    """Such as /var/run, or a directory on another disk; and in a directory where everybody may write, as Kubernetes has
    of a secret, if it is root's.
    """
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/file").write_text("there")
    (tmp_path / "here").symlink_to("disk")
    (tmp_path / "there").symlink_to(tmp_path / "here")
    assert files.read_file(str(tmp_path / "there/file"), "it") == b"there"
    (tmp_path / "disk").chmod(0o1777)
    (tmp_path / "disk/link").symlink_to("file")
    assert files.read_file(str(tmp_path / "disk/link"), "it") == b"there"
    os.chown(tmp_path / "disk/link", SERVICE, SERVICE, follow_symlinks=False)
    with pytest.raises(InvalidInput, match="link is a link"):
        files.read_file(str(tmp_path / "disk/link"), "it")
    (tmp_path / "disk").chmod(0o777)
    os.chown(tmp_path / "disk/link", 0, 0, follow_symlinks=False)
    with pytest.raises(InvalidInput, match="link is a link"):
        files.read_file(str(tmp_path / "disk/link"), "it")


def test_links_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(InvalidInput, match="is a link"):
        files.read_file(str(tmp_path / "one"), "it")
    (tmp_path / "three").symlink_to("four")
    with pytest.raises(Missing):
        files.read_file(str(tmp_path / "three"), "it")


def test_more_than_it_can_be_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 101)
    assert len(files.read_file(str(tmp_path / "file"), "it", 101)) == 101
    with pytest.raises(InvalidInput, match="more than 100 bytes"):
        files.read_file(str(tmp_path / "file"), "it", 100)


def test_a_turn_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        files.alone(str(tmp_path / "file")),
        pytest.raises(InvalidInput, match=r"was locked for 0\.1 s"),
        files.alone(str(tmp_path / "file"), 0.1),
    ):
        pytest.fail("two at once")
    with files.alone(str(tmp_path / "file"), 0.1):
        pass


@pytest.mark.parametrize("plant", [*PLANTS, None])
def test_no_file_of_others_becomes_a_macaroon(planted: Planted, plant: t.Callable[[Planted], None] | None) -> None:
    options = {
        "lnddir": str(planted.folder),
        "macaroonpath": str(planted.path),
        "macaroon_credential": None,
        "network": "regtest",
    }
    if plant is None:
        planted.path.write_text("root:$y$j9T$:20000:0:99999:7:::")
        with pytest.raises(InvalidInput, match=r"admin\.macaroon: This is not a macaroon of lnd's"):
            argspec.read_macaroon(options)
        planted.path.write_bytes(ADMIN)
        assert argspec.read_macaroon(options) == ADMIN
    else:
        plant(planted)
        with pytest.raises(InvalidInput) as caught:
            argspec.read_macaroon(options)
        assert ADMIN.hex() not in str(vars(caught.value))
