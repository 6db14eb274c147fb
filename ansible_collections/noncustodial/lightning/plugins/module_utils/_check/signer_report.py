# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's signer as it should be, the result of a check, and the meaning of each reason code."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from . import dialling, granting, stages
from .stages import FAIL, WARN


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerTarget:
    """The signer as it should be.

    Attributes:
        endpoint: host:port.
        certificate: PEM, one or several.
        macaroon: the grant.
        node_id: the id of the tenant's node, from the bundle.
        keys: the keys of the bundle's accounts: derivation path with public key, as account_keys.py makes them; empty
            if they are not to be challenged.
        node_version: the version of the provider's lnd, which may not be newer than the signer's; None if that does not
            matter.
        timeout: seconds that one call may take.
        samples: the number of signatures from which the latency is measured.
        wider_passes: whether a grant of more than is needed is only warned of.
    """

    endpoint: str
    certificate: str
    macaroon: bytes
    node_id: str
    keys: t.Mapping[str, str] = field(default_factory=dict)
    node_version: str | None = None
    timeout: float = 10.0
    samples: int = 20
    wider_passes: bool = False


@dataclass
class SignerReport(stages.Report):
    """The result of the check of a signer.

    Attributes:
        clock_skew: bounds in seconds of how far the signer's clock is ahead; None for a bound that was not found.
        latency_p50, latency_p95: milliseconds for one signature.
    """

    clock_skew: tuple[int | None, int | None] | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None


# Every reason, with its meaning for the check and what to do about it.
REASONS: stages.Reasons = {
    **stages.REASONS,
    **dialling.REASONS,
    **granting.REASONS,
    "key_differs": (
        FAIL,
        "The signer has another seed than that of the bundle: do not use it before the tenant has explained that",
    ),
    "key_unsigned": (FAIL, "The signer does not sign with the node's key: see the journal of the signer's lnd"),
    "accounts_differ": (
        FAIL,
        (
            "The accounts of the bundle are not all of the signer's seed: do not use them before the tenant has"
            " explained that"
        ),
    ),
    "accounts_unsigned": (
        FAIL,
        "The signer does not sign with the keys of its accounts: see the journal of the signer's lnd",
    ),
    "accounts_unasked": (
        WARN,
        "Set accounts or keys_file; a node has the file once onboard_tenant has run again with the tenant's bundle",
    ),
    "version_older": (FAIL, "The tenant must upgrade the signer's lnd first; a signer is never older than its node"),
    "version_unknown": (FAIL, "Check which lnd runs there, and node_version"),
    "clock_skewed": (
        WARN,
        "Set the clocks of both machines by NTP; grants with an end and certificates depend on them",
    ),
    "latency_high": (WARN, "Check the way to the signer and its load; every payment waits for several signatures"),
}
