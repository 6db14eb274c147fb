# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of names of hosts and addresses of IPv4 by themselves: whether the variable takes such a value at all. Of
IPv6, preflight_addresses knows more.
"""

from __future__ import annotations

import typing as t

from .._core import addresses, endpoint
from .settings import UNKNOWN

# Variables with one name or address that something dials.
_DIALLED = (
    "handover_address",
    "lnd_address",
    "lnd_backup_address",
    "lnd_bitcoind_address",
    "lnd_postgres_address",
    "lndhub_address",
    "signer_address",
    "wall_wallet_address",
)
# Those of them that may be empty, which means "none" or "the default".
_MAY_BE_EMPTY = ("lnd_address", "lnd_backup_address", "lnd_postgres_address")

# Lists of names and addresses: at which something listens, that are in a certificate, and that are let in.
LISTENING = (
    "bitcoind_listen_addresses",
    "lnd_p2p_listen",
    "lnd_rpc_listen",
    "lndhub_listen",
    "postgres_listen_addresses",
    "wall_wallet_listen",
)
_CERTIFIED = ("lnd_tls_names", "lndhub_tls_names", "postgres_tls_names", "wall_wallet_tls_names")
_ADMITTED = ("lndhub_metrics_addresses",)

LISTS = (*LISTENING, *_CERTIFIED, *_ADMITTED)
VARIABLES = (*_DIALLED, *LISTS)

HostVars = t.Mapping[str, t.Mapping[str, t.Any]]


def problems(hostvars: HostVars) -> t.Iterator[str]:
    """Report values that are neither a name nor an address. With them a service would not start, or nobody could dial
    it.
    """
    for host, variables in hostvars.items():
        for name in VARIABLES:
            value = variables.get(name, UNKNOWN)
            if value is UNKNOWN:
                continue
            if name in LISTS and not isinstance(value, (list, tuple)):
                yield f"{host}: {name} must be a list, and {value!r} is none. Write it as [{value}]."
                continue
            for one in value if name in LISTS else [value]:
                text = "" if one is None else str(one)
                if not _is_taken(name, text):
                    kinds = "an address, a network or all" if name in _ADMITTED else "a name or an address"
                    yield f"{host}: {name} is {text!r}, and must be {kinds}{_cure(text)}."


def _is_taken(name: str, text: str) -> bool:
    if name in _ADMITTED:
        return text == "all" or _is_network(text)
    if name in _CERTIFIED:
        return endpoint.is_name(text.removeprefix("*.")) or _is_address(text)
    if not text:
        return name in _MAY_BE_EMPTY
    # What has one of these is an attempt at IPv6, or has a port.
    return (
        not set("[:%").isdisjoint(text)
        or endpoint.is_name(text)
        or _is_address(text)
        or (text == "*" and name == "postgres_listen_addresses")
    )


def _cure(text: str) -> str:
    return ": write it without a scheme, a port and a path" if not set(":/").isdisjoint(text) else ""


def _is_address(text: str) -> bool:
    return addresses.address(text) is not None


def _is_network(text: str) -> bool:
    return addresses.network(text) is not None
