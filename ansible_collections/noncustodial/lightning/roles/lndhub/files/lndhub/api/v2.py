# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes that lndhub.go added. Amounts are sat, and msat in fields whose names end in msat."""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timedelta

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from .. import history, ledger
from ..accounts import User
from ..errors import BadArguments, HubError, InTransit, NotBegun, NotEnoughBalance, NotFound
from ..limits import fee_limit
from .access import ADMIN, CREATOR, USER, CurrentUser, Running
from .amounts import Msat, Sat, down, up
from .bodies import HEX32, Body, Bolt11, DescriptionHash, Expiry, KeysendBody, Limit, Offset, Secret, Text
from .classic import encoded
from .slices import listed

router = APIRouter(prefix="/v2", tags=["v2"])

_DEFAULT_ROWS = 100
"""Rows that are listed if the request does not name a number."""

# The names that lndhub.go has for states of invoices and payments; those that are not here are the same.
_STATUSES = {"pending": "initialized", "failed": "error"}


class CreateUser(Body):
    """An account to be made; a login or password that is not given, or empty, is random."""

    login: Secret = ""
    password: Secret = ""


class Created(BaseModel):
    """Credentials of a new account, shown this once."""

    id: int
    login: str
    password: str


class UpdateUser(Body):
    """Changes of an account. A limit of null means the hub's own; a new password or a deactivation ends the tokens. No
    account is ever deleted.
    """

    nulls = frozenset({"max_receive_msat", "max_send_msat", "max_balance_msat"})

    id: t.Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
    login: Secret | None = None
    password: Secret | None = None
    deactivated: t.Annotated[bool, Field(strict=True)] | None = None
    deleted: t.Annotated[bool, Field(strict=True)] = False
    max_receive_msat: Msat | None = None
    max_send_msat: Msat | None = None
    max_balance_msat: Msat | None = None


class Account(BaseModel):
    """An account as the administrator sees it."""

    id: int
    login: str
    deactivated: bool
    deleted: bool = False
    max_receive_msat: int
    max_send_msat: int
    max_balance_msat: int
    balance_msat: int
    reserved_msat: int


class _WithAmount(Body):
    """An amount in sat or in msat; 0 is as if none were given."""

    amount: Sat | None = None
    amount_msat: Msat | None = None

    def msat(self) -> int:
        """Return the amount in msat.

        Raises:
            BadArguments: both are given, and they are not the same.
        """
        if self.amount_msat is None:
            return (self.amount or 0) * 1000
        if self.amount is not None and self.amount * 1000 != self.amount_msat:
            raise BadArguments("amount (sat) and amount_msat contradict each other: send only one of them")
        return self.amount_msat


class AddInvoice(_WithAmount):
    """An invoice to be made; if the amount is 0, the payer chooses it."""

    description: Text = ""
    description_hash: DescriptionHash = ""
    expiry: Expiry | None = None


class AddedInvoice(BaseModel):
    """A new invoice."""

    payment_hash: str
    payment_request: str
    created_at: datetime
    expires_at: datetime


class Item(BaseModel):
    """An invoice or a payment; custom records are in base64."""

    payment_hash: str
    payment_request: str
    description: str
    description_hash: str
    payment_preimage: str
    destination: str
    amount: int
    amount_msat: int
    fee: int
    fee_msat: int
    status: str
    type: str
    error_message: str
    created_at: datetime
    settled_at: datetime | None
    expires_at: datetime | None
    is_paid: bool
    keysend: bool
    custom_records: dict[str, str]


class Pay(_WithAmount):
    """An invoice to be paid; amount is for an invoice that names none."""

    invoice: Bolt11


class Payment(BaseModel):
    """A payment that was made."""

    payment_request: str
    amount: int
    amount_msat: int
    fee: int
    fee_msat: int
    description: str
    description_hash: str
    destination: str
    payment_preimage: str
    payment_hash: str
    custom_records: dict[str, str] = Field(default_factory=dict)


class MultiKeysend(Body):
    """Several payments without an invoice, made one after the other."""

    keysends: t.Annotated[list[KeysendBody], Field(min_length=1, max_length=20)]


class NotMade(BaseModel):
    """The request for a payment that was not made."""

    destination: str
    custom_records: dict[str, str]


class KeysendResult(BaseModel):
    """The result of one of several payments; with an error, keysend names only the payment that it is of."""

    keysend: Payment | NotMade
    error: dict[str, t.Any] | None = None


class KeysendResults(BaseModel):
    """The results of several payments, in the order of the request."""

    keysends: list[KeysendResult]


