# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release of upstream's: check its builders' signatures, and unpack its programs."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import typing as t
import zlib
from dataclasses import dataclass, field

from .._core.errors import LightningError

# Takes a command and its standard input; returns its output. Its return code is less precise than its status lines.
Run = t.Callable[[list[str], str], str]

_CHUNK_BYTES = 1 << 20


class ReleaseError(LightningError):
    """A release that must not be installed; the text names the cause and the cure."""


@dataclass(frozen=True)
class Signatures:
    """gpg's report of a file's signatures.

    Attributes:
        good: fingerprints of the primary keys whose signature is good.
        bad: keys whose signature does not match the file.
        refused: keys that are expired or revoked, with the reason.
        unknown: keys that are not available.
    """

    good: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def parse_status(text: str) -> Signatures:
    """Read gpg's status lines (doc/DETAILS of GnuPG). Each signature begins with NEWSIG."""
    result = Signatures()
    for block in text.split("[GNUPG:] NEWSIG")[1:]:
        fields = {line.split()[1]: line.split()[2:] for line in block.splitlines() if line.startswith("[GNUPG:] ")}
        if "VALIDSIG" in fields and ("GOODSIG" in fields or _signed_in_time(fields)):
            # The last field of VALIDSIG is the primary key's fingerprint, whichever subkey signed.
            result.good.append(fields["VALIDSIG"][-1])
        elif "BADSIG" in fields:
            result.bad.append(fields["BADSIG"][0])
        elif "NO_PUBKEY" in fields:
            result.unknown.append(fields["NO_PUBKEY"][0])
        else:
            reasons = {"EXPKEYSIG": "an expired key", "REVKEYSIG": "a revoked key", "EXPSIG": "an expired signature"}
            result.refused.extend(f"{fields[kind][0]} ({reason})" for kind, reason in reasons.items() if kind in fields)
    return result


def _signed_in_time(fields: t.Mapping[str, list[str]]) -> bool:
    """Return whether the key has expired only after it signed, as those of old releases have. A revoked key never
    counts.
    """
    return (
        "EXPKEYSIG" in fields and "KEYEXPIRED" in fields and int(fields["VALIDSIG"][2]) <= int(fields["KEYEXPIRED"][0])
    )


def judge(signatures: Signatures, fingerprints: t.Collection[str], required: int) -> list[str]:
    """Return the pinned keys that signed, or raise an error that states what is wrong."""
    if signatures.bad:
        raise ReleaseError(
            f"BAD SIGNATURE by {', '.join(signatures.bad)}: the list of checksums is not what was signed. Nothing was"
            " installed. Download again; if it stays, somebody changed the release."
        )
    pinned = {fingerprint.replace(" ", "").upper() for fingerprint in fingerprints}
    signers = sorted({fingerprint for fingerprint in signatures.good if fingerprint in pinned})
    if len(signers) < required:
        seen = [f"{key}, which is not pinned" for key in signatures.good if key not in pinned]
        seen += [f"{key}, whose key file was not given" for key in signatures.unknown] + signatures.refused
        raise ReleaseError(
            f"The list of checksums has {len(signers)} good signature(s) of a pinned key, and {required} are required."
            f" Other signatures: {'; '.join(seen) or 'none'}. Nothing was installed. Give the key files of builders"
            " whose fingerprints are pinned."
        )
    return signers


def checksum_of(listing: str, name: str) -> str:
    """Return the SHA-256 of a file according to the list of checksums."""
    for line in listing.splitlines():
        digest, _space, listed = line.strip().partition(" ")
        if listed.strip().lstrip("*") == name:
            return digest.lower()
    raise ReleaseError(
        f"The signed list of checksums does not name {name}. Nothing was installed. Look at version and architecture."
    )


def check_archive(path: str, expected: str) -> None:
    """Refuse an archive that is not the one in the list, and report if it is only cut short."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
            digest.update(chunk)
    if digest.hexdigest() == expected:
        return
    name = os.path.basename(path)
    if _truncated(path):
        raise ReleaseError(
            f"{name} is TRUNCATED: it ends before its time, at {os.path.getsize(path)} bytes. Nothing was installed."
            " Download again."
        )
    raise ReleaseError(
        f"BAD CHECKSUM: {name} has {digest.hexdigest()}, and the signed list says {expected}. Nothing was installed. "
        "Download again; if it stays, somebody changed the archive."
    )


def _truncated(path: str) -> bool:
    """Return whether the archive is cut short, so that it cannot be read to its end."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                source = archive.extractfile(member)
                while source is not None and source.read(_CHUNK_BYTES):
                    pass
    except (EOFError, tarfile.ReadError) as error:
        return isinstance(error, EOFError) or "unexpected end of data" in str(error) or os.path.getsize(path) == 0
    except (OSError, tarfile.TarError, zlib.error):
        return False
    return False


def verify(run: Run, listing: str, signatures: t.Sequence[str], keys: t.Sequence[str]) -> Signatures:
    """Verify signatures with gpg and a keyring that holds only the given keys."""
    home = tempfile.mkdtemp(prefix="release-verify-")
    gpg = ["gpg", "--homedir", home, "--batch", "--no-autostart", "--no-tty", "--trust-model", "always"]
    try:
        for key in keys:
            run([*gpg, "--import"], key)
        status = "".join(
            run([*gpg, "--status-fd", "1", "--verify", signature, listing], "") for signature in signatures
        )
    finally:
        shutil.rmtree(home)
    return parse_status(status)


def unpack(archive: str, folder: str, programs: t.Sequence[str], dest: str) -> None:
    """Put the programs into a directory that is there either whole or not at all."""
    os.makedirs(os.path.dirname(dest), mode=0o755, exist_ok=True)
    partial = tempfile.mkdtemp(dir=os.path.dirname(dest), prefix=f".{os.path.basename(dest)}.")
    try:
        with tarfile.open(archive) as opened:
            for program in programs:
                _unpack_one(opened, f"{folder}/{program}", os.path.join(partial, program))
        os.chmod(partial, 0o755)  # noqa: S103 - programs are for everybody
        os.rename(partial, dest)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack_one(archive: tarfile.TarFile, member: str, dest: str) -> None:
    try:
        source = archive.extractfile(member)
    except KeyError:
        source = None
    if source is None:
        raise ReleaseError(f"The archive holds no {member}. Nothing was installed. Look at version and architecture.")
    with open(dest, "wb") as file:
        shutil.copyfileobj(source, file)
        os.fsync(file.fileno())
    os.chmod(dest, 0o755)  # noqa: S103
