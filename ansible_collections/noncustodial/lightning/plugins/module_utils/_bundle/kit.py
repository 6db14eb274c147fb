# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit that a provider gives to a tenant: one JSON file without a secret, from which the tenant's bundle is made.

It is public, but it decides who can read the bundle and who may dial the lnd. Whoever can replace it becomes the
provider. So it has a fingerprint, which both compare over another channel, and which the tenant signs with its bundle.
"""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t

from .._core import addresses, document, endpoint, versions
from .._core.errors import InvalidInput, Refused
from .._core.files import read_file
from .._core.networks import NETWORKS
from .._core.problems import Invalid, Problem, check_fields, shown
from . import tunnel

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
_CURE = "Nothing was changed. Ask the provider for a new kit"
# A kit of eight addresses and the longest name has less than 1 kB.
_MAX_BYTES = 1 << 14
TENANT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
MOST_ADDRESSES = 8
"""The number of addresses that a person can check before a firewall opens to them."""
WIDEST_PREFIX_LENGTH = 16
"""Prefix length of the widest network of IPv4 that any kit may have."""
WIDEST_PREFIX_LENGTH_IPV6 = 48
"""The same of IPv6: what a site has."""
DEFAULT_WIDEST_PREFIX_LENGTH = 24
"""Prefix length of the widest network of IPv4 that a tenant accepts without having set another."""

# The fields that the fingerprint covers: all except the minimum version of lnd, so that an upgrade does not change it.
# Altering that version opens nothing.
_FINGERPRINTED_FIELDS = ("schema", "version", "tenant", "network", "provider_addresses", "age_recipient")
NO_TUNNEL_CURE = "ask your provider for a kit without a tunnel"
"""The rest of the cure where no tunnel can be set up."""
_FINGERPRINT_BYTES, _GROUP_LETTERS = 20, 4


def read(path: str) -> dict[str, t.Any]:
    """Read the kit in a file.

    Raises:
        InvalidInput: it cannot be read, or is not a kit.
    """
    return parse(read_file(path, "the kit", _MAX_BYTES).decode(errors="replace"), path)


def parse(text: str, path: str) -> dict[str, t.Any]:
    """Parse the kit in a text that was read from that file.

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
    """Return the fingerprint that provider and tenant compare: 32 letters and digits (RFC 4648, base32: no 0, 1, 8 or
    9) in eight groups.

    They are the first 160 bits of a SHA-256. Another kit with the fingerprint of a given one takes 2^160 attempts. An
    attacker who can choose something in both, such as the tenant's name in the genuine one, needs 2^80: more than a
    million years on a graphics card that makes 2^34 attempts a second. With 128 bits that would be 2^64: some thirty
    years on one card, a week on many. Attempts can be made long before, because everything in a kit can be guessed, so
    a quick comparison does not limit them.
    """
    content = {name: kit[name] for name in (*_FINGERPRINTED_FIELDS, tunnel.FIELD) if name in kit}
    text = base64.b32encode(hashlib.sha256(document.canonical(content)).digest()[:_FINGERPRINT_BYTES]).decode()
    return "-".join(text[start : start + _GROUP_LETTERS] for start in range(0, len(text), _GROUP_LETTERS))


def is_fingerprint(text: str, kit: t.Mapping[str, t.Any]) -> bool:
    """Return whether a text is the fingerprint of a kit, however its groups are written."""
    return "".join(text.upper().replace("-", " ").split()) == fingerprint(kit).replace("-", "")


def validate(kit: object) -> list[Problem]:
    """Return the problems of a kit; none if it can be used."""
    found = check_fields(kit, {**_FIELDS, **({tunnel.FIELD: dict} if has_tunnel(kit) else {})})
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
    if has_tunnel(kit):
        found += tunnel.problems(kit[tunnel.FIELD], kit["provider_addresses"])
    return found + [Problem(path, text) for path, text in _address_faults(kit["provider_addresses"])]


def has_tunnel(kit: object) -> bool:
    """Return whether a kit is for a signer that is dialled through a tunnel."""
    return isinstance(kit, dict) and tunnel.FIELD in kit


def check_no_tunnel(kit: t.Mapping[str, t.Any], what: str, cure: str) -> None:
    """Refuse a valid kit for a signer behind a tunnel, where no tunnel can be set up.

    Args:
        what: that which cannot use it, as the beginning of a sentence.

    Raises:
        Refused: the text has the reason.
    """
    if has_tunnel(kit):
        raise Refused(
            f"The kit is for a signer behind a tunnel, which dials {kit[tunnel.FIELD]['endpoint']} by WireGuard, and"
            f" {what} sets up no tunnel. Nothing was changed",
            cure,
        )


