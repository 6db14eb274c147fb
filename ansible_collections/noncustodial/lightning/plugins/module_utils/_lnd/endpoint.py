# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host:port, as lncli and lnd write it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from .errors import InvalidInput

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_MAX_NAME = 253


@dataclass(frozen=True)
class Endpoint:
    """Where something listens.

    Attributes:
        host: a name or an address; no brackets around IPv6.
        port: 1 to 65535.
    """

    host: str
    port: int

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host as an address, or None if it is a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def parse(text: str) -> Endpoint:
    """Split host:port.

    Raises:
        InvalidInput: it has another form.
    """
    found = _FORM.fullmatch(text)
    if not found or not 1 <= int(found["port"]) <= 65535:
        raise InvalidInput("is not host:port with a port from 1 to 65535")
    endpoint = Endpoint(found["six"] or found["host"], int(found["port"]))
    if endpoint.address is None and (found["six"] or not _NAME.fullmatch(endpoint.host) or len(endpoint.host) > _MAX_NAME):
        raise InvalidInput("has a host that is neither a name nor an address")
    return endpoint
