# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build: a step is done when its inputs have changed and not otherwise, and an image with a key in it is refused."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import typing as t
from pathlib import Path

import pytest

FILE = Path(__file__).parents[4] / "roles/signer_image/files/build"


@pytest.fixture
def build(tmp_path: Path) -> t.Any:
    loader = importlib.machinery.SourceFileLoader("signer_image_build", str(FILE))
    module = importlib.util.module_from_spec(t.cast("importlib.machinery.ModuleSpec", importlib.util.spec_from_loader(loader.name, loader)))
    loader.exec_module(module)
    module.HERE, module.WORK = tmp_path, tmp_path / "work"
    module.WORK.mkdir()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/motd").write_text("one")
    return module


CONFIG = {"version": "1", "snapshot": "", "size_gib": 2, "signing_key": "", "packages": ["age"], "unattended": False}


@pytest.fixture
def steps(build: t.Any) -> list[str]:
    """Steps that only leave what the real ones do; gives what was done."""
    done: list[str] = []

    def make(name: str) -> t.Callable[[object], None]:
        def leave(_config: object) -> None:
            done.append(name)
            for output in build.STEPS[name].outputs:
                (build.HERE / output).parent.mkdir(parents=True, exist_ok=True)
                (build.HERE / output).touch()

        return leave

    build.STEPS.update({name: step._replace(make=make(name)) for name, step in build.STEPS.items()})
    return done


def run(build: t.Any, done: list[str], anew: bool = False, **changes: t.Any) -> list[str]:
    done.clear()
    for name in build.STEPS:
        build.do(name, {**CONFIG, **changes}, anew and name in ("rootfs", "container"))
    return list(done)


ALL = ["rootfs", "raw", "qcow2", "container", "oci", "manifest"]


def test_a_second_run_does_nothing(build: t.Any, steps: list[str]) -> None:
    assert run(build, steps) == ALL
    assert run(build, steps) == []


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"packages": ["age", "sudo"]}, ALL),
        ({"size_gib": 4}, ["raw", "qcow2", "manifest"]),
        ({"signing_key": "/key"}, ["manifest"]),
    ],
)
def test_what_changed_and_what_follows_from_it_is_made_anew(
    build: t.Any, steps: list[str], changes: dict[str, t.Any], wanted: list[str]
) -> None:
    run(build, steps)
    assert run(build, steps, **changes) == wanted


def test_a_change_of_the_tree(build: t.Any, steps: list[str]) -> None:
    run(build, steps)
    (build.HERE / "tree/motd").chmod(0o600)
    assert run(build, steps) == ALL
    (build.HERE / "tree/motd").write_text("two")
    assert run(build, steps) == ALL
    os.symlink("motd", build.HERE / "tree/link")
    assert run(build, steps) == ALL


def test_made_anew_on_demand(build: t.Any, steps: list[str]) -> None:
    """Newer packages of Debian are not seen otherwise; what follows from them is made anew, too."""
    run(build, steps)
    assert run(build, steps, anew=True) == ALL


def test_an_output_that_is_gone(build: t.Any, steps: list[str]) -> None:
    run(build, steps)
    (build.HERE / "signer.qcow2").unlink()
    assert run(build, steps) == ["qcow2", "manifest"]


def test_a_step_that_failed_is_not_taken_for_done(build: t.Any, steps: list[str]) -> None:
    run(build, steps)

    def fail(_config: object) -> None:
        raise build.Failed("no space")

    build.STEPS["raw"] = build.STEPS["raw"]._replace(make=fail)
    with pytest.raises(build.Failed):
        run(build, steps, size_gib=4)
    assert not (build.WORK / "raw.stamp").exists()


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
def test_an_image_with_a_key_is_refused(build: t.Any, tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    build.clean(root)
    (root / path).parent.mkdir(parents=True)
    (root / path).touch()
    with pytest.raises(build.Failed, match=r"which each machine makes for itself"):
        build.clean(root)


def test_an_image_with_a_name_is_refused(build: t.Any, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("")
    build.clean(tmp_path)
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    with pytest.raises(build.Failed, match="etc/machine-id"):
        build.clean(tmp_path)


def test_a_uuid_is_the_same_for_the_same_image(build: t.Any) -> None:
    first = {"version": "1", "snapshot": ""}
    assert build.identity(first, "root") == build.identity(dict(first), "root") != build.identity(first, "esp")
    assert build.identity(first, "root") != build.identity({**first, "version": "2"}, "root")


def test_the_parts_list_names_lnd_and_every_package(build: t.Any, tmp_path: Path) -> None:
    lnd = tmp_path / "tree/opt/lnd/0.21.3-beta/lnd"
    lnd.parent.mkdir(parents=True)
    lnd.write_text("x")
    made = build.sbom({"version": "1", "lnd_version": "0.21.3-beta"}, [{"name": "age", "version": "1:2", "architecture": "amd64"}])
    assert [one["name"] for one in made["components"]] == ["lnd", "age"]
    assert made["components"][1]["purl"] == "pkg:deb/debian/age@1%3A2?arch=amd64"
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("unattended", [False, True])
def test_updates_by_itself_or_never(build: t.Any, monkeypatch: pytest.MonkeyPatch, unattended: bool) -> None:
    asked: list[str] = []

    def fake(_build: object, _packages: object, root: Path, *options: str) -> None:
        asked.extend(options)
        (root / "efi/EFI").mkdir(parents=True)

    monkeypatch.setattr(build, "mmdebstrap", fake)
    build.rootfs({**CONFIG, "machine_packages": [], "units": [], "unattended": unattended})
    assert any("mask apt-daily.timer apt-daily-upgrade.timer" in option for option in asked) is not unattended
    assert any("enable unattended-upgrades.service" in option for option in asked) is unattended


def test_the_same_packages_make_the_same_initrd(build: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its maker asks for a time, and would take that of the day."""
    given: dict[str, t.Any] = {}
    monkeypatch.setattr(build, "run", lambda *_command, **options: given.update(options))
    build.mmdebstrap({"sources": [], "snapshot": "", "suite": "trixie"}, [], build.WORK / "root")
    assert given["env"]["SOURCE_DATE_EPOCH"].isdecimal()


def test_a_disk_that_is_too_small(build: t.Any, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/lnd").write_bytes(bytes(5 << 20))
    build.check_size(tmp_path / "root", 10)
    with pytest.raises(build.Failed, match=r"The disk has 4 MiB for the root, which needs \d+\. Raise signer_image_size_gib"):
        build.check_size(tmp_path / "root", 4)
