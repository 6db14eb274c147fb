# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: the signatures that count, the choice of the right archive, and the files left behind after a refusal."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import release
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.release import ReleaseError, Signatures

PINNED = "A" * 40
OTHER = "B" * 40
VALID = f"[GNUPG:] VALIDSIG {'C' * 40} 2026-01-01 1767225600 0 4 0 22 8 00 {PINNED}\n"


def block(*lines: str) -> str:
    """Return one signature's part of gpg's status lines."""
    return "[GNUPG:] NEWSIG\n" + "".join(f"[GNUPG:] {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("", Signatures()),
        (block("GOODSIG CCCC builder") + VALID, Signatures(good=[PINNED])),
        (block("BADSIG CCCC builder"), Signatures(bad=["CCCC"])),
        (block("ERRSIG DDDD 22 8 00 1767225600 9 x", "NO_PUBKEY DDDD"), Signatures(unknown=["DDDD"])),
        (block("KEYEXPIRED 1767225601", "EXPKEYSIG CCCC builder") + VALID, Signatures(good=[PINNED])),
        (
            block("KEYEXPIRED 1767225599", "EXPKEYSIG CCCC builder") + VALID,
            Signatures(refused=["CCCC (an expired key)"]),
        ),
        (block("REVKEYSIG CCCC builder") + VALID, Signatures(refused=["CCCC (a revoked key)"])),
        (block("GOODSIG CCCC b") + VALID + block("NO_PUBKEY DDDD"), Signatures(good=[PINNED], unknown=["DDDD"])),
    ],
)
def test_status(status: str, expected: Signatures) -> None:
    assert release.parse_status(status) == expected


def test_a_pinned_signer_counts_once_however_the_pin_is_written() -> None:
    assert release.judge(Signatures(good=[PINNED, PINNED]), [" ".join(["aaaa"] * 10)], 1) == [PINNED]


@pytest.mark.parametrize(
    ("found", "required", "message"),
    [
        (Signatures(), 1, "has 0 good .* 1 are required. Other signatures: none"),
        (Signatures(good=[OTHER]), 1, f"{OTHER}, which is not pinned"),
        (Signatures(unknown=["DDDD"]), 1, "DDDD, whose key file was not given"),
        (Signatures(refused=["CCCC (a revoked key)"]), 1, "a revoked key"),
        (Signatures(good=[PINNED]), 2, "has 1 good .* 2 are required"),
        (Signatures(good=[PINNED], bad=["CCCC"]), 1, "BAD SIGNATURE by CCCC"),
    ],
)
def test_signatures_that_do_not_do(found: Signatures, required: int, message: str) -> None:
    with pytest.raises(ReleaseError, match=message):
        release.judge(found, [PINNED], required)


@pytest.mark.parametrize("line", ["{}  a.tar.gz", "{} *a.tar.gz", "{}  other\n{}  a.tar.gz\n"])
def test_checksum_of(line: str) -> None:
    assert release.checksum_of(line.format("f" * 64, "f" * 64), "a.tar.gz") == "f" * 64


def test_an_archive_that_is_not_listed() -> None:
    with pytest.raises(ReleaseError, match="does not name a"):
        release.checksum_of(f"{'f' * 64}  b.tar.gz\n", "a.tar.gz")


@pytest.fixture(params=["w:gz", "w:xz", "w:"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"a.tar.{request.param.removeprefix('w:')}"
    with tarfile.open(path, request.param) as tar:
        for name in ("a/bin/prog", "a/bin/cli"):
            content = hashlib.sha256(name.encode()).hexdigest().encode() * 5000
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("a/bin/link")
        link.type = tarfile.DIRTYPE
        tar.addfile(link)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_right_archive(archive: Path) -> None:
    release.check_archive(str(archive), digest(archive))


@pytest.mark.parametrize("keep", [0, 0.3, 0.7])
def test_a_truncated_archive_is_called_so(archive: Path, keep: float) -> None:
    expected = digest(archive)
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * keep)])
    with pytest.raises(ReleaseError, match="TRUNCATED"):
        release.check_archive(str(archive), expected)


@pytest.mark.parametrize("content", [b"<html>404</html>", None])
def test_another_file_is_called_a_bad_checksum(archive: Path, content: bytes | None) -> None:
    expected = digest(archive)
    if content is not None:
        archive.write_bytes(content)
    else:
        expected = "0" * 64
    with pytest.raises(ReleaseError, match="BAD CHECKSUM"):
        release.check_archive(str(archive), expected)


def test_programs_appear_at_once_and_whole(archive: Path, tmp_path: Path) -> None:
    dest = tmp_path / "opt" / "prog" / "1.0"
    release.unpack(str(archive), "a/bin", ["prog", "cli"], str(dest))
    assert sorted(entry.name for entry in dest.iterdir()) == ["cli", "prog"]
    assert {entry.stat().st_mode & 0o777 for entry in (*dest.iterdir(), dest)} == {0o755}
    assert [entry.name for entry in dest.parent.iterdir()] == ["1.0"]


@pytest.mark.parametrize("program", ["missing", "link", "../../etc/passwd"])
def test_nothing_is_left_of_an_archive_without_the_program(archive: Path, tmp_path: Path, program: str) -> None:
    dest = tmp_path / "opt" / "prog" / "1.0"
    with pytest.raises(ReleaseError, match="holds no a/bin/"):
        release.unpack(str(archive), "a/bin", ["prog", program], str(dest))
    assert list(dest.parent.iterdir()) == []
