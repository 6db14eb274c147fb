# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the first LndHub, as wallets use them. Amounts are sat."""

from __future__ import annotations

import typing as t
from base64 import b64encode
from datetime import datetime

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from .. import history, ledger, node
from ..accounts import User
from ..errors import BadArguments, NotFound
from ..hub import Hub
from ..incoming import AboveLimit
from ..logins import near
from ..payment import Paid
from ..tokens import Pair
from .access import CREATOR, USER, Address, CurrentUser, Running
from .amounts import Sat, buffer, down, up
from .bodies import HEX32, Body, Bolt11, DescriptionHash, Expiry, KeysendBody, Limit, Offset, Secret, Text
from .slices import listed

router = APIRouter(tags=["LndHub"])

_UNUSED_FEE = 0
_PUBLIC_EXPIRY_SECONDS = 3600
_DEFAULT_ROWS = 100
"""Rows that are listed if the request does not name a number."""


class CreateBody(Body):
    """An account to be made; a login or password that is not given, or empty, is random. BlueWallet sends the other
    two fields, which change nothing.
    """

    login: Secret = ""
    password: Secret = ""
    partnerid: Text = ""
    accounttype: Text = ""


class Created(BaseModel):
    """Credentials of a new account, shown this once."""

    login: str
    password: str


class AuthBody(Body):
    """Login and password, or a refresh token."""

    login: Secret | None = None
    password: Secret | None = None
    refresh_token: Text | None = None


