# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and networks of machines, IPv4 and IPv6, as people write them into inventories, kits and settings."""

from __future__ import annotations

import ipaddress
import re
import typing as t

Address: t.TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Network: t.TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

# A firewall is written with these. Neither has room for a zone (%eth0), for an inverted mask, or for IPv4 in IPv6.
_FORM = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?|[0-9A-Fa-f:]+(/[0-9]{1,3})?")
# Networks of IPv6 from which no machine of the Internet or of a site comes under its own address.
_REFUSALS = {
    "::/128": "is no machine's (::)",
    "::1/128": "is the machine itself (::1)",
    "::ffff:0:0/96": "is one of IPv4, written as IPv6: write it as IPv4",
    "64:ff9b::/32": "is one of IPv4 behind a translator (NAT64): write that of IPv4",
    "2001::/32": "is one of IPv4 behind a tunnel (Teredo)",
    "2002::/16": "is one of IPv4 behind a tunnel (6to4)",
    "fe80::/10": "is link-local: it means another machine on each link",
    "ff00::/8": "is multicast",
}
_TAKEN = tuple(map(ipaddress.IPv6Network, ("2000::/3", "fc00::/7")))


def network(value: object) -> Network | None:
    """Parse an address or network; return None if it has another form. A network may have an address in it, such as
    192.0.2.7/24.
    """
    if not isinstance(value, str) or not _FORM.fullmatch(value):
        return None
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def address(value: object) -> Address | None:
    """Parse an address; return None if it has another form. Python's own parser takes a zone (%eth0), which may be any
    text, with line breaks too, and has it again in the text of the address.
    """
    if not isinstance(value, str) or not _FORM.fullmatch(value):
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def refusal(value: Address | Network) -> str:
    """Return why an address or network of IPv6 is not one of machines of the Internet or of a site, as the rest of a
    sentence; empty if it is, or if it is one of IPv4.
    """
    its = ipaddress.ip_network(value)
    if isinstance(its, ipaddress.IPv4Network):
        return ""
    for refused, text in _REFUSALS.items():
        if its.subnet_of(ipaddress.IPv6Network(refused)):
            return text
    if not any(its.subnet_of(taken) for taken in _TAKEN):
        return "is neither global nor unique local unicast (2000::/3, fc00::/7)"
    return ""