def _address_faults(entries: list[t.Any]) -> t.Iterator[tuple[str, str]]:
    if not entries:
        yield "provider_addresses", "is empty: nobody could dial the signer"
    if len(entries) > MOST_ADDRESSES:
        yield "provider_addresses", f"has {len(entries)} entries, more than {MOST_ADDRESSES}"
    for index, entry in enumerate(entries[:MOST_ADDRESSES]):
        fault = _fault(entry)
        if fault:
            yield f"provider_addresses[{index}]", f"{fault}: {shown(entry)}"


def _fault(entry: object) -> str:
    found = addresses.network(entry)
    if found is None or found.prefixlen < widest_prefix_length(WIDEST_PREFIX_LENGTH, found.version):
        return (
            f"is neither an address nor a network of /{WIDEST_PREFIX_LENGTH}, of IPv6 /{WIDEST_PREFIX_LENGTH_IPV6}, or"
            " narrower"
        )
    return addresses.refusal(found)


def network(value: object) -> addresses.Network | None:
    """Parse an entry of provider_addresses; return None if it is not allowed there."""
    return None if _fault(value) else addresses.network(value)


def widest_prefix_length(prefix: int, version: int) -> int:
    """Return the bound of a tenant for networks of IPv4 or IPv6. Each bit less of a network of IPv4 is eight of one of
    IPv6: /32 and /128 are one address, /24 and /64 one network of machines.

    Args:
        prefix: prefix length of the widest network of IPv4.
        version: 4 or 6.
    """
    return prefix if version == 4 else max(128 - 8 * (32 - prefix), WIDEST_PREFIX_LENGTH_IPV6)


def wider(kit: t.Mapping[str, t.Any], prefix: int) -> list[str]:
    """Return the addresses of a valid kit that are networks wider than a prefix length, of IPv6 than what stands for
    it.
    """
    found = {entry: t.cast("addresses.Network", network(entry)) for entry in kit["provider_addresses"]}
    return [entry for entry, its in found.items() if its.prefixlen < widest_prefix_length(prefix, its.version)]


def check_network(kit: t.Mapping[str, t.Any], network: str, cure: str) -> None:
    """Refuse a valid kit that is for another network than the lnd's.

    Raises:
        Refused: the text has both networks.
    """
    if kit["network"] != network:
        raise Refused(f"The kit is for {kit['network']}, and this lnd is on {network}. Nothing was changed", cure)


def check_address(content: t.Mapping[str, t.Any], host: str, cure: str) -> None:
    """Refuse an address that no address of a valid kit can dial, because all are of the other kind, or because the kit
    has another for the signer's end of its tunnel. A name is not looked up.

    Raises:
        Refused: the text has the address and those of the kit.
    """
    address = endpoint.Endpoint(host, 1).address
    if has_tunnel(content) and host and str(address) != content[tunnel.FIELD]["signer_address"]:
        raise Refused(
            f"The provider dials {content[tunnel.FIELD]['signer_address']}, the signer's end of the tunnel, and not"
            f" {host}. Nothing was changed",
            cure,
        )
    kinds = {t.cast("addresses.Network", network(entry)).version for entry in content["provider_addresses"]}
    if address is not None and address.version not in kinds:
        raise Refused(
            f"The provider dials from {', '.join(content['provider_addresses'])}, and {address} is"
            f" IPv{address.version}, which is not reached from there. Nothing was changed",
            cure,
        )


def check_lnd_version(kit: t.Mapping[str, t.Any], lnd_version: str, cure: str) -> None:
    """Refuse a valid kit that is for a newer lnd: a signer must not be older than its node.

    Raises:
        Refused: the text has both versions.
        InvalidInput: lnd_version is not a version of lnd's.
    """
    try:
        older = is_older(kit, lnd_version)
    except InvalidInput as error:
        raise InvalidInput(f"The version of lnd, {shown(lnd_version)}, {error.what}", "Correct it") from error
    if older:
        raise Refused(
            f"The kit is for lnd {kit['lnd_version']}, and this lnd is {lnd_version}, which is older. Nothing was"
            " changed",
            cure,
        )


def is_older(kit: t.Mapping[str, t.Any], lnd_version: str) -> bool:
    """Return whether an lnd is older than a valid kit asks for. A release candidate is older than its release.

    Raises:
        InvalidInput: lnd_version is not a version of lnd's.
    """
    return versions.older(lnd_version, kit["lnd_version"])
