# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit, which a provider gives to a tenant: one JSON file without a secret, from which the tenant's bundle is made."""

from __future__ import annotations

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
TENANT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
# The signer's firewall is written with these: IPv4 alone, and no network that opens the signer to half the world. The role signer has the same rule.
ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}(/(1[6-9]|2[0-9]|3[0-2]))?")


def read(path: str) -> dict[str, t.Any]:
    """The kit of that file.

    Raises:
        InvalidInput: it cannot be read, or is not a kit.
    """
    try:
        kit = document.read(read_file(path, "the kit"))
    except document.NotJson as error:
        raise Invalid(f"The kit {path}", [Problem("", error.what)], _CURE) from error
    problems = validate(kit)
    if problems:
        raise Invalid(f"The kit {path}", problems, _CURE)
    return t.cast("dict[str, t.Any]", kit)


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
        versions.parse(kit["lnd_version"])
    except InvalidInput as error:
        found.append(Problem("lnd_version", error.what))
    if not kit["provider_addresses"]:
        found.append(Problem("provider_addresses", "is empty: nobody could dial the signer"))
    for index, address in enumerate(kit["provider_addresses"]):
        if not _is_address(address):
            text = f"is neither an IPv4 address nor an IPv4 network of /16 or narrower: {shown(address)}"
            found.append(Problem(f"provider_addresses[{index}]", text))
    return found


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ADDRESS.fullmatch(value)) and bool(ipaddress.IPv4Network(value, strict=False))
    except ValueError:
        return False
