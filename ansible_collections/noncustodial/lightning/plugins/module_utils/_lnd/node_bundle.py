# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bundle of a tenant holds that has its keys in a node of its own: one to which the provider's hub connects, or just a peer of the gateway."""

from __future__ import annotations

import typing as t

from . import bundle, certificate, endpoint, grant, versions
from .errors import InvalidInput

_COMMON: dict[str, type | tuple[type, ...]] = {
    "schema": str,
    "version": int,
    "tenant": str,
    "network": str,
    "recipient": str,
    "kit_fingerprint": str,
    "node_id": str,
    "p2p_address": str,
    "lnd_version": str,
    "expires": str,
}


def _certificate(value: str, _terms: bundle.Terms) -> None:
    """The hub's connection is pinned to one (see channel)."""
    found = certificate.read(value)
    if len(found) != 1:
        raise InvalidInput(f"holds {len(found)} certificates, and a hub takes one: that which the node serves")


def _p2p_address(value: str, _terms: bundle.Terms) -> None:
    endpoint.parse(value)


def _serves_a_hub(value: str, terms: bundle.Terms) -> None:
    """The hub is tried with the lnd that the kit names."""
    versions.check_bare(value)
    if versions.parse(value) < versions.parse(terms.kit["lnd_version"]) and not terms.taken_up:
        raise InvalidInput(
            f"is {value}, older than the {terms.kit['lnd_version']} that the provider's hub needs: the node must be upgraded first"
        )


def _version(value: str, _terms: bundle.Terms) -> None:
    versions.check_bare(value)


EXTERNAL = bundle.Kind(
    schema="noncustodial.lightning/external-bundle",
    fields={**_COMMON, "endpoint": str, "certificate": str, "macaroon": str},
    secrets=("macaroon",),
    checks={
        **bundle.COMMON,
        **bundle.DIALLED,
        "certificate": _certificate,
        "macaroon": bundle.grants(grant.HUB_PERMISSIONS),
        "p2p_address": _p2p_address,
        "lnd_version": _serves_a_hub,
    },
)
ON_PREMISES = bundle.Kind(
    schema="noncustodial.lightning/on-premises-bundle",
    fields=_COMMON,
    secrets=(),
    checks={**bundle.COMMON, "p2p_address": _p2p_address, "lnd_version": _version},
)

KINDS: t.Mapping[str, bundle.Kind] = {"watch_only": bundle.WATCH_ONLY, "external": EXTERNAL, "on_premises": ON_PREMISES}
"""By the shape of the tenant's node."""