class Balance(BaseModel):
    """The balance that can be spent, and the amount reserved for payments under way."""

    balance: int
    balance_msat: int
    reserved_msat: int
    currency: str = "BTC"
    unit: str = "sat"


@router.post("/users", dependencies=CREATOR)
@router.post("/create", dependencies=CREATOR)
async def create_user(hub: Running, body: CreateUser | None = None) -> Created:
    """Make an account. Anyone may do this, only the admin token, or nobody, as the hub is configured."""
    body = body or CreateUser()
    user, password = await hub.accounts.create(body.login or None, body.password or None)
    return Created(id=user.id, login=user.login, password=password)


async def _account(hub: Running, user: User) -> Account:
    available, reserved = await ledger.balance(hub.pool, user.id)
    return Account(
        id=user.id,
        login=user.login,
        deactivated=user.deactivated,
        max_receive_msat=user.max_receive_msat,
        max_send_msat=user.max_send_msat,
        max_balance_msat=user.max_balance_msat,
        balance_msat=available,
        reserved_msat=reserved,
    )


@router.put("/admin/users", dependencies=ADMIN)
async def update_user(hub: Running, body: UpdateUser) -> Account:
    """Change an account."""
    if body.deleted:
        raise BadArguments("accounts are not deleted, because the ledger keeps them: deactivate it")
    changes = body.model_dump(exclude_unset=True, exclude={"id", "deleted"})
    return await _account(hub, await hub.accounts.update(body.id, changes))


@router.get("/admin/users/{login}", dependencies=ADMIN)
async def read_user(hub: Running, login: t.Annotated[str, Path(max_length=64)]) -> Account:
    """Return the account with this login."""
    user = await hub.accounts.by_login(login)
    if user is None:
        raise NotFound
    return await _account(hub, user)


@router.get("/balance", dependencies=USER)
async def balance(hub: Running, user: CurrentUser) -> Balance:
    """Return the balance that can be spent, and the amount reserved for payments under way."""
    available, reserved = await ledger.balance(hub.pool, user.id)
    return Balance(balance=down(available), balance_msat=available, reserved_msat=reserved)


@router.post("/invoices", dependencies=USER)
async def add_invoice(hub: Running, user: CurrentUser, body: AddInvoice) -> AddedInvoice:
    """Make an invoice."""
    added = await hub.incoming.add(
        user, body.msat(), body.description, bytes.fromhex(body.description_hash), body.expiry or 0
    )
    seconds = body.expiry or hub.config.service.invoice_expiry
    return AddedInvoice(
        payment_hash=added.payment_hash.hex(),
        payment_request=added.payment_request,
        created_at=added.expires_at - timedelta(seconds=seconds),
        expires_at=added.expires_at,
    )


def _invoice(invoice: history.Invoice, destination: str) -> Item:
    paid = invoice.state == "settled"
    amount = invoice.received_msat if paid else invoice.amount_msat
    return Item(
        payment_hash=invoice.payment_hash.hex(),
        payment_request=invoice.payment_request,
        description=invoice.memo,
        description_hash=invoice.description_hash,
        payment_preimage="",
        destination=destination,
        amount=down(amount),
        amount_msat=amount,
        fee=0,
        fee_msat=0,
        status=_STATUSES.get(invoice.state, invoice.state),
        type="user_invoice",
        error_message="",
        created_at=invoice.created_at,
        settled_at=invoice.settled_at,
        expires_at=invoice.expires_at,
        is_paid=paid,
        keysend=False,
        custom_records={},
    )


def _payment(payment: history.Payment) -> Item:
    return Item(
        payment_hash=payment.payment_hash.hex(),
        payment_request=payment.payment_request,
        description=payment.memo,
        description_hash=payment.description_hash,
        payment_preimage=payment.preimage.hex(),
        destination=payment.destination,
        amount=up(payment.amount_msat),
        amount_msat=payment.amount_msat,
        fee=up(payment.fee_msat),
        fee_msat=payment.fee_msat,
        status=_STATUSES.get(payment.state, payment.state),
        type="paid_invoice",
        error_message=payment.failure,
        created_at=payment.created_at,
        settled_at=payment.ended_at if payment.state == "settled" else None,
        expires_at=None,
        is_paid=payment.state == "settled",
        keysend=payment.kind == "keysend",
        custom_records=encoded(payment.custom_records),
    )


