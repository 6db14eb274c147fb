# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of addresses of IPv6: how they are written, whether something listens there, and what lnd cannot dial."""

from __future__ import annotations

import ipaddress
import typing as t

from .._core.addresses import network
from .._core.endpoint import check_host
from .._core.errors import InvalidInput
from .node import ELSEWHERE_SHAPES, InventoryNode
from .preflight_names import LISTENING
from .settings import UNKNOWN

# Variables with a name or address that something dials, and where the lists are of the addresses at which it is served.
_DIALLED = {
    "lnd_address": "lnd_p2p_listen",
    "lndhub_address": "lndhub_listen",
    "wall_wallet_address": "wall_wallet_listen",
    "signer_address": "lnd_rpc_listen",
    "handover_address": "lnd_rpc_listen",
    "lnd_bitcoind_address": "",
    "lnd_postgres_address": "",
    "lnd_backup_address": "",
}
VARIABLES = (*_DIALLED, *LISTENING)

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]


def problems(hostvars: HostVars, nodes: t.Mapping[str, InventoryNode]) -> t.Iterator[str]:
    """Report addresses of IPv6 that cannot be used.

    Args:
        hostvars: the variables of every host.
        nodes: all lnd nodes, by host.
    """
    for host, variables in hostvars.items():
        told = {name: variables[name] for name in VARIABLES if variables.get(name, UNKNOWN) is not UNKNOWN}
        for name, value in told.items():
            for one in value if isinstance(value, list) else [value]:
                flaw = _flaw(str(one), name in LISTENING)
                if flaw:
                    yield f"{host}: {name} has {str(one)!r}, which {flaw}."
        its = _by_default(host, variables, nodes) | told
        for name, listen in _DIALLED.items():
            listens = told.get(listen)
            if listens and _is_six(its.get(name)) and not any(_is_six(one) for one in listens):
                yield (
                    f"{host}: {name} is {its[name]}, and {listen} has no address of IPv6. Add '::' to it, which is all"
                    " of them; what listens at 0.0.0.0 is reached by IPv4 only."
                )
    for host, one in nodes.items():
        if one.shape not in (*ELSEWHERE_SHAPES, "signer"):
            yield from _blocks(host, one, hostvars)


def _by_default(host: str, variables: Variables, nodes: t.Mapping[str, InventoryNode]) -> dict[str, object]:
    """Return the addresses at which a host is dialled if its inventory says no other."""
    signer = host in nodes and nodes[host].shape == "signer"
    names = ("lnd_address", "lndhub_address", "wall_wallet_address", *(("signer_address",) if signer else ()))
    return dict.fromkeys(names, variables.get("ansible_host", host))


def _flaw(value: str, listens: bool) -> str:
    """Return what is wrong with a name or address, as the rest of a sentence; of IPv4 and names nothing is."""
    if value.startswith("["):
        return "has brackets: take them out; they are added where a port follows"
    if "%" in value:
        return "has a zone (%): write a global or unique local address, which needs none"
    if ":" not in value or (listens and value == "::"):
        return ""
    if network(value) is None or "/" in value:
        return "is no address: write it without a port"
    try:
        check_host(value)
    except InvalidInput as error:
        return error.what
    return ""


def _is_six(value: object) -> bool:
    try:
        return isinstance(ipaddress.ip_address(str(value)), ipaddress.IPv6Address)
    except ValueError:
        return False


def _blocks(host: str, one: InventoryNode, hostvars: HostVars) -> t.Iterator[str]:
    """Report a bitcoind that lnd cannot hear. Its library for ZMQ (lightninglabs/gozmq, connFromAddr) takes what is
    before the first colon for the host.
    """
    told = hostvars[host].get("lnd_bitcoind_address", UNKNOWN)
    if told is UNKNOWN:
        told = hostvars.get(one.bitcoind_host, {}).get("ansible_host", one.bitcoind_host)
    if _is_six(told):
        yield (
            f"{host}: lnd would subscribe to the blocks of bitcoind at {told}, and lnd takes no address of IPv6 for"
            " that (ZMQ), only a name or an address of IPv4. Set lnd_bitcoind_address to a name that this machine"
            f" resolves to {told}, by DNS or in /etc/hosts."
        )
