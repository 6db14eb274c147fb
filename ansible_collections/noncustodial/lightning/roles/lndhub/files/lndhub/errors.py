# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user of the hub can be told, by kind: LndHub's code numbers, and the HTTP status that the v2 routes answer with."""

from __future__ import annotations


class HubError(Exception):
    """A request that was not done, and why.

    Args:
        message: for the user; never holds a secret or another user's data.
    """

    code = 6
    status = 500
    default = "something went wrong; nothing more is known, try again later"

    def __init__(self, message: str = "") -> None:
        self.message = message or self.default
        super().__init__(self.message)


class BadAuth(HubError):
    """No token, a wrong one, a lapsed one, or a login that is not right."""

    code, status, default = 1, 401, "bad auth"


class Forbidden(HubError):
    """The token is right, but does not allow this."""

    code, status, default = 1, 403, "not allowed"


class Closed(HubError):
    """Nothing is paid and nothing is told until the ledger agrees with what lnd has recorded."""

    code, status, default = 7, 503, "the hub is being checked against its node; nothing was booked, try again later"


class HistoryLost(Closed):
    """lnd is not the one whose records the ledger follows: its database was lost or set back, or it is another node.

    Args:
        why: what shows it.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"lnd is not the one whose records this ledger follows: {why}. Nothing is released. If lnd's own database can come back, bring it back; "
            "if not, say of each payment under way what became of it (lndhub pending, lndhub end), and accept the node as it is (lndhub accept)"
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


class BadArguments(HubError):
    """A field is missing, of the wrong type or out of range."""

    code, status, default = 8, 400, "bad arguments"


class NotFound(BadArguments):
    """There is no such thing, or it is another user's."""

    status, default = 404, "not found"


class InTransit(HubError):
    """A payment whose end is not known yet. It is not lost, and is neither to be repeated nor paid otherwise."""

    code, status, default = 9, 409, "the payment is in transit; its end will show in the list of payments, do not pay again"


class TooMany(HubError):
    """More requests than the limit allows."""

    code, status, default = 9, 429, "too many requests, try again later"


class PaymentFailed(HubError):
    """The payment came to a definite end without money having moved."""

    code, status, default = 10, 400, "payment failed"
