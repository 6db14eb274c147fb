# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints in the form host:port, as lncli and lnd write it, with brackets around an address of IPv6. The one place
where they are written and read.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from .addresses import refusal
from .errors import InvalidInput

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_MAX_NAME_CHARACTERS = 253


@dataclass(frozen=True)
class Endpoint:
    """A host and a port on which something listens.

    Attributes:
        host: a name or an address; no brackets around IPv6.
        port: 1 to 65535.
    """

    host: str
    port: int

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """Return the host as an address, or None if it is a name. One with a zone (%eth0) is neither."""
        try:
            return None if "%" in self.host else ipaddress.ip_address(self.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        return join(self.host, self.port)


def join(host: str, port: int | str) -> str:
    """Return host:port.

    Args:
        host: a name or an address; no brackets around IPv6.
        port: 1 to 65535.
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def canonical(text: str) -> str:
    """Return host:port with an address of IPv6 in its usual form, which is how gRPC finds it in a certificate. Another
    text is returned as it is.
    """
    found = _FORM.fullmatch(text)
    try:
        return join(str(ipaddress.IPv6Address(found["six"])), found["port"]) if found and found["six"] else text
    except ValueError:
        return text


def is_name(text: str) -> bool:
    """Return whether a text is the name of a host. What ends in a number is an address or a slip, and no name."""
    return bool(
        _NAME.fullmatch(text)
        and len(text) <= _MAX_NAME_CHARACTERS
        and not text.rstrip(".").rpartition(".")[2].isdecimal()
    )


def check_host(host: str) -> None:
    """Refuse a text that is neither a name nor an address at which a machine can be dialled.

    Raises:
        InvalidInput: the text states what it is.
    """
    address = Endpoint(host, 1).address
    if address is None and not is_name(host):
        raise InvalidInput("is neither a name nor an address")
    # Loopback is refused of neither family: a test and a tunnel end there.
    flaw = refusal(address) if address is not None and not address.is_loopback else ""
    if flaw:
        raise InvalidInput(flaw)


def parse(text: str) -> Endpoint:
    """Split host:port. An address of IPv6 is returned in its usual form.

    Raises:
        InvalidInput: it has another form, or a host that cannot be dialled.
    """
    found = _FORM.fullmatch(text)
    if not found or not 1 <= int(found["port"]) <= 65535:
        raise InvalidInput("is not host:port with a port from 1 to 65535; an address of IPv6 is in brackets there")
    endpoint = Endpoint(found["six"] or found["host"], int(found["port"]))
    if found["six"] and endpoint.address is None:
        raise InvalidInput("has a host that is neither a name nor an address")
    try:
        check_host(endpoint.host)
    except InvalidInput as error:
        raise InvalidInput(f"has a host that {error.what}") from error
    return endpoint if endpoint.address is None else Endpoint(str(endpoint.address), endpoint.port)