@router.get("/invoices/incoming", dependencies=USER, response_model=list[Item])
async def incoming(hub: Running, user: CurrentUser, limit: Limit = 0, offset: Offset = 0) -> Response:
    """List invoices of the account, newest first."""
    found = await history.invoices(hub.pool, user.id, limit or _DEFAULT_ROWS, offset)
    destination = await hub.node.node_id() if found else ""
    return await listed(found, lambda invoice: _invoice(invoice, destination).model_dump(mode="json"))


@router.get("/invoices/outgoing", dependencies=USER, response_model=list[Item])
async def outgoing(hub: Running, user: CurrentUser, limit: Limit = 0, offset: Offset = 0) -> Response:
    """List payments of the account, newest first, with those that failed or are under way."""
    found = await history.payments(hub.pool, user.id, ("pending", "settled", "failed"), limit or _DEFAULT_ROWS, offset)
    return await listed(found, lambda payment: _payment(payment).model_dump(mode="json"))


@router.get("/invoices/{payment_hash}", dependencies=USER)
async def one(hub: Running, user: CurrentUser, payment_hash: t.Annotated[str, Path(pattern=HEX32)]) -> Item:
    """Return an invoice or a payment of the account."""
    wanted = bytes.fromhex(payment_hash)
    invoice = await history.invoice(hub.pool, user.id, wanted)
    if invoice is not None:
        return _invoice(invoice, await hub.node.node_id())
    payment = await history.payment(hub.pool, user.id, wanted)
    if payment is None:
        raise NotFound
    return _payment(payment)


@router.post("/payments/bolt11", dependencies=USER)
async def pay(hub: Running, user: CurrentUser, body: Pay) -> Payment:
    """Pay an invoice. Status 409 means that the payment is under way: it is booked when lnd knows its end."""
    request, paid = await hub.paying.pay(user, body.invoice, body.msat())
    return Payment(
        payment_request=request.payment_request,
        amount=up(paid.amount_msat),
        amount_msat=paid.amount_msat,
        fee=up(paid.fee_msat),
        fee_msat=paid.fee_msat,
        description=request.memo,
        description_hash=request.description_hash,
        destination=request.destination,
        payment_preimage=paid.preimage.hex(),
        payment_hash=paid.payment_hash.hex(),
    )


async def _keysend(hub: Running, user: User, body: KeysendBody, within: float | None = None) -> Payment:
    paid = await hub.paying.keysend(
        user, body.destination.lower(), body.amount * 1000, body.memo, body.records(), within
    )
    return Payment(
        payment_request="",
        amount=up(paid.amount_msat),
        amount_msat=paid.amount_msat,
        fee=up(paid.fee_msat),
        fee_msat=paid.fee_msat,
        description=body.memo,
        description_hash="",
        destination=body.destination.lower(),
        payment_preimage=paid.preimage.hex(),
        payment_hash=paid.payment_hash.hex(),
        custom_records=body.sent_records,
    )


@router.post("/payments/keysend", dependencies=USER)
async def keysend(hub: Running, user: CurrentUser, body: KeysendBody) -> Payment:
    """Pay a node without an invoice. Status 409 has the payment_hash of the payment that is under way."""
    return await _keysend(hub, user, body)


@router.post("/payments/keysend/multi", dependencies=USER)
async def multi_keysend(hub: Running, user: CurrentUser, body: MultiKeysend, response: Response) -> KeysendResults:
    """Pay several nodes. If the balance does not cover all of them, none is paid. Otherwise each payment succeeds or
    fails independently; its result has the same place in the list as the request. One that was not begun, because
    the others have taken the time of the request, has code 12. Status 500 means that all have failed.
    """
    for each in body.keysends:
        each.records()
    amounts = [each.amount * 1000 for each in body.keysends]
    available, _reserved = await ledger.balance(hub.pool, user.id)
    if sum(amount + fee_limit(hub.config.limits, amount) for amount in amounts) > available:
        raise NotEnoughBalance
    results: list[KeysendResult] = []
    failed = 0
    # All of them have the time of one: who waits in front of the hub waits no longer.
    end = time.monotonic() + hub.config.service.answer_within
    for each in body.keysends:
        try:
            left = end - time.monotonic()
            if left <= 0:
                raise NotBegun
            results.append(KeysendResult(keysend=await _keysend(hub, user, each, left)))
        except HubError as error:
            failed += not isinstance(error, InTransit)
            not_made = NotMade(destination=each.destination.lower(), custom_records=each.sent_records)
            results.append(KeysendResult(keysend=not_made, error=error.body()))
    if failed == len(results):
        response.status_code = 500
    return KeysendResults(keysends=results)
