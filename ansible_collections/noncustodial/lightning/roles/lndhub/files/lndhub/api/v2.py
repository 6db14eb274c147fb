# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes that lndhub.go added. Errors come with a fitting HTTP status; amounts are sat, and msat in fields that say so."""

from __future__ import annotations

import time
import typing as t
from datetime import datetime

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from .. import history, ledger
from ..accounts import User
from ..config import MAX_MSAT
from ..errors import HubError, NotFound
from .access import ADMIN, CREATOR, USER, CurrentUser, Running
from .amounts import MAX_SAT, Sat, down, up
from .classic import HEX32, Body, Bolt11, Limit, Offset, Records, Secret, Text, custom_records
from .slices import listed

router = APIRouter(prefix="/v2", tags=["v2"])

Msat = t.Annotated[int, Field(strict=True, ge=0, le=MAX_MSAT)]


class CreateUser(Body):
    """An account to be made; what is not given is random."""

    login: Secret | None = None
    password: Secret | None = None


class Created(BaseModel):
    """Credentials of a new account, shown this once."""

    id: int
    login: str
    password: str


class UpdateUser(Body):
    """Changes of an account. A limit of null is the hub's own; a new password or a deactivation ends the tokens."""

    id: t.Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
    login: Secret | None = None
    password: Secret | None = None
    deactivated: t.Annotated[bool, Field(strict=True)] | None = None
    max_receive_msat: Msat | None = None
    max_send_msat: Msat | None = None
    max_balance_msat: Msat | None = None


class Account(BaseModel):
    """An account as the administrator sees it."""

    id: int
    login: str
    deactivated: bool
    max_receive_msat: int
    max_send_msat: int
    max_balance_msat: int
    balance_msat: int
    reserved_msat: int


class AddInvoice(Body):
    """An invoice to be made; an amount of 0 leaves it to the payer."""

    amount: Sat = 0
    amount_msat: Msat | None = None
    description: Text = ""
    description_hash: t.Annotated[str, Field(pattern="^([0-9a-fA-F]{64})?$")] = ""
    expiry: t.Annotated[int, Field(strict=True, ge=60, le=31_536_000)] | None = None


class AddedInvoice(BaseModel):
    """A new invoice."""

    payment_hash: str
    payment_request: str
    expires_at: datetime


class Item(BaseModel):
    """An invoice or a payment."""

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


class Items(BaseModel):
    """A page of them, newest first."""

    invoices: list[Item]


# As Items is written.
_AROUND = ('{"invoices":[', "]}")


class Pay(Body):
    """An invoice to be paid; amount is for those that name none."""

    invoice: Bolt11
    amount: t.Annotated[int, Field(strict=True, ge=0, le=MAX_SAT)] | None = None
    amount_msat: Msat | None = None


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


class Keysend(Body):
    """A payment without an invoice."""

    amount: t.Annotated[int, Field(strict=True, gt=0, le=MAX_SAT)]
    destination: t.Annotated[str, Field(pattern="^0[23][0-9a-fA-F]{64}$")]
    memo: Text = ""
    custom_records: Records = Field(default_factory=dict)


class MultiKeysend(Body):
    """Several of them, made one after the other."""

    keysends: t.Annotated[list[Keysend], Field(min_length=1, max_length=20)]


class KeysendResult(BaseModel):
    """One of several: either the payment or the error."""

    keysend: Payment | None = None
    error: dict[str, t.Any] | None = None


class KeysendResults(BaseModel):
    """All of them, in the order in which they were asked for."""

    keysends: list[KeysendResult]


class Balance(BaseModel):
    """What can be spent, and what is reserved for payments under way."""

    balance: int
    balance_msat: int
    reserved_msat: int
    currency: str = "BTC"
    unit: str = "sat"


@router.post("/users", dependencies=CREATOR)
@router.post("/create", dependencies=CREATOR)
async def create_user(hub: Running, body: CreateUser | None = None) -> Created:
    """Make an account. Open to anyone, to the admin token, or to nobody, as the hub is configured."""
    user, password = await hub.accounts.create(body.login if body else None, body.password if body else None)
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
    changes = body.model_dump(exclude_unset=True, exclude={"id"})
    for name in ("login", "password", "deactivated"):
        if name in changes and changes[name] is None:
            del changes[name]
    return await _account(hub, await hub.accounts.update(body.id, changes))


