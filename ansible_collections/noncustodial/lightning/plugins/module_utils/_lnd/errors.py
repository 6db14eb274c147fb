# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a call to lnd, by kind, so that callers decide by class and never by text."""

from __future__ import annotations

from .printable import printable


class LndError(Exception):
    """A call or a check that did not succeed.

    Args:
        what: one sentence that names what failed.
        cure: one sentence that says what to look at or what to do.
    """

    def __init__(self, what: str, cure: str = "") -> None:
        self.what = what.rstrip(".")
        self.cure = cure.rstrip(".")
        super().__init__(f"{self.what}. {self.cure}." if self.cure else f"{self.what}.")


class InvalidInput(LndError):
    """An option, a file or a bundle is wrong; nothing was sent to any node."""


class Missing(InvalidInput):
    """A file that is needed is not there; that of a node may come when it starts."""


class Refused(LndError):
    """The node answered, and the answer forbids the change that was asked for; nothing was changed."""


class WaitTimeout(LndError):
    """A condition did not come true in time; the text holds the last state seen."""


class PaymentFailed(LndError):
    """A payment came to a definite end without the money having moved.

    Args:
        reason: lnd's name for why, for example FAILURE_REASON_NO_ROUTE.
    """

    def __init__(self, reason: str, what: str, cure: str) -> None:
        self.reason = reason
        super().__init__(what, cure)


class CallError(LndError):
    """A gRPC call that failed.

    Args:
        node: host:port of the node.
        call: method, for example lnrpc.Lightning/GetInfo.
        status: gRPC status name, for example UNAVAILABLE.
        detail: lnd's own text. Of that of a foreign lnd nothing is shown raw.
        cure: what to look at.
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

    default_cure = "Check that lnd runs there, that the address and port are right, and that tlscertpath is the certificate of that node"


class TimedOut(CallError):
    """The deadline passed without an answer. A write may have happened or not."""

    default_cure = "Check the load and the backends of that lnd (bitcoind, PostgreSQL, remote signer), or raise timeout"


class Denied(CallError):
    """The macaroon is missing, revoked, or does not allow the call."""

    default_cure = "Check that macaroonpath is a macaroon of this node, that its root key was not deleted, and that it grants this method"


class CaveatUnmet(Denied):
    """The macaroon is genuine, but one of its caveats does not hold for this call."""

    default_cure = "See which caveat it is: the macaroon may have expired, or is bound to another address or to a guard that is not there"


class Locked(CallError):
    """The wallet is locked or does not exist yet, so the service is not served."""

    default_cure = "Unlock the wallet, or create it, and wait until the state is SERVER_ACTIVE"


class NotFound(CallError):
    """What was asked for does not exist."""


class AlreadyThere(CallError):
    """What was to be made exists already."""


class AlreadySettled(AlreadyThere):
    """The invoice that was to be changed has been paid."""


class NotSynced(CallError):
    """The node's wallet, or that of the peer that was asked, has not caught up with the chain."""

    default_cure = "Wait until synced_to_chain of that lnd and of its peer is true; see the progress of their bitcoind"


class PeerOffline(CallError):
    """The call needs a peer that is not connected."""

    default_cure = "Connect to that peer first (lnd_peer), and check that its node runs"


class NoFunds(CallError):
    """The wallet has too few confirmed coins that are free to spend."""

    default_cure = "Fund the wallet of that lnd, wait for the confirmation and run again"


class UnderWay(CallError):
    """The same channel is being negotiated already, by an earlier call whose answer was lost or by another run."""

    default_cure = "Run again in a minute: the channel is there then, or it can be opened"


class PendingLimit(CallError):
    """The peer takes no more channels until some of those that are pending are confirmed."""

    default_cure = "Wait until the pending channels are confirmed and run again, or raise maxpendingchannels of the peer"


class WrongPassword(CallError):
    """The wallet does not open with this password, or the given seed with its passphrase."""

    default_cure = "Check the file or the credential of the wallet password and, where a seed is given, the file of its passphrase"


class Failed(CallError):
    """Any other answer; lnd gives most of its refusals without a status of their own."""


class PaymentRefused(Failed):
    """lnd has read the request for a payment, and takes nothing of it."""

    default_cure = "Read what lnd says of the invoice: it may be one that lnd does not pay without more options, such as one for AMP"


# Lost answers: after these a write may have happened, so that only a fresh read can tell.
LOST_ANSWER = (Unreachable, TimedOut)

# lnd says most things as UNKNOWN with a text. These are the texts that callers need told apart (lnd v0.21.3: rpcperms, rpcserver, invoices, routing).
_BY_TEXT: tuple[tuple[str, type[CallError]], ...] = (
    ("wallet locked, unlock it", Locked),
    ("wallet not created", Locked),
    ("the RPC server is in the process of starting up", Locked),
    ("waiting to start", Locked),
    ("server exiting", Unreachable),
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
    # What a peer answers (lnwire.ErrSynchronizingChain).
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
    # What SendPaymentV2 says before it notes a payment (lnrpc/routerrpc/router_backend.go, routing/payment_session.go, routing/blinding.go).
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

_BY_STATUS: dict[str, type[CallError]] = {
    "UNAVAILABLE": Unreachable,
    "DEADLINE_EXCEEDED": TimedOut,
    # Nobody here cancels a call: lnd has met the deadline a moment before our side did.
    "CANCELLED": TimedOut,
    "PERMISSION_DENIED": Denied,
    "UNAUTHENTICATED": Denied,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyThere,
}


def classify(node: str, call: str, status: str, detail: str) -> CallError:
    """The typed error for one failed call. The text is looked at first, because lnd seldom sets a status."""
    lowered = detail.lower()
    for text, kind in _BY_TEXT:
        if text.lower() in lowered:
            return kind(node, call, status, detail)
    return _BY_STATUS.get(status, Failed)(node, call, status, detail)
