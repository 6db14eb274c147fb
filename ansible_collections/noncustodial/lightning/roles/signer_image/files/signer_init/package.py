# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package of a signer, one document: wallet, root keys of the grants, certificate and key, the password, and the
tenant's files.

lnd.conf, firewall and units are not in it: the new machine makes them from kit and settings, in the form of its own
image.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import shutil
import typing as t
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document, versions
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.problems import (
    Invalid,
    Problem,
    check_fields,
    shown,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import age

from .host import Machine
from .move import RESUME_COMMAND, Record
from .place import USER, Place
from .settings import Image

SCHEMA, VERSION = "noncustodial.lightning/signer-package", 1
MAX_BYTES = 64 << 20
"""Size of a package, at most; a signer's files are below one megabyte."""

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema": str,
    "version": int,
    "number": str,
    "receipt": str,
    "tenant": str,
    "network": str,
    "node_id": str,
    "lnd_version": str,
    "wallet_password": str,
    "files": list,
}
_FILE_FIELDS: dict[str, type | tuple[type, ...]] = {"path": str, "mode": int, "content": str}

# What lnd keeps; no name begins with a dot.
_DATA_PATH = re.compile(r"lnd/data(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_NEEDED_FILES = (
    "lnd/tls.cert",
    "lnd/tls.key",
    "config/birthday",
    "desk/kit.json",
    "desk/settings.json",
    "desk/signing_key",
    "desk/signing_key.pub",
)
_AGREEMENT_FILES = (f"desk/{agreement.TENANT_FILE}", f"desk/{agreement.FINGERPRINT_FILE}")
_OPTIONAL_FILES = ("config/seed.age", "desk/provider.macaroon", "desk/bundle.json", *_AGREEMENT_FILES)
_NODE_ID = re.compile(r"0[23][0-9a-f]{64}")
_MIN_PASSWORD_BYTES = 16
# Nothing is writable by others.
_MODE_BITS = 0o755


