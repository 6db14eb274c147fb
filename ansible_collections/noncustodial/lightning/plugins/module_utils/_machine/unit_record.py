# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the files with which a unit's process started. No clock is part of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from .._core import document
from .._core.errors import InvalidInput
from .._core.files import alone, read_file, write_file

# Only root can open what is there: a service that could open a lock could also hold it.
_FOLDER = "/var/lib/noncustodial-lightning/units"
# A start may wait for PostgreSQL, for a lock and for a signer.
_TURN_SECONDS = 1800.0
# lnd has 80 MB. Nothing that a unit starts with comes near this; a sparse file of a service's could.
_MAX_BYTES = 1 << 30
_PIECE_BYTES = 1 << 20

# By path; None for a file that is not there.
Fingerprints: t.TypeAlias = "t.Mapping[str, str | None]"


@dataclass(frozen=True)
class Record:
    """The files with which a unit runs.

    Attributes:
        invocation: systemd's id of the unit's start; every start, also after a reboot, has another.
        files: their fingerprints.
    """

    invocation: str = ""
    files: Fingerprints = field(default_factory=dict)


def read_record(name: str) -> Record:
    """Read the record of a unit; return an empty one if there is none.

    Raises:
        InvalidInput: it cannot be read.
    """
    path = Path(_FOLDER, f"{name}.json")
    if not path.exists():
        return Record()
    found = document.read(read_file(str(path), "the record of a unit's files"))
    try:
        return Record(str(found["invocation"]), {str(file): value for file, value in found["files"].items()})
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"{path} is no record of a unit's files", "Delete it, and run again") from error


def write_record(name: str, record: Record, before: Record) -> None:
    """Write the record of a unit, if it is not what was there before.

    Raises:
        InvalidInput: it cannot be written.
    """
    if record == before:
        return
    write_file(
        str(Path(_FOLDER, f"{name}.json")),
        document.canonical({"invocation": record.invocation, "files": dict(record.files)}),
    )


@contextlib.contextmanager
def turn(name: str) -> t.Iterator[None]:
    """Let several runs for one unit go one after the other.

    Raises:
        InvalidInput: the folder or the lock cannot be made, or another run has not ended in half an hour.
    """
    lock = Path(_FOLDER, f"{name}.lock")
    try:
        os.makedirs(_FOLDER, mode=0o700, exist_ok=True)
        lock.touch(mode=0o600)
    except OSError as error:
        raise InvalidInput(f"Cannot make {lock}: {error.strerror}", "Check what is there, and the disk") from error
    with alone(str(lock), _TURN_SECONDS):
        yield


def fingerprints(paths: t.Iterable[str]) -> dict[str, str | None]:
    """Return the fingerprint of each file, once: of a file its content's, of a directory its names'."""
    return {path: _fingerprint(path) for path in dict.fromkeys(paths)}


def _fingerprint(path: str) -> str | None:
    """Return the fingerprint of a file or directory, of what a link leads to, or None if there is nothing.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        # A pipe does not keep whoever opens it waiting, nor does what a service has put in the place of its file.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", closefd=True) as file:
            kind = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(kind):
                return "no regular file"
            digest, read = hashlib.sha256(), 0
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                read += len(piece)
                if read > _MAX_BYTES:
                    raise InvalidInput(f"{path} has more than {_MAX_BYTES >> 20} MiB", "See who put it there")
            return digest.hexdigest()
    except IsADirectoryError:
        # A file that is being written has a hidden name for a moment.
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
        return hashlib.sha256(document.canonical(names)).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}", "Check it, and the disk below it") from error
