# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program is installed from a mirror on the machine's loopback, from releases that a throw-away key signed, or that
somebody altered.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
import typing as t
from pathlib import Path

import pytest
from regtest import Regtest, Run, until

MACHINE = "own"
PORT = 8099
STATE = "ls -l /opt/prog /usr/local/bin/prog /tmp/install-prog-* 2>/dev/null || true"


class Builders:
    """The signers of releases: two keys, of which the inventory pins only the first."""

    def __init__(self, home: str) -> None:
        self._gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase="]
        for name in ("pinned", "stranger"):
            self._run("--quick-generate-key", f"{name}@example.org", "ed25519", "sign", "never")

    def _run(self, *arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run([*self._gpg, *arguments], input=data, capture_output=True, check=True).stdout

    def fingerprint(self, name: str) -> str:
        lines = self._run("--with-colons", "--list-keys", f"{name}@example.org").decode().splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))

    def key(self, name: str) -> bytes:
        return self._run("--armor", "--export", f"{name}@example.org")

    def sign(self, name: str, data: bytes) -> bytes:
        return self._run("--armor", "--detach-sign", f"--local-user={name}@example.org", data=data)


def archive(version: str) -> bytes:
    """Return a release whose program prints its version. It is long enough to be cut short."""
    text = (
        f"#!/bin/sh\necho {version}\nexit 0\n".encode()
        + hashlib.shake_256(version.encode()).hexdigest(200_000).encode()
        + b"\n"
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo(f"prog-{version}/bin/prog")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return packed.getvalue()


def release(builders: Builders, version: str, signer: str = "pinned") -> dict[str, bytes]:
    """Return the files of a release."""
    packed = archive(version)
    sums = f"{hashlib.sha256(packed).hexdigest()}  prog.tar.gz\n".encode()
    return {"prog.tar.gz": packed, "SHA256SUMS": sums, "SHA256SUMS.asc": builders.sign(signer, sums)}


def spoilt(files: dict[str, bytes], name: str, change: t.Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Return a release with one file changed."""
    return {**files, name: change(files[name])}


@pytest.fixture(scope="module")
def builders() -> t.Iterator[Builders]:
    # The agent's socket needs a short path.
    with tempfile.TemporaryDirectory(prefix="ncl-gpg-") as home:
        yield Builders(home)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


@pytest.fixture(scope="module")
def mirror(regtest: Regtest, builders: Builders) -> t.Iterator[None]:
    """A mirror of all releases, good and bad, on the machine's own loopback."""
    good = release(builders, "1.2.0")
    releases = {
        "1.0.0": release(builders, "1.0.0"),
        "1.1.0-beta.rc1": release(builders, "1.1.0-beta.rc1"),
        "1.1.0": release(builders, "1.1.0"),
        "bad-archive": spoilt(good, "prog.tar.gz", lambda _packed: archive("6.6.6")),
        "truncated": spoilt(good, "prog.tar.gz", lambda packed: packed[: len(packed) // 2]),
        "bad-list": spoilt(
            good, "SHA256SUMS", lambda _sums: f"{hashlib.sha256(archive('6.6.6')).hexdigest()}  prog.tar.gz\n".encode()
        ),
        "stranger": release(builders, "1.2.0", "stranger"),
        "no-signature": spoilt(good, "SHA256SUMS.asc", lambda _signature: b"no signature\n"),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, files in releases.items():
            for file, content in files.items():
                member = tarfile.TarInfo(f"{name}/{file}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    assert (
        regtest.ssh(
            MACHINE, "sh", "-c", "mkdir -p /run/mirror && tar -x -C /run/mirror", data=packed.getvalue()
        ).returncode
        == 0
    )
    regtest.sh(
        MACHINE,
        "systemd-run --unit=ncl-mirror /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /run/mirror"
        f" {PORT}",
    )
    until("the mirror", lambda: regtest.machine(MACHINE).socket(f"tcp://127.0.0.1:{PORT}").is_listening)
    yield
    regtest.sh(MACHINE, "systemctl stop ncl-mirror; rm -rf /run/mirror /opt/prog /usr/local/bin/prog")


@pytest.fixture
def install(regtest: Regtest, builders: Builders, tmp_path: Path, mirror: None) -> t.Callable[..., Run]:
    """Run the role on a release of the mirror."""

    def run(version: str, *options: str, source: str = "", **variables: t.Any) -> Run:
        url = f"http://127.0.0.1:{PORT}/{source or version}"
        for name in ("pinned", "stranger"):
            (tmp_path / name).write_bytes(builders.key(name))
        given = {
            "program": "prog",
            "version": version,
            "method": "release",
            "binaries": ["prog"],
            "bin_dir": f"prog-{version}/bin",
            "archive": f"{url}/prog.tar.gz",
            "checksums": f"{url}/SHA256SUMS",
            "signatures": [f"{url}/SHA256SUMS.asc"],
            "keys": [str(tmp_path / "pinned"), str(tmp_path / "stranger")],
            "fingerprints": [builders.fingerprint("pinned")],
            "refuse_downgrade": True,
            **variables,
        }
        extra = json.dumps({f"_common_install_{name}": value for name, value in given.items()})
        return regtest._ansible("ansible-playbook", "provider", "molecule/_shared/install.yml", "-e", extra, *options)

    return run


def test_check_mode_installs_nothing(regtest: Regtest, install: t.Callable[..., Run]) -> None:
    before = regtest.sh(MACHINE, STATE)
    run = install("1.0.0", "--check")
    assert run.status == 0, run.text
    assert run.changed["own-node"] > 0
    assert regtest.sh(MACHINE, STATE) == before


def test_a_signed_release_is_installed_once(regtest: Regtest, install: t.Callable[..., Run]) -> None:
    first = install("1.0.0")
    assert first.status == 0, first.text
    assert regtest.sh(MACHINE, "prog") == "1.0.0"
    assert regtest.sh(MACHINE, "readlink /usr/local/bin/prog") == "/opt/prog/1.0.0/prog"
    assert install("1.0.0").changed["own-node"] == 0
    assert install("1.0.0", "--check").changed["own-node"] == 0


def test_an_upgrade_is_another_version(regtest: Regtest, install: t.Callable[..., Run]) -> None:
    assert install("1.1.0").status == 0
    assert regtest.sh(MACHINE, "prog") == "1.1.0"


@pytest.mark.parametrize("older", ["1.0.0", "1.1.0-beta.rc1"])
def test_a_downgrade_is_refused(regtest: Regtest, install: t.Callable[..., Run], older: str) -> None:
    before = regtest.sh(MACHINE, STATE)
    run = install(older)
    assert run.status != 0
    assert f"prog 1.1.0 is in use, and {older} is older" in run.text
    assert regtest.sh(MACHINE, STATE) == before


def test_nothing_stays_of_a_download_that_was_refused(regtest: Regtest, install: t.Callable[..., Run]) -> None:
    before = regtest.sh(MACHINE, STATE)
    run = install("1.2.0", source="bad-archive")
    assert run.status != 0
    assert "BAD CHECKSUM: prog.tar.gz" in run.text
    assert regtest.sh(MACHINE, STATE) == before
    assert regtest.sh(MACHINE, "prog") == "1.1.0"


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("bad-archive", {}, "BAD CHECKSUM: prog.tar.gz"),
        ("truncated", {}, "prog.tar.gz is TRUNCATED"),
        ("bad-list", {}, "BAD SIGNATURE"),
        ("stranger", {}, "which is not pinned"),
        ("stranger", {"keys": []}, "whose key file was not given"),
        ("no-signature", {}, "has 0 good signature(s)"),
        ("1.1.0", {"signatures_required": 2}, "has 1 good signature(s) of a pinned key, and 2 are required"),
        ("1.1.0", {"folder": "elsewhere"}, "The archive holds no elsewhere/prog"),
    ],
)
def test_what_does_not_fit_is_not_installed(
    regtest: Regtest, builders: Builders, source: str, options: dict[str, t.Any], message: str
) -> None:
    given = {
        "dest": "/opt/prog/1.2.0",
        "programs": ["prog"],
        "folder": "prog-1.2.0/bin",
        "archive": f"/run/mirror/{source}/prog.tar.gz",
        "checksums": f"/run/mirror/{source}/SHA256SUMS",
        "signatures": [f"/run/mirror/{source}/SHA256SUMS.asc"],
        "keys": [builders.key("pinned").decode(), builders.key("stranger").decode()],
        "fingerprints": [builders.fingerprint("pinned")],
        **options,
    }
    run = regtest.module("provider", "own-node", "release_install", **given)
    assert run.status != 0
    assert message in run.text
    assert "1.2.0" not in regtest.sh(MACHINE, "ls -A /opt/prog")
