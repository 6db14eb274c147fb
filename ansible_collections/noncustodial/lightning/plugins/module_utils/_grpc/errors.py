# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of calls to lnd, one class for each kind, so that callers decide according to class and never to text."""

from __future__ import annotations

from .._core.errors import LightningError
from .._core.printable import printable


class PaymentFailed(LightningError):
    """A payment has definitely failed, and no money has moved.

    Args:
        reason: lnd's name for the reason, for example FAILURE_REASON_NO_ROUTE.
    """

    def __init__(self, reason: str, what: str, cure: str) -> None:
        self.reason = reason
        super().__init__(what, cure)


class CallError(LightningError):
    """A gRPC call that failed.

    Args:
        node: host:port of the node.
        call: method, for example lnrpc.Lightning/GetInfo.
        status: gRPC status name, for example UNAVAILABLE.
        detail: lnd's own text. It is made printable, because the lnd may be foreign.
        cure: the advice.
    """

    def __init__(self, node: str, call: str, status: str, detail: str, cure: str = "") -> None:
        self.node = node
        self.call = call
        self.status = status
        self.detail = printable(detail)
        super().__init__(f"lnd at {node} answered {status} to {call}: {self.detail}", cure or self.default_cure)

    default_cure = "See the journal of that lnd"


class Unreachable(CallError):
    """No connection: nothing listens, a name does not resolve, or TLS failed."""

    default_cure = (
        "Check that lnd runs there, that the address and port are right, and that tlscertpath is the certificate of"
        " that node"
    )


class TimedOut(CallError):
    """The deadline passed without an answer. A write may or may not have happened."""

    default_cure = "Check the load and the backends of that lnd (bitcoind, PostgreSQL, remote signer), or raise timeout"


class Denied(CallError):
    """The macaroon is missing, revoked, or does not allow the call."""

    default_cure = (
        "Check that macaroonpath is a macaroon of this node, that its root key was not deleted, and that it grants this"
        " method"
    )


class CaveatUnmet(Denied):
    """The macaroon is genuine, but one of its caveats does not hold for this call."""

    default_cure = (
        "See which caveat it is: the macaroon may have expired, or is bound to another address or to a guard that is"
        " not there"
    )


class Locked(CallError):
    """The wallet is locked or does not exist yet, so the service is not served."""

    default_cure = "Unlock the wallet, or create it, and wait until the state is SERVER_ACTIVE"


class NotFound(CallError):
    """The requested thing does not exist."""


class AlreadyThere(CallError):
    """The thing to be made already exists."""


class AlreadySettled(AlreadyThere):
    """The invoice that was to be changed has been paid."""


class NotSynced(CallError):
    """The node's wallet, or that of the requested peer, has not caught up with the chain."""

    default_cure = "Wait until synced_to_chain of that lnd and of its peer is true; see the progress of their bitcoind"


class PeerOffline(CallError):
    """The call needs a peer that is not connected."""

    default_cure = "Connect to that peer first (lnd_peer), and check that its node runs"


class NoFunds(CallError):
    """The wallet has too few confirmed coins that can be spent."""

    default_cure = "Fund the wallet of that lnd, wait for the confirmation and run again"


class UnderWay(CallError):
    """The same channel is already being negotiated, by an earlier call whose answer was lost or by another run."""

    default_cure = "Run again in a minute: the channel is there then, or it can be opened"


class PendingLimit(CallError):
    """The peer accepts no more channels until some of the pending ones are confirmed."""

    default_cure = (
        "Wait until the pending channels are confirmed and run again, or raise maxpendingchannels of the peer"
    )


class WrongPassword(CallError):
    """The wallet does not open with this password, or the given seed does not with its passphrase."""

    default_cure = (
        "Check the file or the credential of the wallet password and, where a seed is given, the file of its passphrase"
    )


class Failed(CallError):
    """Any other answer; most of lnd's refusals have no status of their own."""


class ResolutionsNotKept(CallError):
    """lnd does not keep how HTLCs ended, so that nothing shows whether a settled invoice has brought its money."""

    default_cure = "Set store-final-htlc-resolutions=true in the node's lnd.conf, and start its lnd again"


