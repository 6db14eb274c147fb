# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that a user of the hub gets, by kind: LndHub's code numbers, and the HTTP status."""

from __future__ import annotations

import typing as t


class HubError(Exception):
    """A request was not done, for the reason in the message.

    Args:
        message: for the user; never holds a secret or another user's data.
    """

    code = 6
    status = 500
    default = "something went wrong; nothing more is known, try again later"

    def __init__(self, message: str = "") -> None:
        self.message = message or self.default
        super().__init__(self.message)

    def body(self) -> dict[str, t.Any]:
        """Return the error as LndHub's clients read it. The message comes first, because Zeus shows all of it as it
        is.
        """
        return {"message": self.message, "code": self.code, "error": True}


class BadAuth(HubError):
    """The token is missing, wrong or expired, or the login or password is wrong."""

    code, status, default = 1, 401, "bad auth"


class Forbidden(HubError):
    """The token is right, but does not allow this."""

    code, status, default = 1, 403, "not allowed"


class Closed(HubError):
    """The ledger does not agree with lnd's records yet; until it does, no payment is made and no request of a user is
    answered.
    """

    code, status, default = 7, 503, "the hub is being checked against its node; nothing was booked, try again later"


class Leaving(HubError):
    """The hub ends its service: it makes no payment and no invoice any more, and its users still read what they own."""

    code, status = 7, 503
    default = (
        "this service is ending: it makes no payments and no invoices any more; nothing was booked. Ask its operator"
        " for the balance that it owes you"
    )


class HistoryLost(Closed):
    """lnd is not the one whose records the ledger follows: its database was lost or set back, or it is another node.

    Args:
        why: the evidence.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"lnd is not the one whose records this ledger follows: {why}. Nothing is released. If lnd's own database"
            " can come back, bring it back; if not, say of each payment under way what became of it (lndhub pending,"
            " lndhub end), and accept the node as it is (lndhub accept)"
        )


class NotEnoughBalance(HubError):
    """The balance does not cover the amount and the reserve for fees."""

    code, status, default = 2, 400, "not enough balance: it must cover the amount and the reserve for routing fees"


class NotAnInvoice(HubError):
    """lnd cannot decode it, it is of another network, or it has expired."""

    code, status, default = 4, 400, "not a valid invoice"


class NodeFailure(HubError):
    """The node did not answer, or refused what it should not; nothing was booked."""

    code, status, default = 7, 502, "the Lightning node does not answer; nothing was booked, try again later"


class SignerAway(NodeFailure):
    """The signer of the node's tenant does not answer; the node was not asked for what needs a signature."""

    status, default = 503, "signer away, try later: nothing was booked"


class SigningEnded(NodeFailure):
    """The signer of the node's tenant refuses the node's grant; the node was not asked for what needs a signature."""

    status, default = 503, "the tenant has ended signing, or has not renewed its grant: nothing was booked"


class BadArguments(HubError):
    """A field is missing, of the wrong type or out of range."""

    code, status, default = 8, 400, "bad arguments"


class NotFound(BadArguments):
    """There is no such thing, or it is another user's."""

    status, default = 404, "not found"


class InTransit(HubError):
    """The end of a payment is not known yet. The payment is not lost, and must neither be repeated nor made in another
    way.

    Attributes:
        payment_hash: the hash of a keysend, whose payer learns it only here; empty for an invoice.
    """

    payment_hash = b""

    code, status, default = (
        9,
        409,
        "the payment is in transit; its end will show in the list of payments, do not pay again",
    )

    def body(self) -> dict[str, t.Any]:
        """Return the error, with the hash if the payer has no other way to know it."""
        return {**super().body(), **({"payment_hash": self.payment_hash.hex()} if self.payment_hash else {})}


class TooMany(HubError):
    """More requests than the limit allows; nothing was done."""

    code, status, default = 12, 429, "too many requests, try again later"


class NotBegun(HubError):
    """One of several payments was not begun, because the others have taken the time of the request."""

    code, status, default = 12, 429, "not begun, nothing was booked: the time of this request is over, send it again"


class PaymentFailed(HubError):
    """The payment has definitely failed, and no money has moved."""

    code, status, default = 10, 400, "payment failed"
