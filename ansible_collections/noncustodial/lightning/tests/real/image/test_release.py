# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image's lnd from upstream's release: a stand-in of its server, with releases that a throw-away key signed, or
that somebody altered.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import os
import subprocess
import tarfile
import tempfile
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

pytestmark = pytest.mark.image

VERSION = "0.21.3-beta"
NAME = f"lnd-linux-amd64-v{VERSION}"
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: noncustodial.lightning.signer_image
        tasks_from: install
"""


class Upstream:
    """The publisher of releases, and the server.

    Args:
        folder: what is served.
        home: of gpg; its agent's socket needs a short path.
    """

    def __init__(self, folder: Path, home: str) -> None:
        self.folder = folder
        self._gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase="]
        for name in ("roasbeef", "stranger"):
            self._run("--quick-generate-key", f"{name}@example.org", "ed25519", "sign", "never")
        self.key = folder / "roasbeef.asc"
        self.key.write_bytes(self._run("--armor", "--export", "roasbeef@example.org"))
        listed = self._run("--with-colons", "--list-keys", "roasbeef@example.org").decode().splitlines()
        self.fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr"))
        handler = functools.partial(Handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _run(self, *arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run([*self._gpg, *arguments], input=data, capture_output=True, check=True).stdout

    def release(self, where: str, signer: str = "roasbeef") -> Path:
        """Make a release, with file names like lnd's."""
        folder = self.folder / where
        folder.mkdir()
        packed = archive("echo lnd")
        sums = f"{hashlib.sha256(packed).hexdigest()}  {NAME}.tar.gz\n".encode()
        (folder / f"{NAME}.tar.gz").write_bytes(packed)
        (folder / f"manifest-v{VERSION}.txt").write_bytes(sums)
        (folder / f"manifest-roasbeef-v{VERSION}.sig").write_bytes(
            self._run("--detach-sign", f"--local-user={signer}@example.org", data=sums)
        )
        return folder

    def stop(self) -> None:
        """End the server, and gpg's agent."""
        self._server.shutdown()
        self._server.server_close()


class Handler(http.server.SimpleHTTPRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, *_arguments: t.Any) -> None:
        """Log nothing."""


def archive(text: str) -> bytes:
    """Make an archive with both programs, which only print something."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for program in ("lnd", "lncli"):
            content = f"#!/bin/sh\n{text} {program}\n".encode()
            member = tarfile.TarInfo(f"{NAME}/{program}")
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Upstream]:
    with tempfile.TemporaryDirectory(prefix="ncl-gpg-") as home:
        made = Upstream(tmp_path_factory.mktemp("upstream"), home)
        yield made
        made.stop()
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def install(upstream: Upstream, folder: Path, where: str) -> tuple[int, str]:
    """Run the role's first part; return exit status and text."""
    (folder / "play.yml").write_text(PLAY)
    given = {
        "signer_image_dir": str(folder / "image"),
        "signer_image_lnd_version": VERSION,
        "signer_image_lnd_release_url": f"{upstream.url}/{where}",
        "signer_image_lnd_release_keys": [str(upstream.key)],
        "signer_image_lnd_release_fingerprints": [upstream.fingerprint],
    }
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", str(folder / "play.yml"), "-e", json.dumps(given)]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_signed_release_is_put_where_the_role_lnd_puts_it(upstream: Upstream, tmp_path: Path) -> None:
    """A second run does not fetch it again."""
    release = upstream.release("good")
    status, text = install(upstream, tmp_path, "good")
    assert status == 0, text
    tree = tmp_path / "image/tree"
    assert (
        subprocess.run([tree / "opt/lnd" / VERSION / "lnd"], check=True, capture_output=True, text=True).stdout
        == "lnd lnd\n"
    )
    assert os.readlink(tree / "usr/local/bin/lncli") == f"/opt/lnd/{VERSION}/lncli"
    (release / f"{NAME}.tar.gz").unlink()
    status, text = install(upstream, tmp_path, "good")
    assert status == 0, text
    assert "changed=0" in text


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ("archive", f"BAD CHECKSUM: {NAME}.tar.gz"),
        ("list", "BAD SIGNATURE"),
        ("stranger", "whose key file was not given"),
        ("nothing there", "404"),
    ],
)
def test_what_upstream_has_not_signed_is_not_in_the_image(
    upstream: Upstream, tmp_path: Path, spoilt: str, told: str
) -> None:
    release = upstream.release(spoilt.replace(" ", "-"), "stranger" if spoilt == "stranger" else "roasbeef")
    if spoilt == "archive":
        (release / f"{NAME}.tar.gz").write_bytes(archive("echo evil"))
    elif spoilt == "list":
        (release / f"manifest-v{VERSION}.txt").write_text(
            f"{hashlib.sha256(archive('echo evil')).hexdigest()}  {NAME}.tar.gz\n"
        )
    elif spoilt == "nothing there":
        (release / f"manifest-roasbeef-v{VERSION}.sig").unlink()
    status, text = install(upstream, tmp_path, release.name)
    assert status != 0
    assert told in text
    assert not (tmp_path / "image/tree/opt/lnd" / VERSION).exists()
