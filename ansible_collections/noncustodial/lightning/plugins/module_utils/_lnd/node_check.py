# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a tenant's whole node is what its bundle says, and grants the provider's hub just what that calls. Changes nothing on it."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import asdict, dataclass, field

from . import grant, messages, stages, versions
from .client import Client
from .dialling import Dialling
from .errors import LndError
from .granting import Granting
from .stages import FAIL, OK, SKIPPED, WARN, Found, Stage

# What the hub must not be able to do, each in a form that lnd would refuse for its content too: to no address, and for no permission.
_FORBIDDEN = ("lnrpc.Lightning/SendCoins", "lnrpc.Lightning/BakeMacaroon")


@dataclass(frozen=True)
class Target:
    """The node as it should be.

    Attributes:
        endpoint: host:port of its gRPC listener.
        certificate: PEM.
        macaroon: what the tenant has baked for the hub.
        node_id: from the bundle.
        network: which the node must be on.
        timeout: seconds that one call may take.
    """

    endpoint: str
    certificate: str
    macaroon: bytes
    node_id: str
    network: str
    timeout: float = 10.0


@dataclass
class Report:
    """What the whole check found.

    Attributes:
        stages: in their order.
        version: of the node's lnd.
    """

    stages: list[Stage] = field(default_factory=list)
    version: str | None = None


class NodeFailed(LndError):
    """The node is not as it should be."""

    def __init__(self, dialled: str, stage: Stage, report: Report) -> None:
        super().__init__(f"The tenant's node at {dialled} fails at {stage.name} ({stage.reason}): {stage.seen}", stage.cure)
        self.reason = stage.reason
        self.stages = [asdict(one) for one in report.stages]


_RENEW = "the tenant must hand over a new bundle"

# Every reason, with what it means for the check and what to do about it. Those that the signer check has too mean the same there.
REASONS: dict[str, tuple[str, str]] = {
    "ok": (OK, ""),
    "skipped": (SKIPPED, ""),
    "name_not_resolved": (FAIL, "Check the name in the endpoint, and the DNS of this machine"),
    "refused": (FAIL, "The machine is there but nothing listens: the tenant must start its lnd, or correct its port (rpclisten)"),
    "unreachable": (
        FAIL,
        "The tenant's machine is off, or a firewall on the way drops this machine's packets: the tenant must allow the kit's addresses",
    ),
    "not_tls": (FAIL, "Something else than lnd answers there, or a proxy is in between: check the endpoint's port"),
    "certificate_differs": (FAIL, f"Something else answers there, or lnd has made a new certificate: never pin what is served, {_RENEW}"),
    "certificate_name": (
        FAIL,
        f"The tenant must set the name (lnd_tls_names), stop its lnd, remove its tls.cert and tls.key, and start it again; then {_RENEW}",
    ),
    "certificate_expired": (
        FAIL,
        f"Check the clock of this machine; if it is right, the tenant must renew its lnd's certificate, and {_RENEW}",
    ),
    "certificate_ends_soon": (WARN, f"The tenant should renew its lnd's certificate; then {_RENEW}"),
    "wallet_missing": (FAIL, "The node has no wallet: the tenant must make or restore it"),
    "wallet_locked": (FAIL, "The tenant must unlock the node's wallet, and see why it is not unlocked at start"),
    "wallet_starting": (FAIL, "The node is starting; check again in a few seconds"),
    "macaroon_malformed": (FAIL, f"The file is damaged: onboard the tenant again, or {_RENEW}"),
    "macaroon_refused": (FAIL, f"The tenant has revoked the macaroon, or it is of another node: {_RENEW}"),
    "caveat_unmet": (FAIL, f"The macaroon has ended, or is for another address: ask the tenant, or {_RENEW}"),
    grant.TOO_WIDE: (
        FAIL,
        f"The tenant should grant no more than the hub calls: bake another one under a new root key, delete the old key, and {_RENEW}",
    ),
    grant.TOO_NARROW: (FAIL, f"The tenant must bake the macaroon anew, and {_RENEW}"),
    grant.ROOT_KEY_ZERO: (FAIL, f"The tenant must bake the macaroon under another root key id, and {_RENEW}"),
    "grant_not_enforced": (
        FAIL,
        "The node does what the macaroon forbids, for whoever reaches it: the tenant must start it without no-macaroons, at once",
    ),
    "node_differs": (FAIL, f"Another node than the bundle's answers there; if that is meant, {_RENEW}, under another tenant's name"),
    "network_differs": (FAIL, f"The node is on another network than the kit says: {_RENEW}, of a node on that network"),
    "not_synced": (FAIL, "The node has not caught up with its chain: wait, or have the tenant look at its bitcoind"),
    "call_failed": (FAIL, "See the journal of the node's lnd, and the network on the way"),
}


class _Check:
    """One run. Each method is a stage; it may rely on what the stages before it have left."""

    def __init__(self, target: Target, connections: contextlib.ExitStack) -> None:
        self.report = Report()
        self._target = target
        self._there = Dialling(target.endpoint, target.certificate, target.timeout, connections)
        self._granting = Granting(self._there, "node", target.macaroon, grant.HUB_PERMISSIONS, _FORBIDDEN)
        self._info: dict[str, t.Any] = {}

    def run(self) -> None:
        """All stages; after the first that fails the others are skipped."""
        own = ("macaroon", self._macaroon), ("grant", self._granting.enforced), ("node", self._node), ("chain", self._chain)
        stages.run((*self._there.stages(), *own), REASONS, self.report.stages)

    def _macaroon(self) -> Found:
        return self._granting.accepted(self._ask)

    def _ask(self, client: Client) -> None:
        self._info = messages.plain(client.call("lnrpc.Lightning/GetInfo"))
        self.report.version = versions.plain(self._info["version"])

    def _node(self) -> Found:
        found = str(self._info["identity_pubkey"])
        if found != self._target.node_id:
            return Found("node_differs", f"the node is {found}, and the bundle is of {self._target.node_id}")
        return Found("ok", f"the node is {found}, with lnd {self.report.version}")

    def _chain(self) -> Found:
        networks = [str(chain["network"]) for chain in self._info["chains"]]
        if networks != [self._target.network]:
            return Found("network_differs", f"the node is on {', '.join(networks)}, not on {self._target.network}")
        if not self._info["synced_to_chain"]:
            return Found("not_synced", f"the node is at block {self._info['block_height']} and not synced")
        return Found("ok", f"{networks[0]}, block {self._info['block_height']}")


def require(target: Target) -> Report:
    """Check a node.

    Raises:
        NodeFailed: a stage failed.
        InvalidInput: the target itself cannot be used: endpoint or certificate.
    """
    with contextlib.ExitStack() as connections:
        check = _Check(target, connections)
        check.run()
    stage = stages.failed(check.report.stages)
    if stage:
        raise NodeFailed(target.endpoint, stage, check.report)
    return check.report
