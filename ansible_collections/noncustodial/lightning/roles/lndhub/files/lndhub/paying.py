# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only entry to payments: an invoice is read by lnd, checked, and paid internally or over the node."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from urllib.parse import parse_qsl

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError

from . import history, ledger
from .accounts import User
from .config import Config
from .db import Pool
from .errors import BadArguments, HubError, InTransit, Leaving, NodeFailure, NotAnInvoice
from .internal import Internal
from .node import Node, Request
from .outgoing import Outgoing
from .payment import Paid
from .signer import Signer

# The longest payment request that is handed to lnd: some thousand characters are usual with many route hints.
_MAX_REQUEST_CHARACTERS = 7089
_UNDER_WAY = f"this invoice is being paid by this account: {InTransit.default}"
_BTC = re.compile(r"[0-9]{1,8}(\.[0-9]{1,11})?")


def bare(text: str) -> tuple[str, list[str]]:
    """Return the payment request that is in a text as QR codes and pages have it: with its scheme, in a URI of BIP 21,
    or broken into lines. The second value is the amounts that a URI names, in BTC, as they are written.

    Raises:
        NotAnInvoice: it is a URI without a payment request, or with several.
    """
    text = "".join(text.split())
    scheme, _colon, rest = text.partition(":")
    if scheme.lower() == "lightning":
        return rest.removeprefix("//"), []
    if scheme.lower() == "bitcoin":
        fields = [(name.lower(), value) for name, value in parse_qsl(rest.partition("?")[2])]
        found = [value for name, value in fields if name == "lightning"]
        if not found:
            raise NotAnInvoice("not a valid invoice: it asks for coins on the chain, which this hub does not send")
        if len(found) > 1:
            raise NotAnInvoice("not a valid invoice: the link has several invoices (lightning=); ask for one with one")
        return found[0], [value for name, value in fields if name == "amount"]
    return text, []


def _same(btc: str, msat: int) -> bool:
    """Return whether an amount of a URI is that of an invoice, of which a URI cannot have the part below one sat."""
    return bool(_BTC.fullmatch(btc)) and abs(Decimal(btc) * 10**11 - msat) < 1000


class Paying:
    """Pay invoices for users.

    Args:
        config: the settings of the hub.
    """

    def __init__(
        self, pool: Pool, node: Node, internal: Internal, outgoing: Outgoing, signer: Signer, config: Config
    ) -> None:
        self._pool, self._node, self._internal, self._outgoing = pool, node, internal, outgoing
        self._signer, self._cltv_limit, self._leaving = signer, config.node.cltv_limit, config.service.leaving

    async def read(self, payment_request: str) -> Request:
        """Return the contents of a payment request.

        Raises:
            NotAnInvoice: lnd cannot read it, it is of another network, or it is in a URI with another amount.
            NodeFailure: lnd does not answer.
        """
        text, amounts = self._text(payment_request)
        try:
            request = await self._node.decode(text)
        except CallError as error:
            # An lnd that was asked for a signature while its signer is away has stopped.
            self._signer.need()
            raise NodeFailure from error
        if request is None:
            raise NotAnInvoice
        if request.amount_msat and not all(_same(amount, request.amount_msat) for amount in amounts):
            raise NotAnInvoice(
                "not a valid invoice: the link's amount is not that of its invoice; ask the payee for another one"
            )
        return request

    @staticmethod
    def _text(payment_request: str) -> tuple[str, list[str]]:
        """Return a payment request as lnd is given it, and the amounts that a URI names.

        Raises:
            NotAnInvoice: it cannot be one.
        """
        text, amounts = bare(payment_request)
        if not text or len(text) > _MAX_REQUEST_CHARACTERS or not text.isascii() or not text.isalnum():
            raise NotAnInvoice
        return (text.lower() if text.isupper() else text), amounts

    async def pay(self, user: User, payment_request: str, amount_msat: int) -> tuple[Request, Paid]:
        """Pay an invoice.

        Args:
            amount_msat: the amount for an invoice that names none; otherwise the invoice's amount is paid.

        Raises:
            HubError: of the kind of the failure; nothing has moved unless it is InTransit.
        """
        if self._leaving:
            if await history.pays(self._pool, user.id, self._text(payment_request)[0]):
                raise InTransit(_UNDER_WAY)
            raise Leaving
        try:
            request = await self.read(payment_request)
        except NodeFailure as error:
            if await history.pays(self._pool, user.id, self._text(payment_request)[0]):
                raise InTransit(_UNDER_WAY) from error
            raise
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
        try:
            return request, await self._pay(user, request, amount, own)
        except ledger.AlreadyPaid as error:
            await self._explain(user, request, error)
            raise

    async def _pay(self, user: User, request: Request, amount: int, own: bool) -> Paid:
        if own:
            # No signature is needed for it.
            return await self._internal.pay(user, request, amount)
        if not request.held_within(self._cltv_limit):
            # lnd would refuse it without a status of its own.
            raise NotAnInvoice(
                f"the payee could hold the payment for {request.cltv_expiry} blocks; this hub takes less than"
                f" {self._cltv_limit}"
            )
        try:
            self._signer.need()
        except NodeFailure as error:
            await self._explain(user, request, error)
            raise
        return await self._outgoing.pay(user, request, amount)

    async def _explain(self, user: User, request: Request, error: HubError) -> None:
        """Tell a payer who has begun this payment before how that one is.

        Raises:
            InTransit: it is under way.
            AlreadyPaid: it was made.
        """
        own = await history.payment(self._pool, user.id, request.payment_hash)
        if own is not None and own.state == "pending":
            raise InTransit(_UNDER_WAY) from error
        if own is not None and own.state == "settled":
            raise ledger.AlreadyPaid("this account has paid this invoice: see the list of payments") from error

    async def keysend(
        self,
        user: User,
        destination: str,
        amount_msat: int,
        memo: str,
        records: dict[int, bytes],
        within: float | None = None,
    ) -> Paid:
        """Pay a node without an invoice.

        Args:
            within: seconds after which it is answered with "in transit"; by default the hub's own.

        Raises:
            HubError: of the kind of the failure; nothing has moved unless it is InTransit.
        """
        if self._leaving:
            raise Leaving
        if amount_msat > user.max_send_msat:
            raise BadArguments(f"the amount is above the limit of {user.max_send_msat // 1000} sat for one payment")
        try:
            own = destination == await self._node.node_id()
        except CallError as error:
            raise NodeFailure from error
        if own:
            raise BadArguments("this is the hub's own node: pay an invoice of the account instead")
        self._signer.need()
        return await self._outgoing.keysend(user, destination, amount_msat, memo, records, within)
