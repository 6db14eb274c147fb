# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit, which a provider gives to a tenant: one JSON file without a secret, from which the tenant's bundle is made.

It is as public as it is decisive: who reads the bundle, and who may dial the lnd. Whoever can put another in its place becomes the provider. So it has a
fingerprint, which both compare by another way, and which the tenant signs with its bundle.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import typing as t

from . import document, versions
from .argspec import NETWORKS
from .errors import InvalidInput
from .files import read_file
from .problems import Invalid, Problem, check_fields, shown

SCHEMA, VERSION = "noncustodial.lightning/kit", 1

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema": str,
    "version": int,
    "tenant": str,
    "network": str,
    "lnd_version": str,
    "provider_addresses": list,
    "age_recipient": str,
}
_CURE = "Ask the provider for a new kit"
# A kit of eight addresses and the longest name has less than 1 kB.
_MAX_BYTES = 1 << 14
TENANT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
# The signer's firewall is written with these, and they are shown before: IPv4 alone.
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?")
MOST_ADDRESSES = 8
"""As many as a person looks at before a firewall opens to them."""
WIDEST = 16
"""Prefix length of the widest network that any kit may have."""
WIDEST_BY_DEFAULT = 24
"""And of the widest that a tenant takes without having said so."""

# What the fingerprint is of: all but the lnd that the signer must have at least, so that an upgrade does not change it. Whoever alters that opens nothing.
_FINGERPRINTED = ("schema", "version", "tenant", "network", "provider_addresses", "age_recipient")
_FINGERPRINT_BYTES, _GROUP = 20, 4


def read(path: str) -> dict[str, t.Any]:
    """The kit of that file.

    Raises:
        InvalidInput: it cannot be read, or is not a kit.
    """
    return parse(read_file(path, "the kit", _MAX_BYTES).decode(errors="replace"), path)


def parse(text: str, path: str) -> dict[str, t.Any]:
    """The kit of a text that was read from that file.

    Raises:
        InvalidInput: it is not a kit.
    """
    if len(text) > _MAX_BYTES:
        raise Invalid(f"The kit {path}", [Problem("", f"has more than {_MAX_BYTES} bytes")], _CURE)
    try:
        kit = document.read(text)
    except document.NotJson as error:
        raise Invalid(f"The kit {path}", [Problem("", error.what)], _CURE) from error
    problems = validate(kit)
    if problems:
        raise Invalid(f"The kit {path}", problems, _CURE)
    return t.cast("dict[str, t.Any]", kit)


def fingerprint(kit: t.Mapping[str, t.Any]) -> str:
    """What provider and tenant compare of a valid kit: 32 letters and digits (RFC 4648, base32: no 0, 1, 8 or 9) in eight groups.

    They are the first 160 bits of a SHA-256. Another kit with the fingerprint of a given one takes 2^160 attempts. An attacker who can choose something in
    both, such as the tenant's name in the right one, needs 2^80: more than a million years of a graphics card of 2^34 attempts a second. With 128 bits that
    would be 2^64, some thirty years of one, which many of them make in a week. Attempts can be made long before, because all that is in a kit can be
    guessed, so that a quick comparison bounds nothing.
    """
    content = {name: kit[name] for name in _FINGERPRINTED}
    text = base64.b32encode(hashlib.sha256(document.canonical(content)).digest()[:_FINGERPRINT_BYTES]).decode()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def is_fingerprint(text: str, kit: t.Mapping[str, t.Any]) -> bool:
    """Whether a text is the fingerprint of a kit, however its groups are written."""
    return "".join(text.upper().replace("-", " ").split()) == fingerprint(kit).replace("-", "")


def validate(kit: object) -> list[Problem]:
    """What is wrong with a kit; nothing if it can be used."""
    found = check_fields(kit, _FIELDS)
    if found or not isinstance(kit, dict):
        return found
    if (kit["schema"], kit["version"]) != (SCHEMA, VERSION):
        return [Problem("schema", f"is not {SCHEMA} version {VERSION}")]
    if not TENANT.fullmatch(kit["tenant"]):
        found.append(Problem("tenant", "is not a name of small letters, digits and hyphens"))
    if kit["network"] not in NETWORKS:
        found.append(Problem("network", f"is not one of {', '.join(NETWORKS)}"))
    if not _RECIPIENT.fullmatch(kit["age_recipient"]):
        found.append(Problem("age_recipient", "is not a public key of age (age1…)"))
    try:
        versions.check_bare(kit["lnd_version"])
    except InvalidInput as error:
        found.append(Problem("lnd_version", error.what))
    return found + [Problem(path, text) for path, text in _address_faults(kit["provider_addresses"])]


def _address_faults(addresses: list[t.Any]) -> t.Iterator[tuple[str, str]]:
    if not addresses:
        yield "provider_addresses", "is empty: nobody could dial the signer"
    if len(addresses) > MOST_ADDRESSES:
        yield "provider_addresses", f"has {len(addresses)} entries, more than {MOST_ADDRESSES}"
    for index, address in enumerate(addresses[:MOST_ADDRESSES]):
        if network(address) is None:
            yield (
                f"provider_addresses[{index}]",
                f"is neither an IPv4 address nor an IPv4 network of /{WIDEST} or narrower: {shown(address)}",
            )


def network(value: object) -> ipaddress.IPv4Network | None:
    """The network of an entry of provider_addresses; None if it may not be one."""
    try:
        found = ipaddress.IPv4Network(value, strict=False) if isinstance(value, str) and _ADDRESS.fullmatch(value) else None
    except ValueError:
        return None
    return found if found is not None and found.prefixlen >= WIDEST else None


def wider(kit: t.Mapping[str, t.Any], prefix: int) -> list[str]:
    """The addresses of a valid kit that are networks wider than that."""
    return [address for address in kit["provider_addresses"] if t.cast("ipaddress.IPv4Network", network(address)).prefixlen < prefix]
