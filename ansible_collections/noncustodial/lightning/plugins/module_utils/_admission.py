# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether who administers a machine would still reach it through its firewall."""

from __future__ import annotations

import ipaddress
import typing as t


def ssh_admitted(connection: str, networks: t.Sequence[str], port: int | str = 22) -> bool:
    """Whether a login like the present one would be let in again.

    Args:
        connection: what sshd says in SSH_CONNECTION: address and port there, address and port here. What is not that, or comes from this machine itself, as
            through a tunnel, no firewall rule concerns.
        networks: from which ssh is open. IPv4, as the firewall is; what is neither an address nor a network of it is not judged, and taken to fit.
        port: of this machine at which it is.
    """
    try:
        there, _their_port, _here, our_port = connection.split()
        source = ipaddress.ip_address(there)
    except ValueError:
        return True
    if source.is_loopback:
        return True
    return our_port == str(port) and isinstance(source, ipaddress.IPv4Address) and any(_holds(network, source) for network in networks)


def _holds(network: str, source: ipaddress.IPv4Address) -> bool:
    try:
        return source in ipaddress.IPv4Network(network, strict=False)
    except ValueError:
        return True
