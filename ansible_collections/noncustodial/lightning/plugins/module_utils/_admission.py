# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether who administers a machine would still reach it through its firewall."""

from __future__ import annotations

import ipaddress
import typing as t


def ssh_admitted(connection: str, networks: t.Sequence[str], port: int = 22) -> bool:
    """Whether a login like the present one would be let in again.

    Args:
        connection: what sshd says in SSH_CONNECTION: address and port there, address and port here. Empty if this is no login over ssh.
        networks: from which ssh is open. IPv4, as the firewall is; what is neither an address nor a network of it is not judged, and taken to fit.
        port: of this machine at which it is.
    """
    if not connection.split():
        return True
    there, _their_port, _here, our_port = connection.split()
    if int(our_port) != port:
        return False
    source = ipaddress.ip_address(there)
    return isinstance(source, ipaddress.IPv4Address) and any(_holds(network, source) for network in networks)


def _holds(network: str, source: ipaddress.IPv4Address) -> bool:
    try:
        return source in ipaddress.IPv4Network(network, strict=False)
    except ValueError:
        return True