class PaymentRefused(Failed):
    """lnd has read the request for a payment and refuses it; nothing is paid."""

    default_cure = (
        "Read what lnd says of the invoice: it may be one that lnd does not pay without more options, such as one"
        " for AMP"
    )


# Lost answers: after these a write may have happened, and only a fresh read shows whether it has.
LOST_ANSWER_ERRORS = (Unreachable, TimedOut)

# lnd answers most errors as UNKNOWN with a text. These are the texts that callers need to distinguish (lnd v0.21.3:
# rpcperms, rpcserver, invoices, routing).
_ERRORS_BY_TEXT: tuple[tuple[str, type[CallError]], ...] = (
    ("wallet locked, unlock it", Locked),
    ("wallet not created", Locked),
    ("the RPC server is in the process of starting up", Locked),
    ("waiting to start", Locked),
    ("server exiting", Unreachable),
    ("cannot lookup with flag --store-final-htlc-resolutions", ResolutionsNotKept),
    ("invalid passphrase", WrongPassword),
    ("wallet already unlocked", AlreadyThere),
    ("server is still in the process of starting", Locked),
    ('" not satisfied: ', CaveatUnmet),
    ("verification failed", Denied),
    ("permission denied", Denied),
    ("cannot get macaroon", Denied),
    ("expected 1 macaroon", Denied),
    ("already connected to peer", AlreadyThere),
    ("invoice with payment hash already exists", AlreadyThere),
    ("invoice is already paid", AlreadyThere),
    ("invoice already settled", AlreadySettled),
    ("payment is in transition", AlreadyThere),
    ("already exists", AlreadyThere),
    ("unable to locate invoice", NotFound),
    ("payment isn't initiated", NotFound),
    ("there are no existing invoices", NotFound),
    ("edge not found", NotFound),
    ("channel not found", NotFound),
    ("before the wallet is fully synced", NotSynced),
    # A peer's answer (lnwire.ErrSynchronizingChain).
    ("synchronizing blockchain", NotSynced),
    ("is not online", PeerOffline),
    ("peer is offline", PeerOffline),
    ("is not connected", PeerOffline),
    ("peer disconnected", PeerOffline),
    ("peer exiting", PeerOffline),
    ("insufficient funds available", NoFunds),
    ("reserved wallet balance invalidated", NoFunds),
    ("pending channels exceed maximum", PendingLimit),
    ("already present", UnderWay),
    # Errors of SendPaymentV2 before it records a payment (lnrpc/routerrpc/router_backend.go,
    # routing/payment_session.go, routing/blinding.go).
    ("must be set to pay an AMP invoice", PaymentRefused),
    ("payment request must contain either a payment address or blinded paths", PaymentRefused),
    ("invoice expired. Valid until", PaymentRefused),
    ("amount must be specified", PaymentRefused),
    ("amount must not be specified when paying a non-zero amount invoice", PaymentRefused),
    ("self-payments not allowed", PaymentRefused),
    ("total time lock of", PaymentRefused),
    ("cltv limit", PaymentRefused),
    ("cannot have both route hints and blinded path", PaymentRefused),
    ("blinded path requires at least one hop", PaymentRefused),
    ("blinded path cannot include NUMS key", PaymentRefused),
    ("all blinded paths must have the same set of features", PaymentRefused),
    ("an intro node only path cannot have more than one hop", PaymentRefused),
    ("expected only a single path in the blinded payment set", PaymentRefused),
    ("invalid htlc minimum and maximum", PaymentRefused),
    ("no custom records with types below", PaymentRefused),
)

_ERRORS_BY_STATUS: dict[str, type[CallError]] = {
    "UNAVAILABLE": Unreachable,
    "DEADLINE_EXCEEDED": TimedOut,
    # Nobody here cancels a call: lnd has reached the deadline a moment before our side did.
    "CANCELLED": TimedOut,
    "PERMISSION_DENIED": Denied,
    "UNAUTHENTICATED": Denied,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyThere,
}


def classify(node: str, call: str, status: str, detail: str) -> CallError:
    """Return the typed error for one failed call. The text is examined first, because lnd seldom sets a status."""
    lowered = detail.lower()
    for text, kind in _ERRORS_BY_TEXT:
        if text.lower() in lowered:
            return kind(node, call, status, detail)
    return _ERRORS_BY_STATUS.get(status, Failed)(node, call, status, detail)
