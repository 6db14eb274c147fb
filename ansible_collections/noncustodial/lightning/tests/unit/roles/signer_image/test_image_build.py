# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build: a step is done when its inputs have changed and not otherwise, and an image that has a key is refused."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from image_build import roots, steps
from image_build.__main__ import main
from image_build.build import Build
from image_build.cleanliness import clean
from image_build.disk import check_size
from image_build.programs import Failed
from image_build.sbom import sbom

SETTINGS: dict[str, t.Any] = {
    "version": "1",
    "lnd_version": "0.21.3-beta",
    "suite": "trixie",
    "snapshot": "",
    "sources": [],
    # As the role writes it with an ansible-core whose templates return text.
    "size_gib": "2",
    "packages": ["age"],
    "machine_packages": [],
    "unattended": False,
    "units": [],
    "signing_key": "",
}


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """The description of an image in a directory with a tree."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/motd").write_text("one")
    (tmp_path / "build.json").write_text(json.dumps(SETTINGS))
    return Build.read(tmp_path)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the steps by ones that only leave the real ones' outputs; return the record of what was done."""
    record: list[str] = []

    def make(name: str) -> t.Callable[[Build], None]:
        def leave(build: Build) -> None:
            record.append(name)
            for output in steps.STEPS[name].outputs:
                (build.folder / output).parent.mkdir(parents=True, exist_ok=True)
                (build.folder / output).touch()

        return leave

    for name, step in steps.STEPS.items():
        monkeypatch.setitem(steps.STEPS, name, step._replace(make=make(name)))
    return record


def run(build: Build, done: list[str], anew: bool = False) -> list[str]:
    """Do all steps in turn, and return those that were done."""
    done.clear()
    for name in steps.STEPS:
        steps.do(name, build, anew and name in ("rootfs", "container"))
    return list(done)


ALL = ["rootfs", "raw", "qcow2", "container", "oci", "manifest"]


def test_a_second_run_does_nothing(build: Build, done: list[str]) -> None:
    assert run(build, done) == ALL
    assert run(build, done) == []


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"packages": ["age", "sudo"]}, ALL),
        ({"size_gib": 4}, ["raw", "qcow2", "manifest"]),
        ({"signing_key": "/key"}, ["manifest"]),
    ],
)
def test_what_changed_and_what_follows_from_it_is_made_anew(
    build: Build, done: list[str], changes: dict[str, t.Any], wanted: list[str]
) -> None:
    run(build, done)
    assert run(replace(build, **changes), done) == wanted


def test_a_change_of_the_tree(build: Build, done: list[str]) -> None:
    run(build, done)
    (build.tree / "motd").chmod(0o600)
    assert run(build, done) == ALL
    (build.tree / "motd").write_text("two")
    assert run(build, done) == ALL
    os.symlink("motd", build.tree / "link")
    assert run(build, done) == ALL


