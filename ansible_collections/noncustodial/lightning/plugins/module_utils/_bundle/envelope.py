# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle in transit: signed by the tenant, encrypted to the provider, in a file whose open part holds only what
both may show.

Nobody signs the open part, and anybody who has a kit can encrypt. So nothing of a file is judged or shown before the
tenant's signature is known to be valid, except what identifies a bundle that is not ours to open.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, replace

from .._core import document
from .._core.errors import InvalidInput
from .._core.files import read_file
from .._core.problems import Invalid, Problem, check_fields, shown
from .._keys import age, sshsig
from . import bundle

# The open part; sha256 is that of the inner bundle in canonical form, and signing_key only a hint at the signer.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema": str,
    "version": int,
    "tenant": str,
    "network": str,
    "expires": str,
    "sha256": str,
    "recipient": str,
    "signing_key": str,
    "encrypted": str,
}
_INNER_FIELDS: dict[str, type | tuple[type, ...]] = {"bundle": dict, "signature": str}
_REPEATED_FIELDS = ("tenant", "network", "recipient", "expires")

# A bundle of 259 accounts is about 70 kB, and a signature about 300 bytes.
_MAX_BYTES = 1 << 18
_MAX_SIGNATURE_CHARACTERS = 1 << 11
_CURE = "Nothing was changed. Ask the tenant for a new bundle, or correct what is named"


@dataclass(frozen=True)
class Provider:
    """The provider's own keys and knowledge with which it checks a bundle.

    Attributes:
        identity_file: path of the provider's age identity.
        signing_key: the tenant's pinned public key.
        taken_up: SHA-256 of the bundle that was accepted before, if one was.
    """

    identity_file: str
    signing_key: str
    taken_up: str | None = None


def digest(content: t.Mapping[str, t.Any]) -> str:
    """Return the SHA-256 of a bundle in canonical form, hexadecimal."""
    return hashlib.sha256(document.canonical(content)).hexdigest()


def outside(content: t.Mapping[str, t.Any], recipient: str, signing_key: str) -> dict[str, t.Any]:
    """Return the open part of the file, without the encrypted part."""
    repeated = {name: content[name] for name in _REPEATED_FIELDS}
    return {
        "schema": content["schema"],
        "version": content["version"],
        **repeated,
        "sha256": digest(content),
        "recipient": recipient,
        "signing_key": signing_key,
    }


def seal(content: t.Mapping[str, t.Any], recipient: str, signing_key_file: str) -> bytes:
    """Build the file that the tenant hands over.

    Raises:
        InvalidInput: a key cannot be used.
    """
    signature = sshsig.sign(document.canonical(content), signing_key_file)
    inner = document.canonical({"bundle": content, "signature": signature})
    outer = {
        **outside(content, recipient, sshsig.public_key_of(signing_key_file)),
        "encrypted": age.encrypt(inner, recipient),
    }
    return json.dumps(outer, indent=2).encode() + b"\n"


def open_file(path: str, provider: Provider, terms: bundle.Terms) -> dict[str, t.Any]:
    """Return the bundle of a file, after every check that needs no connection.

    Raises:
        Invalid: it holds all problems that could be found.
        InvalidInput: the file or one of the provider's own keys cannot be used.
    """
    pinned = sshsig.public_key(provider.signing_key)
    try:
        outer = document.read(read_file(path, "the bundle", _MAX_BYTES))
    except document.NotJson as error:
        raise _refused(path, [Problem("", error.what)]) from error
    found = _check_outside(outer, provider, terms)
    if found:
        # It is another tenant's, for another provider, or not a bundle at all: its content is not ours to check.
        raise _refused(path, found)
    content, found = _open(outer, provider, pinned, terms)
    if found:
        raise _refused(path, found)
    return content


def _check_outside(outer: object, provider: Provider, terms: bundle.Terms) -> list[Problem]:
    found = check_fields(outer, FIELDS)
    if found or not isinstance(outer, dict):
        return found
    wanted = terms.kind.schema
    if outer["schema"] != wanted:
        return [Problem("schema", f"is {shown(outer['schema'])}, not {wanted}: it is of a node of another shape")]
    if outer["version"] != bundle.VERSION:
        older = bundle.OLDER_RELEASE if outer["version"] == 1 else ""
        return [Problem("version", f"is {shown(outer['version'])}, not {bundle.VERSION}{older}")]
    for name in ("tenant", "network"):
        if outer[name] != terms.kit[name]:
            found.append(Problem(name, f"is {shown(outer[name])}, but the kit is for {shown(terms.kit[name])}"))
    if outer["recipient"] not in age.recipients(provider.identity_file):
        found.append(
            Problem(
                "recipient", "is not the public key of this provider's age identity: the bundle is for another provider"
            )
        )
    elif outer["recipient"] != terms.kit["age_recipient"]:
        found.append(Problem("recipient", "is not the one of the kit: the bundle was made with another kit"))
    return found


def _open(
    outer: dict[str, t.Any], provider: Provider, pinned: str, terms: bundle.Terms
) -> tuple[dict[str, t.Any], list[Problem]]:
    try:
        inner = document.read(age.decrypt(outer["encrypted"], provider.identity_file))
    except InvalidInput as error:
        return {}, [Problem("encrypted", error.what)]
    found = check_fields(inner, _INNER_FIELDS, "encrypted")
    if found:
        return {}, found
    content: dict[str, t.Any] = inner["bundle"]
    if len(inner["signature"]) > _MAX_SIGNATURE_CHARACTERS:
        return {}, [Problem("signature", "is longer than any")]
    try:
        sshsig.verify(document.canonical(content), inner["signature"], pinned)
    except InvalidInput as error:
        # Its maker is not the tenant, and could make us show or compute anything.
        return {}, [Problem("signature", error.what)]
    if digest(content) != outer["sha256"]:
        found.append(Problem("sha256", "is not that of the content: the file was altered"))
    for name in _REPEATED_FIELDS:
        if name in content and content[name] != outer[name]:
            found.append(
                Problem(
                    name, f"is {shown(outer[name])} outside, but {shown(content[name])} inside: the file was altered"
                )
            )
    return content, found + bundle.validate(content, replace(terms, taken_up=digest(content) == provider.taken_up))


def _refused(path: str, problems: t.Sequence[Problem]) -> Invalid:
    return Invalid(f"The bundle {path}", problems, _CURE)
