# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that a tenant's whole node is as its bundle describes it, and grants the hub exactly the methods that it
calls. It changes nothing on the node.
"""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from .._core import versions
from .._grpc import messages
from .._grpc.client import Client
from .._grpc.errors import NotFound, ResolutionsNotKept
from .._keys import grant
from . import dialling, granting, stages
from .dialling import Dialling
from .granting import Granting
from .stages import FAIL, RENEW_CURE, Finding, Report

# Calls that the hub must not be able to make, each in a form whose content lnd would also refuse: to no address, and
# for no permission.
_FORBIDDEN_METHODS = ("lnrpc.Lightning/SendCoins", "lnrpc.Lightning/BakeMacaroon")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTarget:
    """The node as it should be.

    Attributes:
        endpoint: host:port of its gRPC listener.
        certificate: PEM.
        macaroon: the one that the tenant has baked for the hub.
        node_id: the node's id, from the bundle.
        network: which the node must be on.
        timeout: seconds that one call may take.
    """

    endpoint: str
    certificate: str
    macaroon: bytes
    node_id: str
    network: str
    timeout: float = 10.0


# Every reason, with its meaning for the check and what to do about it.
REASONS: stages.Reasons = {
    **stages.REASONS,
    **dialling.REASONS,
    **granting.REASONS,
    "node_differs": (
        FAIL,
        f"Another node than the bundle's answers there; if that is meant, {RENEW_CURE}, under another tenant's name",
    ),
    "network_differs": (FAIL, f"The node is on another network than the kit: {RENEW_CURE}, of a node on that network"),
    "resolutions_not_kept": (
        FAIL,
        (
            "A hub books an invoice only when lnd knows that its money has come for good: have the tenant set"
            " store-final-htlc-resolutions=true in the node's lnd.conf, and start its lnd again"
        ),
    ),
    "not_synced": (FAIL, "The node has not caught up with its chain: wait, or have the tenant look at its bitcoind"),
}


class _Check:
    """One run. Each method is a stage; it may rely on the results of the stages before it."""

    def __init__(self, target: NodeTarget, connections: contextlib.ExitStack) -> None:
        self.report = Report()
        self._target = target
        self._there = Dialling(target.endpoint, target.certificate, target.timeout, connections)
        self._granting = Granting(
            there=self._there,
            who="node",
            given=target.macaroon,
            permissions=grant.HUB_PERMISSIONS,
            forbidden=_FORBIDDEN_METHODS,
        )
        self._info: dict[str, t.Any] = {}

    def run(self) -> None:
        """Run all stages; after the first that fails the others are skipped."""
        own = (
            ("macaroon", self._macaroon),
            ("grant", self._granting.enforced),
            ("node", self._node),
            ("chain", self._chain),
            ("receipts", self._receipts),
        )
        stages.run((*self._there.stages(), *own), REASONS, self.report)

    def _macaroon(self) -> Finding:
        return self._granting.accepted(self._ask)

    def _ask(self, client: Client) -> None:
        self._info = messages.plain(client.call("lnrpc.Lightning/GetInfo"))
        self.report.version = versions.plain(self._info["version"])

    def _node(self) -> Finding:
        found = str(self._info["identity_pubkey"])
        if found != self._target.node_id:
            return Finding("node_differs", f"the node is {found}, and the bundle is of {self._target.node_id}")
        return Finding("ok", f"the node is {found}, with lnd {self.report.version}")

    def _chain(self) -> Finding:
        networks = [str(chain["network"]) for chain in self._info["chains"]]
        if networks != [self._target.network]:
            return Finding("network_differs", f"the node is on {', '.join(networks)}, not on {self._target.network}")
        if not self._info["synced_to_chain"]:
            return Finding("not_synced", f"the node is at block {self._info['block_height']} and not synced")
        return Finding("ok", f"{networks[0]}, block {self._info['block_height']}")

    def _receipts(self) -> Finding:
        try:
            # lnd has no channel of this number.
            self._granting.client.call("lnrpc.Lightning/LookupHtlcResolution", chan_id=0, htlc_index=0)
        except ResolutionsNotKept as error:
            return Finding("resolutions_not_kept", error.detail)
        except NotFound:
            pass
        return Finding("ok", "lnd keeps how HTLCs end")


def require(target: NodeTarget) -> Report:
    """Check a node.

    Raises:
        CheckFailed: a stage failed.
        InvalidInput: the target itself cannot be used: endpoint or certificate.
    """
    with contextlib.ExitStack() as connections:
        check = _Check(target, connections)
        check.run()
    check.report.require(f"The tenant's node at {target.endpoint}")
    return check.report