def test_a_change_of_the_program(
    build: Build, done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of the program may build other files from the same inputs, in each of its modules."""
    program = tmp_path / "image_build"
    program.mkdir()
    for name in ("steps.py", "roots.py"):
        (program / name).touch()
    monkeypatch.setattr(steps, "__file__", str(program / "steps.py"))
    run(build, done)
    (program / "roots.py").write_text("other")
    assert run(build, done) == ALL


def test_made_anew_on_demand(build: Build, done: list[str]) -> None:
    """Newer packages of Debian are not seen otherwise; what follows from them is made anew, too."""
    run(build, done)
    assert run(build, done, anew=True) == ALL


def test_an_output_that_is_gone(build: Build, done: list[str]) -> None:
    run(build, done)
    (build.folder / "signer.qcow2").unlink()
    assert run(build, done) == ["qcow2", "manifest"]


def test_a_step_that_failed_is_not_taken_for_done(
    build: Build, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(build, done)

    def fail(_build: Build) -> None:
        raise Failed("no space")

    with monkeypatch.context() as broken:
        broken.setitem(steps.STEPS, "raw", steps.STEPS["raw"]._replace(make=fail))
        with pytest.raises(Failed):
            run(replace(build, size_gib=4), done)
    assert run(build, done) == ["raw", "qcow2", "manifest"]


def test_a_step_before_its_time(build: Build, done: list[str]) -> None:
    with pytest.raises(Failed, match="the step rootfs comes first, and has not been done"):
        steps.do("raw", build, anew=False)


def test_the_command(build: Build, done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(build.folder)
    assert main([folder, "rootfs"]) == main([folder, "rootfs"]) == main([folder, "rootfs", "--anew"]) == 0
    assert capsys.readouterr().out.split() == ["done", "unchanged", "done"]
    assert done == ["rootfs", "rootfs"]
    assert main([folder, "qcow2"]) == 1
    assert capsys.readouterr().err == "image_build qcow2: the step raw comes first, and has not been done\n"
    assert main([folder, "boot"]) == main([folder, "raw", "--new"]) == main([folder]) == main([]) == 2


@pytest.mark.parametrize(
    "path",
    [
        "etc/ssh/ssh_host_ed25519_key",
        "etc/credstore.encrypted/lnd@signer.wallet-password",
        "var/lib/systemd/credential.secret",
        "var/lib/lnd/signer/tls.key",
        "root/.ssh/authorized_keys",
        "home/somebody/.bashrc",
        "etc/signer/signing_key",
        "etc/lnd/signer/lnd.conf",
    ],
)
def test_an_image_with_a_key_is_refused(tmp_path: Path, path: str) -> None:
    clean(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).touch()
    with pytest.raises(Failed, match=r"which each machine makes for itself"):
        clean(tmp_path)


def test_an_image_with_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("")
    clean(tmp_path)
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    with pytest.raises(Failed, match="etc/machine-id"):
        clean(tmp_path)


def test_a_uuid_is_the_same_for_the_same_image(build: Build) -> None:
    assert build.identity("root") == replace(build, size_gib=4).identity("root") != build.identity("esp")
    assert build.identity("root") != replace(build, version="2").identity("root")


def test_the_parts_list_names_lnd_and_every_package(build: Build) -> None:
    lnd = build.tree / "opt/lnd/0.21.3-beta/lnd"
    lnd.parent.mkdir(parents=True)
    lnd.write_text("x")
    made = sbom(build, [{"name": "age", "version": "1:2", "architecture": "amd64"}])
    assert [one["name"] for one in made["components"]] == ["lnd", "age"]
    assert made["components"][1]["purl"] == "pkg:deb/debian/age@1%3A2?arch=amd64"
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("unattended", [False, True])
def test_updates_by_itself_or_never(build: Build, monkeypatch: pytest.MonkeyPatch, unattended: bool) -> None:
    asked: list[str] = []

    def fake(_build: object, _packages: object, root: Path, *options: str) -> None:
        asked.extend(options)
        (root / "efi/EFI").mkdir(parents=True)

    monkeypatch.setattr(roots, "mmdebstrap", fake)
    build.work.mkdir()
    roots.rootfs(replace(build, unattended=unattended))
    assert any("mask apt-daily.timer apt-daily-upgrade.timer" in option for option in asked) is not unattended
    assert any("enable unattended-upgrades.service" in option for option in asked) is unattended


def test_the_same_packages_make_the_same_initrd(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The initrd's maker takes a time, and without one would use the present."""
    given: dict[str, t.Any] = {}
    monkeypatch.setattr(roots, "run", lambda *_command, **options: given.update(options))
    roots.mmdebstrap(build, [], build.work / "root")
    assert given["env"]["SOURCE_DATE_EPOCH"].isdecimal()


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    (tmp_path / "lnd").write_bytes(bytes(5 << 20))
    check_size(tmp_path, 10)
    message = r"The disk has 4 MiB for the root, which needs \d+\. Raise signer_image_size_gib"
    with pytest.raises(Failed, match=message):
        check_size(tmp_path, 4)