@dataclass(frozen=True)
class File:
    """A file of the signer.

    Attributes:
        path: path below lnd/, config/ or desk/.
        mode: its permissions.
        content: its content.
    """

    path: str
    mode: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The content of a package.

    Attributes:
        number, receipt, node_id, lnd_version: as in the record of the move.
        tenant: the tenant whose signer it is.
        network: the network of its wallet.
        files: all files of the signer.
        password: the wallet's password.
    """

    number: str
    receipt: str
    node_id: str
    lnd_version: str
    tenant: str
    network: str
    files: tuple[File, ...]
    password: bytes = field(repr=False)

    def content(self, path: str) -> bytes:
        """Return the content of a file that every package has."""
        return next(file.content for file in self.files if file.path == path)


# --- on the old machine


def collect(host: Machine, record: Record) -> Package:
    """Collect everything from a signer that has stopped.

    Raises:
        InvalidInput: something is missing or cannot be read.
    """
    place = host.place
    (network,) = place.networks()
    # What begins with a dot is not lnd's: a file that was cut off while it was written.
    paths = [
        path for path in sorted((place.lnddir / "data").rglob("*")) if path.is_file() and not path.name.startswith(".")
    ]
    names = [f"lnd/{path.relative_to(place.lnddir)}" for path in paths]
    names += [*_NEEDED_FILES, *(path for path in _OPTIONAL_FILES if where(place, path).exists())]
    return Package(
        number=record.number,
        receipt=record.receipt,
        node_id=record.node_id,
        lnd_version=record.lnd_version,
        tenant=document.read(read_file(str(place.kit), "the kit"))["tenant"],
        network=network,
        files=tuple(_file(place, name) for name in names),
        password=host.password().read(),
    )


def _file(place: Place, name: str) -> File:
    path = where(place, name)
    content = read_file(str(path), "a file of the signer")
    return File(name, path.stat().st_mode & _MODE_BITS, content)


def where(place: Place, name: str) -> Path:
    """Return the path of a file of the package on this machine."""
    part, _slash, rest = name.partition("/")
    return {"lnd": place.lnddir, "config": place.config, "desk": place.desk}[part] / rest


def seal(package: Package, recipient: str) -> str:
    """Return the package as a text that only the new machine can read.

    Raises:
        InvalidInput: the new machine would refuse it, or the recipient is no public key of age.
    """
    files = [
        {"path": one.path, "mode": one.mode, "content": base64.b64encode(one.content).decode()} for one in package.files
    ]
    content = {
        "schema": SCHEMA,
        "version": VERSION,
        "number": package.number,
        "receipt": package.receipt,
        "tenant": package.tenant,
        "network": package.network,
        "node_id": package.node_id,
        "lnd_version": package.lnd_version,
        "wallet_password": package.password.decode(),
        "files": files,
    }
    problems = _problems(content)
    if problems:
        raise Invalid(
            "The package",
            problems,
            f"This signer stays stopped. Correct it and run it again, or take it back into service: {RESUME_COMMAND}",
        )
    # lnd's databases are mostly empty.
    return age.encrypt(gzip.compress(json.dumps(content).encode()), recipient)


# --- on the new machine


def read(opened: bytes) -> Package:
    """Return the package from the decrypted content.

    Raises:
        Invalid: it is not whole; all faults are named.
    """
    try:
        content = document.read(_unpacked(opened))
    except document.NotJson as error:
        raise _refused([Problem("", error.what)]) from error
    problems = _problems(content)
    if problems:
        raise _refused(problems)
    files = tuple(File(one["path"], one["mode"], base64.b64decode(one["content"])) for one in content["files"])
    named = {name: content[name] for name in ("number", "receipt", "node_id", "lnd_version", "tenant", "network")}
    return Package(**named, files=files, password=content["wallet_password"].encode())


def agreed(package: Package) -> agreement.Agreement:
    """Return the agreement about the kit that the old machine has recorded."""
    texts = {
        file.path: file.content.decode(errors="replace").strip()
        for file in package.files
        if file.path in _AGREEMENT_FILES
    }
    return agreement.Agreement(*(texts.get(path, "") for path in _AGREEMENT_FILES))


def _unpacked(opened: bytes) -> bytes:
    """Return the uncompressed text, if it is not too large. Anybody who knows the recipient could encrypt anything to
    it.
    """
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(opened, MAX_BYTES)
    except zlib.error as error:
        raise _refused([Problem("", "is not what signer-upgrade packs")]) from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise _refused([Problem("", "is more than a signer has, or not whole")])
    return text


def _problems(content: object) -> list[Problem]:
    """Return the faults of a package; secret content is not shown."""
    problems = check_fields(content, _FIELDS)
    if problems or not isinstance(content, dict):
        return problems
    if (content["schema"], content["version"]) != (SCHEMA, VERSION):
        return [
            Problem(
                "schema",
                f"is {shown(content['schema'])} version {shown(content['version'])}, not {SCHEMA} version {VERSION}",
            )
        ]
    # They are shown before anything is taken.
    if not _NODE_ID.fullmatch(content["node_id"]):
        problems.append(Problem("node_id", "is no id of a node"))
    try:
        versions.check_bare(content["lnd_version"])
    except InvalidInput as error:
        problems.append(Problem("lnd_version", error.what))
    for index, one in enumerate(content["files"]):
        problems += check_fields(one, _FILE_FIELDS, f"files[{index}]")
    if problems:
        return problems
    for index, one in enumerate(content["files"]):
        problems += [Problem(f"files[{index}]", text) for text in _faults(one)]
    names = [one["path"] for one in content["files"]]
    problems += [
        Problem("files", f"have {shown(name)} twice")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    needed = [
        *_NEEDED_FILES,
        *(f"lnd/data/chain/bitcoin/{content['network']}/{name}" for name in ("wallet.db", "macaroons.db")),
    ]
    problems += [Problem("files", f"lack {shown(name)}") for name in needed if name not in names]
    if len(content["wallet_password"]) < _MIN_PASSWORD_BYTES:
        problems.append(Problem("wallet_password", "is shorter than any that a signer makes"))
    return problems


def _faults(one: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    name = one["path"]
    if not _DATA_PATH.fullmatch(name) and name not in (*_NEEDED_FILES, *_OPTIONAL_FILES):
        yield f"has a path that no signer has: {shown(name)}"
    if one["mode"] & ~_MODE_BITS or one["mode"] < 0:
        yield f"({shown(name)}) would be writable by others"
    try:
        base64.b64decode(one["content"], validate=True)
    except (binascii.Error, ValueError):
        yield f"({shown(name)}) is not base64"


def _refused(problems: t.Sequence[Problem]) -> Invalid:
    return Invalid(
        "The package", problems, "Nothing was changed. Have it made again on the old machine, by signer-upgrade send"
    )


def check_version(package: Package, image: Image) -> None:
    """Refuse a new machine whose lnd is older: lnd cannot go back on its files.

    Raises:
        Refused, InvalidInput: the message has both versions.
    """
    if versions.older(image.lnd_version, package.lnd_version):
        raise Refused(
            f"The old machine ran lnd {package.lnd_version}, and this image has {image.lnd_version}, which is older."
            " Nothing was changed",
            "Ask your provider for its present image, and start from that one",
        )


def lay_down(host: Machine, package: Package) -> None:
    """Write all files to their places. No lnd runs meanwhile; a repetition has the same result."""
    place = host.place
    if (place.lnddir / "data").exists():
        # From an earlier attempt, which was cut off.
        shutil.rmtree(place.lnddir / "data")
    host.folder(place.desk, None, 0o700)
    host.folder(place.config, USER, 0o750)
    for file in package.files:
        path = where(place, file.path)
        if file.path.startswith("lnd/"):
            host.write_for_lnd(path, file.content, file.mode)
        else:
            host.write(path, file.content, None, file.mode)
    host.keep_password(package.password)
