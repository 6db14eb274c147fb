# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door for whoever wants to pay an invoice: it is read by lnd, checked, and taken the internal or the outgoing way."""

from __future__ import annotations

import time

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import CallError

from .accounts import User
from .errors import BadArguments, NodeFailure, NotAnInvoice
from .internal import Internal
from .node import Node, Request
from .outgoing import Outgoing, Paid

# The longest payment request that is handed to lnd: some thousand characters are usual with many route hints.
_LONGEST = 7089


class Paying:
    """Pays invoices for users.

    Args:
        cltv_limit: blocks that a payment may be held, at most.
    """

    def __init__(self, node: Node, internal: Internal, outgoing: Outgoing, cltv_limit: int) -> None:
        self._node, self._internal, self._outgoing, self._cltv_limit = node, internal, outgoing, cltv_limit

    async def read(self, payment_request: str) -> Request:
        """What a payment request says.

        Raises:
            NotAnInvoice: lnd cannot read it, or it is of another network.
            NodeFailure: lnd does not answer.
        """
        text = payment_request.strip().removeprefix("lightning:")
        if not text or len(text) > _LONGEST or not text.isascii() or not text.isalnum():
            raise NotAnInvoice
        try:
            request = await self._node.decode(text.lower() if text.isupper() else text)
        except CallError as error:
            raise NodeFailure from error
        if request is None:
            raise NotAnInvoice
        return request

    async def pay(self, user: User, payment_request: str, amount_msat: int) -> tuple[Request, Paid]:
        """Pay an invoice.

        Args:
            amount_msat: for an invoice that names none; another one's amount is its own.

        Raises:
            HubError: by its kind; nothing has moved unless it is InTransit.
        """
        request = await self.read(payment_request)
        amount = request.amount_msat or amount_msat
        if amount <= 0:
            raise BadArguments("the invoice names no amount: give one greater than 0")
        if amount > user.max_send_msat:
            raise BadArguments(f"the amount is above the limit of {user.max_send_msat // 1000} sat for one payment")
        if request.expired(time.time()):
            raise NotAnInvoice("not a valid invoice: it has expired")
        try:
            own = request.destination == await self._node.node_id()
        except CallError as error:
            raise NodeFailure from error
        if own:
            return request, await self._internal.pay(user, request, amount)
        if not request.held_within(self._cltv_limit):
            # lnd would refuse it without a status of its own.
            raise NotAnInvoice(
                f"the payee could hold the payment for {request.cltv_expiry} blocks; this hub takes less than {self._cltv_limit}"
            )
        return request, await self._outgoing.pay(user, request, amount)

    async def keysend(
        self, user: User, destination: str, amount_msat: int, memo: str, records: dict[int, bytes], within: float | None = None
    ) -> Paid:
        """Pay a node without an invoice.

        Args:
            within: seconds after which it is answered with "in transit"; by default the hub's own.

        Raises:
            HubError: by its kind; nothing has moved unless it is InTransit.
        """
        if amount_msat > user.max_send_msat:
            raise BadArguments(f"the amount is above the limit of {user.max_send_msat // 1000} sat for one payment")
        try:
            own = destination == await self._node.node_id()
        except CallError as error:
            raise NodeFailure from error
        if own:
            raise BadArguments("this is the hub's own node: pay an invoice of the account instead")
        return await self._outgoing.keysend(user, destination, amount_msat, memo, records, within)
