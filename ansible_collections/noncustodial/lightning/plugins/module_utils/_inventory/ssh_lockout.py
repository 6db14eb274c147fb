# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that the administrator of a machine can still reach it through its firewall."""

from __future__ import annotations

import ipaddress
import typing as t

from .._core import addresses


def ssh_admitted(connection: str, networks: t.Sequence[str], port: int | str = 22) -> bool:
    """Return whether a login like the present one would be let in again.

    Args:
        connection: sshd's SSH_CONNECTION: address and port there, address and port here. No firewall rule concerns
            anything else, or a connection from this machine itself, for example through a tunnel.
        networks: those from which ssh is open. An entry that is no address or network is taken to match.
        port: the port of this machine, on which ssh is open.
    """
    try:
        there, _their_port, _here, our_port = connection.split()
        source = ipaddress.ip_address(there)
    except ValueError:
        return True
    if source.is_loopback:
        return True
    return our_port == str(port) and any(_holds(entry, source) for entry in networks)


def _holds(entry: str, source: addresses.Address) -> bool:
    found = addresses.network(entry)
    return found is None or source in found