class TokenPair(BaseModel):
    """Tokens. The refresh token can be used once."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int


class PublicInvoiceBody(Body):
    """An invoice to be made, as a stranger may ask for it.

    Attributes:
        amt: the amount in sat; if it is 0, the payer chooses the amount.
        description_hash: SHA-256 in place of the memo.
    """

    amt: Sat
    memo: Text = ""
    description_hash: DescriptionHash = ""


class AddInvoiceBody(PublicInvoiceBody):
    """An invoice to be made.

    Attributes:
        expiry: seconds in which it can be paid; by default the hub's own. LndHub has no such field.
    """

    expiry: Expiry | None = None


class PayInvoiceBody(Body):
    """An invoice to be paid; amount is for an invoice that names none."""

    invoice: Bolt11
    amount: Sat | None = None


def tokens(pair: Pair) -> TokenPair:
    """Return tokens as clients read them."""
    return TokenPair(access_token=pair.access, refresh_token=pair.refresh, expires_in=pair.seconds)


async def login(hub: Hub, body: AuthBody, address: str) -> TokenPair:
    """Return tokens for a login and password, or for a refresh token."""
    if body.refresh_token:
        with hub.logins.by_token(address):
            return tokens(await hub.tokens.refresh(hub.pool, body.refresh_token, address, hub.logins.renew))
    if body.login is None or body.password is None:
        raise BadArguments("give login and password, or a refresh token")
    async with hub.logins.by_password(body.login, address):
        user = await hub.accounts.login(body.login, body.password)
        return tokens(await hub.tokens.login(hub.pool, user.id, user.epoch))


@router.post("/create", dependencies=CREATOR)
async def create(hub: Running, body: CreateBody | None = None) -> Created:
    """Make an account. Anyone may do this, only the admin token, or nobody, as the hub is configured."""
    body = body or CreateBody()
    user, password = await hub.accounts.create(body.login or None, body.password or None)
    return Created(login=user.login, password=password)


@router.post("/auth")
async def auth(
    hub: Running, address: Address, body: AuthBody, kind: t.Annotated[str, Query(alias="type", max_length=20)] = ""
) -> TokenPair:
    """Log in by password, or by a refresh token, which is used up."""
    if kind not in ("", "auth", "refresh_token"):
        raise BadArguments("type must be auth or refresh_token")
    return await login(hub, body, address)


@router.post("/addinvoice", dependencies=USER)
async def add_invoice(hub: Running, user: CurrentUser, body: AddInvoiceBody) -> dict[str, t.Any]:
    """Make an invoice."""
    return await _added(hub, user, body, body.expiry or 0)


@router.post("/invoice/{login}")
async def add_invoice_of(
    hub: Running, address: Address, login: t.Annotated[str, Path(max_length=64)], body: PublicInvoiceBody
) -> dict[str, t.Any]:
    """Make an invoice of an account without its token, for a Lightning address for example. It can be paid for one
    hour. Most hubs do not allow that.
    """
    if not hub.config.service.public_invoices:
        raise NotFound
    hub.public.take(near(address))
    user = await hub.accounts.by_login(login)
    if user is None or user.deactivated:
        raise NotFound
    hub.public.take(("invoices of", user.id))
    try:
        return await _added(hub, user, body, _PUBLIC_EXPIRY_SECONDS)
    except AboveLimit as error:
        # Not which limit, nor its amount: a stranger could compute the balance from it.
        raise BadArguments("this account cannot have an invoice of this amount now") from error


async def _added(hub: Hub, user: User, body: PublicInvoiceBody, expiry: int) -> dict[str, t.Any]:
    added = await hub.incoming.add(user, body.amt * 1000, body.memo, bytes.fromhex(body.description_hash), expiry)
    request = added.payment_request
    return {"r_hash": added.payment_hash.hex(), "payment_request": request, "pay_req": request, "add_index": "0"}


def _route(paid: Paid) -> dict[str, t.Any]:
    return {
        "total_amt": up(paid.amount_msat + paid.fee_msat),
        "total_amt_msat": paid.amount_msat + paid.fee_msat,
        "total_fees": up(paid.fee_msat),
        "total_fees_msat": paid.fee_msat,
        "hops": [],
    }


@router.post("/payinvoice", dependencies=USER)
async def pay_invoice(hub: Running, user: CurrentUser, body: PayInvoiceBody) -> dict[str, t.Any]:
    """Pay an invoice. An error with code 9 means that the payment is under way: it is booked when lnd knows its end."""
    request, paid = await hub.paying.pay(user, body.invoice, (body.amount or 0) * 1000)
    return {
        "payment_error": "",
        "payment_hash": buffer(paid.payment_hash),
        "payment_preimage": buffer(paid.preimage),
        "payment_route": _route(paid),
        "payment_request": request.payment_request,
        "pay_req": request.payment_request,
        "num_satoshis": up(paid.amount_msat),
        "description": request.memo,
        "description_hash": request.description_hash,
        "decoded": _decoded(request, paid.amount_msat),
    }


@router.post("/keysend", dependencies=USER)
async def keysend(hub: Running, user: CurrentUser, body: KeysendBody) -> dict[str, t.Any]:
    """Pay a node without an invoice. An error with code 9 has the payment_hash of the payment that is under way."""
    paid = await hub.paying.keysend(user, body.destination.lower(), body.amount * 1000, body.memo, body.records())
    return {
        "payment_error": "",
        "payment_hash": buffer(paid.payment_hash),
        "payment_preimage": buffer(paid.preimage),
        "payment_route": _route(paid),
        "num_satoshis": up(paid.amount_msat),
        "destination": body.destination.lower(),
        "description": body.memo,
    }


@router.get("/balance", dependencies=USER)
async def balance(hub: Running, user: CurrentUser) -> dict[str, t.Any]:
    """Return the balance that can be spent, in whole sat."""
    available, _reserved = await ledger.balance(hub.pool, user.id)
    return {"BTC": {"AvailableBalance": down(available)}}


@router.get("/gettxs", dependencies=USER, response_model=list[dict[str, t.Any]])
async def get_txs(
    hub: Running, user: CurrentUser, limit: Limit = 0, offset: Offset = 0, pending: bool = False
) -> Response:
    """List payments of the account, oldest first: the `offset` newest are left out, and the `limit` next ones are
    listed.

    Payments under way are among them only if the request has `pending=true`, because many clients take each entry for a
    payment that was made. Such an entry has no preimage, and its fee is the amount reserved for it.
    """
    states = ("pending", "settled") if pending else ("settled",)
    found = await history.payments(hub.pool, user.id, states, limit or _DEFAULT_ROWS, offset)
    return await listed(found[::-1], _transaction)


def _transaction(payment: history.Payment) -> dict[str, t.Any]:
    pending = payment.state == "pending"
    fee = payment.fee_limit_msat if pending else payment.fee_msat
    return {
        "type": "paid_invoice",
        "payment_hash": buffer(payment.payment_hash),
        "r_hash": buffer(payment.payment_hash),
        "payment_preimage": payment.preimage.hex(),
        "payment_request": payment.payment_request,
        "fee": up(fee),
        "fee_msat": fee,
        "value": up(payment.amount_msat + fee),
        "timestamp": _seconds(payment.created_at),
        "memo": "Payment in transition" if pending else payment.memo,
        "keysend": payment.kind == "keysend",
        "custom_records": encoded(payment.custom_records),
    }


def encoded(records: t.Mapping[str, str]) -> dict[str, str]:
    """Return custom records as lndhub.go lists them: each in base64, because it may hold any bytes."""
    return {number: b64encode(value.encode()).decode() for number, value in records.items()}


@router.get("/getuserinvoices", dependencies=USER, response_model=list[dict[str, t.Any]])
async def get_user_invoices(hub: Running, user: CurrentUser, limit: Limit = 0, offset: Offset = 0) -> Response:
    """List invoices of the account, oldest first: the `offset` newest are left out, and the `limit` next ones are
    listed.

    Without a limit, the invoices that were paid in the last 24 hours are added, however old they are: clients look
    there for the invoice that they wait for.
    """
    found = await history.invoices(hub.pool, user.id, limit or _DEFAULT_ROWS, offset)
    if not limit and not offset:
        found = await history.with_paid_lately(hub.pool, user.id, found)
    return await listed(found[::-1], _invoice)


def _invoice(invoice: history.Invoice) -> dict[str, t.Any]:
    paid = invoice.state == "settled"
    return {
        "type": "user_invoice",
        "r_hash": buffer(invoice.payment_hash),
        "payment_hash": invoice.payment_hash.hex(),
        "payment_request": invoice.payment_request,
        "pay_req": invoice.payment_request,
        "add_index": "0",
        "description": invoice.memo,
        "amt": down(invoice.received_msat if paid else invoice.amount_msat),
        "ispaid": paid,
        "timestamp": _seconds(invoice.created_at),
        "expire_time": _seconds(invoice.expires_at) - _seconds(invoice.created_at),
        "keysend": False,
        "custom_records": {},
    }


@router.get("/getpending", dependencies=USER)
async def get_pending(user: CurrentUser) -> list[dict[str, t.Any]]:
    """List on-chain deposits that are not confirmed. The list is empty, because on-chain deposits are not offered."""
    return []


@router.get("/getbtc", dependencies=USER)
async def get_btc(user: CurrentUser) -> list[dict[str, t.Any]]:
    """Refuse, because on-chain deposits are not offered."""
    raise BadArguments("on-chain deposits are not offered: make an invoice")


@router.get("/checkpayment/{payment_hash}", dependencies=USER)
async def check_payment(
    hub: Running, user: CurrentUser, payment_hash: t.Annotated[str, Path(pattern=HEX32)]
) -> dict[str, bool]:
    """Report whether an invoice of this account was paid, or a payment of it was made."""
    wanted = bytes.fromhex(payment_hash)
    invoice = await history.invoice(hub.pool, user.id, wanted)
    if invoice is not None:
        return {"paid": invoice.state == "settled"}
    payment = await history.payment(hub.pool, user.id, wanted)
    if payment is not None:
        return {"paid": payment.state == "settled"}
    raise BadArguments("no invoice and no payment of this account has that hash")


def _decoded(request: node.Request, paid_msat: int = 0) -> dict[str, t.Any]:
    """Return a payment request as lnd returns it over HTTP: 64-bit numbers are text.

    Args:
        paid_msat: the amount that was paid, if it was: clients read it here, also of an invoice that names none.
    """
    plain = dict(request.plain)
    if paid_msat:
        plain |= {"num_satoshis": up(paid_msat), "num_msat": paid_msat}
    for name in ("num_satoshis", "num_msat", "timestamp", "expiry", "cltv_expiry"):
        plain[name] = str(plain[name])
    return plain


@router.get("/decodeinvoice", dependencies=USER)
async def decode_invoice(
    hub: Running, user: CurrentUser, invoice: t.Annotated[str, Query(min_length=1, max_length=7100)]
) -> dict[str, t.Any]:
    """Return the contents of a payment request, read by lnd."""
    return _decoded(await hub.paying.read(invoice))


@router.get("/checkrouteinvoice", dependencies=USER)
async def check_route_invoice(
    hub: Running, user: CurrentUser, invoice: t.Annotated[str, Query(min_length=1, max_length=7100)]
) -> dict[str, t.Any]:
    """Return the same as decodeinvoice, as the first LndHub did; no route is looked for."""
    return _decoded(await hub.paying.read(invoice))


_INFO_FIELDS = (
    "identity_pubkey",
    "alias",
    "color",
    "block_height",
    "block_hash",
    "best_header_timestamp",
    "synced_to_chain",
    "synced_to_graph",
    "version",
    "commit_hash",
    "uris",
    "num_active_channels",
    "num_inactive_channels",
    "num_pending_channels",
    "num_peers",
)


@router.get("/getinfo", dependencies=USER)
async def get_info(hub: Running, user: CurrentUser) -> dict[str, t.Any]:
    """Describe the node behind the hub."""
    plain = (await hub.node.info()).plain
    testnet = any(chain["network"] == "testnet" for chain in plain["chains"])
    named = {name: plain[name] for name in _INFO_FIELDS}
    return {**named, "testnet": testnet, "chains": ["bitcoin"], "fee": _UNUSED_FEE}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
