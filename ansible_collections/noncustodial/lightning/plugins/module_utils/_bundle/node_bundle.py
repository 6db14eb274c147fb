# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle of a tenant that keeps its keys in a node of its own. The provider's hub connects to that node, or it is
only a peer of the gateway.
"""

from __future__ import annotations

import typing as t

from .._core import endpoint, versions
from .._core.errors import InvalidInput
from .._keys import certificate, grant
from . import bundle, kit

_COMMON_FIELDS: dict[str, type | tuple[type, ...]] = {
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
    """Check that there is exactly one certificate, to which the hub's connection is pinned (see _grpc/tls.py)."""
    found = certificate.read(value)
    if len(found) != 1:
        raise InvalidInput(f"holds {len(found)} certificates, and a hub takes one: that which the node serves")


def _p2p_address(value: str, _terms: bundle.Terms) -> None:
    endpoint.parse(value)


def _serves_a_hub(value: str, terms: bundle.Terms) -> None:
    """Check that the node's lnd can serve the provider's hub, which is tested with the lnd in the kit."""
    versions.check_bare(value)
    if kit.is_older(terms.kit, value) and not terms.taken_up:
        raise InvalidInput(
            f"is {value}, older than the {terms.kit['lnd_version']} that the provider's hub needs: the node must be"
            " upgraded first"
        )


def _version(value: str, _terms: bundle.Terms) -> None:
    versions.check_bare(value)


EXTERNAL = bundle.Kind(
    schema="noncustodial.lightning/external-bundle",
    fields={**_COMMON_FIELDS, "endpoint": str, "certificate": str, "macaroon": str},
    secrets=("macaroon",),
    checks={
        **bundle.COMMON_CHECKS,
        **bundle.ENDPOINT_CHECKS,
        "certificate": _certificate,
        "macaroon": bundle.grants(grant.HUB_PERMISSIONS),
        "p2p_address": _p2p_address,
        "lnd_version": _serves_a_hub,
    },
)
ON_PREMISES = bundle.Kind(
    schema="noncustodial.lightning/on-premises-bundle",
    fields=_COMMON_FIELDS,
    secrets=(),
    checks={**bundle.COMMON_CHECKS, "p2p_address": _p2p_address, "lnd_version": _version},
)

KINDS: t.Mapping[str, bundle.Kind] = {"watch_only": bundle.WATCH_ONLY, "external": EXTERNAL, "on_premises": ON_PREMISES}
"""The kind of bundle for each shape of the tenant's node."""
