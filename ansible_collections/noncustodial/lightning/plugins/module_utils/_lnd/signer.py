# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's signer as it should be, what a check of it found, and what each finding means."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from . import grant
from .errors import LndError
from .stages import FAIL, OK, SKIPPED, WARN, Stage, failed


@dataclass(frozen=True)
class Target:
    """The signer as it should be.

    Attributes:
        endpoint: host:port.
        certificate: PEM, one or several.
        macaroon: the grant.
        node_id: of the tenant's node, from the bundle.
        keys: of the bundle's accounts: derivation path with public key, as account_keys.py makes them; empty if they are not to be asked for.
        node_version: of the provider's lnd, which may not be newer than the signer's; None if that does not matter.
        timeout: seconds that one call may take.
        samples: how many signatures the latency is taken from.
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
class Report:
    """What the whole check found.

    Attributes:
        stages: in their order.
        version: of the signer's lnd.
        clock_skew: seconds by which the signer's clock is ahead, between these two; None where that end was not found.
        latency_p50, latency_p95: milliseconds for one signature.
    """

    stages: list[Stage]
    version: str | None = None
    clock_skew: tuple[int | None, int | None] | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None

    @property
    def failed(self) -> Stage | None:
        """The stage that failed, if one did."""
        return failed(self.stages)


class SignerFailed(LndError):
    """The signer is not as it should be."""

    def __init__(self, dialled: str, report: Report) -> None:
        stage = t.cast("Stage", report.failed)
        super().__init__(f"The signer at {dialled} fails at {stage.name} ({stage.reason}): {stage.seen}", stage.cure)
        self.reason = stage.reason
        self.stages = [asdict(stage) for stage in report.stages]


_RENEW = "the tenant must hand over a new bundle"

# Every reason, with what it means for the check and what to do about it.
REASONS: dict[str, tuple[str, str]] = {
    "ok": (OK, ""),
    "skipped": (SKIPPED, ""),
    "name_not_resolved": (FAIL, "Check the name in the endpoint, and the DNS of this machine"),
    "refused": (FAIL, "The machine is there but nothing listens: the tenant must start the signer's lnd, or correct its port (rpclisten)"),
    "unreachable": (
        FAIL,
        "The signer's machine is off, or a firewall on the way drops this machine's packets: the tenant must allow the kit's addresses",
    ),
    "not_tls": (FAIL, "Something else than lnd answers there, or a proxy is in between: check the endpoint's port"),
    "certificate_differs": (
        FAIL,
        f"Something else answers there, or the signer has made a new certificate: never pin what is served, {_RENEW}",
    ),
    "certificate_name": (
        FAIL,
        f"The tenant must set the name (lnd_tls_names), stop the signer, remove its tls.cert and tls.key, and run signer.yml; then {_RENEW}",
    ),
    "certificate_expired": (
        FAIL,
        f"Check the clock of this machine; if it is right, the tenant must renew the signer's certificate, and {_RENEW}",
    ),
    "certificate_ends_soon": (WARN, f"The tenant should renew the signer's certificate; then {_RENEW}"),
    "wallet_missing": (FAIL, "The signer has no wallet: the tenant must run its playbook again, with its seed if there was one"),
    "wallet_locked": (FAIL, "The tenant must unlock the signer's wallet, and see why it is not unlocked at start"),
    "wallet_starting": (FAIL, "The signer is starting; check again in a few seconds"),
    "macaroon_malformed": (FAIL, f"The file is damaged: inject the bundle again, or {_RENEW}"),
    "macaroon_refused": (FAIL, f"The tenant has revoked the grant, or it is of another signer: {_RENEW}"),
    "caveat_unmet": (
        FAIL,
        f"The grant has ended, is for another address, or its guard does not run on the signer: ask the tenant, or {_RENEW}",
    ),
    grant.TOO_WIDE: (
        FAIL,
        f"The tenant should grant no more than is needed: bake another one under a new root key, delete the old key, and {_RENEW}",
    ),
    grant.TOO_NARROW: (FAIL, f"The tenant must bake the grant anew, and {_RENEW}"),
    grant.ROOT_KEY_ZERO: (FAIL, f"The tenant must bake the grant under another root key id, and {_RENEW}"),
    "grant_not_enforced": (
        FAIL,
        "The signer does what the grant forbids, for whoever reaches it: the tenant must start it without no-macaroons, at once",
    ),
    "key_differs": (FAIL, "The signer holds another seed than the bundle says: do not use it before the tenant has explained that"),
    "key_unsigned": (FAIL, "The signer does not sign with the node's key: see the journal of the signer's lnd"),
    "accounts_differ": (
        FAIL,
        "The accounts of the bundle are not all of the signer's seed: do not use them before the tenant has explained that",
    ),
    "accounts_unsigned": (FAIL, "The signer does not sign with the keys of its accounts: see the journal of the signer's lnd"),
    "accounts_unasked": (
        WARN,
        "Give accounts or keys_file; a node has the file once onboard_tenant has run again with the tenant's bundle",
    ),
    "version_older": (FAIL, "The tenant must upgrade the signer's lnd first; a signer is never older than its node"),
    "version_unknown": (FAIL, "Check which lnd runs there, and node_version"),
    "clock_skewed": (WARN, "Set the clocks of both machines by NTP; grants with an end and certificates depend on them"),
    "latency_high": (WARN, "Check the way to the signer and its load; every payment waits for several signatures"),
    "call_failed": (FAIL, "See the journal of the signer's lnd, and the network on the way"),
}