@router.get("/admin/users/{login}", dependencies=ADMIN)
async def read_user(hub: Running, login: t.Annotated[str, Path(max_length=64)]) -> Account:
    """An account by its login."""
    user = await hub.accounts.by_login(login)
    if user is None:
        raise NotFound
    return await _account(hub, user)


@router.get("/balance", dependencies=USER)
async def balance(hub: Running, user: CurrentUser) -> Balance:
    """What can be spent."""
    available, reserved = await ledger.balance(hub.pool, user.id)
    return Balance(balance=down(available), balance_msat=available, reserved_msat=reserved)


@router.post("/invoices", dependencies=USER)
async def add_invoice(hub: Running, user: CurrentUser, body: AddInvoice) -> AddedInvoice:
    """Make an invoice."""
    amount = body.amount * 1000 if body.amount_msat is None else body.amount_msat
    added = await hub.incoming.add(user, amount, body.description, bytes.fromhex(body.description_hash), body.expiry or 0)
    return AddedInvoice(payment_hash=added.payment_hash.hex(), payment_request=added.payment_request, expires_at=added.expires_at)


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
        status=invoice.state,
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
        status=payment.state,
        type="paid_invoice",
        error_message=payment.failure,
        created_at=payment.created_at,
        settled_at=payment.ended_at if payment.state == "settled" else None,
        expires_at=None,
        is_paid=payment.state == "settled",
        keysend=payment.kind == "keysend",
        custom_records=dict(payment.custom_records),
    )


@router.get("/invoices/incoming", dependencies=USER, response_model=Items)
async def incoming(hub: Running, user: CurrentUser, limit: Limit = 100, offset: Offset = 0) -> Response:
    """Invoices of the account, newest first."""
    found = await history.invoices(hub.pool, user.id, limit, offset)
    destination = await hub.node.node_id() if found else ""
    return await listed(found, lambda invoice: _invoice(invoice, destination).model_dump(mode="json"), *_AROUND)


@router.get("/invoices/outgoing", dependencies=USER, response_model=Items)
async def outgoing(hub: Running, user: CurrentUser, limit: Limit = 100, offset: Offset = 0) -> Response:
    """Payments of the account, newest first, those that failed or are under way among them."""
    found = await history.payments(hub.pool, user.id, ("pending", "settled", "failed"), limit, offset)
    return await listed(found, lambda payment: _payment(payment).model_dump(mode="json"), *_AROUND)


@router.get("/invoices/{payment_hash}", dependencies=USER)
async def one(hub: Running, user: CurrentUser, payment_hash: t.Annotated[str, Path(pattern=HEX32)]) -> Item:
    """An invoice or a payment of the account."""
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
    """Pay an invoice. Status 409 means that it is under way: it is booked when lnd knows its end."""
    amount = (body.amount or 0) * 1000 if body.amount_msat is None else body.amount_msat
    request, paid = await hub.paying.pay(user, body.invoice, amount)
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


async def _keysend(hub: Running, user: User, body: Keysend, within: float | None = None) -> Payment:
    records = custom_records(body.custom_records)
    paid = await hub.paying.keysend(user, body.destination.lower(), body.amount * 1000, body.memo, records, within)
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
        custom_records=body.custom_records,
    )


@router.post("/payments/keysend", dependencies=USER)
async def keysend(hub: Running, user: CurrentUser, body: Keysend) -> Payment:
    """Pay a node without an invoice."""
    return await _keysend(hub, user, body)


@router.post("/payments/keysend/multi", dependencies=USER)
async def multi_keysend(hub: Running, user: CurrentUser, body: MultiKeysend) -> KeysendResults:
    """Pay several nodes; each payment succeeds or fails by itself, and its place in the list says which."""
    results: list[KeysendResult] = []
    # All of them have the time of one: who waits in front of the hub waits no longer.
    end = time.monotonic() + hub.config.service.answer_within
    for each in body.keysends:
        try:
            results.append(KeysendResult(keysend=await _keysend(hub, user, each, max(end - time.monotonic(), 0.0))))
        except HubError as error:
            results.append(KeysendResult(error={"error": True, "code": error.code, "message": error.message}))
    return KeysendResults(keysends=results)
