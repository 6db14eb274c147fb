# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host or network that an address counts for, where something is counted by addresses."""

from __future__ import annotations

import ipaddress


def host(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or a network of IPv6, whose addresses cost nothing. Other text
    is returned unchanged.
    """
    return network(address, 32)


def network(address: str, ipv4: int = 24, ipv6: int = 64) -> str:
    """Return the network of an address, of which one attacker may have many addresses. Text that is no address is
    returned unchanged.

    Args:
        ipv4, ipv6: length of the network's prefix for each kind of address.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, ipv4 if parsed.version == 4 else ipv6), strict=False))
