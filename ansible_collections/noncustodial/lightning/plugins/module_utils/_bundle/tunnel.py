# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tunnel of a signer without an inbound port, as a kit has it. The tenant's machine dials the provider's by
WireGuard, and the provider's node dials the signer through that.

A kit may have the field `tunnel`, and only with it a bundle has the field `tunnel_public_key`. Releases before it
refuse such a kit, because they know no such field, and read every other kit as before.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .._core import addresses, endpoint
from .._core.errors import InvalidInput
from .._core.problems import Problem, check_fields, joined, shown
from .._keys import wireguard

FIELD, KEY_FIELD = "tunnel", "tunnel_public_key"
"""The field of a kit, and that of a bundle."""

FIELDS: dict[str, type | tuple[type, ...]] = {
    "endpoint": str,
    "public_key": str,
    "provider_address": str,
    "signer_address": str,
}
# Locally assigned addresses (RFC 4193): nobody's in the Internet, so that no kit takes the way to a machine there.
_RANGE = ipaddress.IPv6Network("fd00::/8")


def problems(value: t.Mapping[str, t.Any], provider_addresses: t.Sequence[t.Any]) -> list[Problem]:
    """Return the problems of a kit's tunnel; none if it can be used.

    Args:
        value: the field `tunnel`.
        provider_addresses: the addresses that the kit lets in.
    """
    found = check_fields(value, FIELDS, FIELD)
    if found:
        return found
    for name, check in _CHECKS.items():
        try:
            check(value[name])
        except InvalidInput as error:
            found.append(Problem(joined(FIELD, name), f"{error.what}: {shown(value[name])}"))
    if value["provider_address"] == value["signer_address"]:
        found.append(Problem(joined(FIELD, "signer_address"), "is that of the provider's end"))
    if list(provider_addresses) != [value["provider_address"]]:
        found.append(
            Problem("provider_addresses", "must be the address of the provider's end of the tunnel, and no other")
        )
    return found


def _address(text: str) -> None:
    address = addresses.address(text)
    # What is written into the files of wg-quick and of the firewall, which root executes.
    if address is None or str(address) != text or address not in _RANGE:
        raise InvalidInput(f"is not an address of {_RANGE} in its usual form")


def check_endpoint(text: str) -> None:
    """Refuse an endpoint that is not another machine's address: a firewall opens to no name, and whoever answers for a
    name could move it.

    Raises:
        InvalidInput: the rest of a sentence.
    """
    parsed = endpoint.parse(text)
    address = parsed.address
    if address is None:
        raise InvalidInput("has a name; the tunnel is dialled by an address, to which only the signer's firewall opens")
    if address.is_loopback or address.is_unspecified or address.is_multicast or addresses.refusal(address):
        raise InvalidInput("has an address that is no other machine's")
    # nft reads a port with a leading zero as octal.
    if str(parsed) != text:
        raise InvalidInput(f"is not written in the usual form, {parsed}")


_CHECKS: dict[str, t.Callable[[str], None]] = {
    "endpoint": check_endpoint,
    "public_key": wireguard.check_public_key,
    "provider_address": _address,
    "signer_address": _address,
}
