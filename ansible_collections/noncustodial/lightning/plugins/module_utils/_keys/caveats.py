# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The caveats of a grant: the address from which it may be used, and its end."""

from __future__ import annotations

import contextlib
import datetime
import re
import typing as t

from .._core import addresses, document
from .._core.errors import InvalidInput

# The caveats that lnd v0.21.3 checks (lnd: macaroons/constraints.go); with any other caveat a macaroon is useless.
_ADDRESS, _NETWORK, _END, _CUSTOM = "ipaddr ", "iprange ", "time-before ", "lnd-custom "
_ALL = (_END, _ADDRESS, _NETWORK, _CUSTOM)
# RFC 3339, of which ISO 8601 has further forms.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)

NOTICE = datetime.timedelta(days=14)
"""How long before its end a grant is reported to end soon."""


def check(caveat: str) -> None:
    """Refuse a caveat that lnd does not know, or whose value it does not read: the macaroon would be useless.

    Raises:
        InvalidInput: the text has the caveat.
    """
    if not caveat.startswith(_ALL):
        raise InvalidInput(
            f"lnd knows no caveat such as {caveat!r}", f"Begin it with one of: {', '.join(map(str.strip, _ALL))}"
        )
    kind, _space, value = caveat.partition(" ")
    readers: dict[str, tuple[t.Callable[[str], object], str]] = {
        _ADDRESS.strip(): (_read_address, "an address such as 192.0.2.7"),
        _NETWORK.strip(): (_read_network, "a network such as 192.0.2.0/24"),
        _END.strip(): (_read_end, "a time such as 2027-01-01T00:00:00Z"),
    }
    if kind not in readers:
        return
    read, example = readers[kind]
    try:
        read(value)
    except ValueError as error:
        raise InvalidInput(f"The caveat {caveat!r} has not {example}", "Correct it") from error


def bound_to(entries: t.Sequence[str], widest: t.Mapping[int, int]) -> tuple[str, ...]:
    """Return the caveat that binds a grant to addresses; none if there are no addresses.

    All caveats of a macaroon must hold, so that several addresses need one network that has them all.

    Args:
        entries: addresses and networks.
        widest: prefix length of the widest network that is accepted, for IPv4 (4) and IPv6 (6).

    Raises:
        InvalidInput: an entry is neither, or only a wider network has them all, or none has.
    """
    found = [_network(entry) for entry in entries]
    if not found:
        return ()
    kinds = {one.version for one in found}
    if len(kinds) > 1:
        raise InvalidInput(
            f"A grant cannot be bound to addresses of both IPv4 and IPv6: {', '.join(entries)}",
            "Name only those from which the provider's node dials this lnd, or none, to leave the grant unbound",
        )
    common = found[0]
    while not all(_inside(one, common) for one in found):
        common = common.supernet()
    if common.prefixlen < min(widest[common.version], *(one.prefixlen for one in found)):
        raise InvalidInput(
            f"Only {common} has all of {', '.join(entries)}, and a grant can be bound to one network, here of at most"
            f" /{widest[common.version]}",
            "Name only those from which the provider's node dials this lnd, or none, to leave the grant unbound",
        )
    one_address = common.prefixlen == common.max_prefixlen
    return (f"{_ADDRESS}{common.network_address}" if one_address else f"{_NETWORK}{common}",)


def ending(moment: datetime.datetime) -> str:
    """Return the caveat that ends a grant at a point in time."""
    return f"{_END}{document.date_text(moment)}"


def end(caveats: t.Iterable[str]) -> datetime.datetime | None:
    """Return the time at which a grant ends; None if it does not. An end that cannot be read is lnd's to refuse."""
    ends = []
    for caveat in caveats:
        if caveat.startswith(_END):
            with contextlib.suppress(ValueError):
                ends.append(_read_end(caveat.removeprefix(_END)))
    return min(ends, default=None)


def _network(entry: str) -> addresses.Network:
    found = addresses.network(entry)
    if found is None:
        raise InvalidInput(f"{entry!r} is neither an address nor a network", "Correct it")
    return found


def _inside(one: addresses.Network, other: addresses.Network) -> bool:
    return other.prefixlen <= one.prefixlen and one.network_address in other


# A zone (%eth0) and a mask in place of a length are not read by lnd.
def _read_address(value: str) -> None:
    if "/" in value or addresses.network(value) is None:
        raise ValueError(value)


def _read_network(value: str) -> None:
    if "/" not in value or addresses.network(value) is None:
        raise ValueError(value)


def _read_end(value: str) -> datetime.datetime:
    if not _MOMENT.fullmatch(value):
        raise ValueError(value)
    return datetime.datetime.fromisoformat(value)
