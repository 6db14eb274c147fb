# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the first LndHub, as wallets use them. Errors come with HTTP status 200; amounts are sat."""

from __future__ import annotations

import typing as t
from datetime import datetime

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from .. import history, ledger, node
from ..errors import BadArguments
from ..hub import Hub
from ..outgoing import Paid
from ..tokens import Pair
from .access import CREATOR, USER, Address, CurrentUser, Running
from .amounts import LooseSat, Sat, buffer, down, up
from .slices import listed

router = APIRouter(tags=["LndHub"])

_FEE_UNUSED = 0
HEX32 = "^[0-9a-fA-F]{64}$"
# PostgreSQL has no place for a zero byte.
_NO_ZERO = r"^[^\x00]*$"
Text = t.Annotated[str, Field(strict=True, max_length=1024, pattern=_NO_ZERO)]
Secret = t.Annotated[str, Field(strict=True, max_length=256, pattern=_NO_ZERO)]
Bolt11 = t.Annotated[str, Field(strict=True, max_length=7100)]
Records = t.Annotated[dict[Text, Text], Field(max_length=32)]
Limit = t.Annotated[int, Query(ge=1, le=history.MOST)]
Offset = t.Annotated[int, Query(ge=0, le=1_000_000_000)]


class Body(BaseModel):
    """A request. Fields that the hub does not know are left alone, because clients send more than is needed."""

    model_config = ConfigDict(hide_input_in_errors=True)


class CreateBody(Body):
    """What BlueWallet sends; neither changes anything."""

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
    refresh_token: Secret | None = None


class TokenPair(BaseModel):
    """Tokens. The refresh token is good once."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int


class AddInvoiceBody(Body):
    """An invoice to be made.

    Attributes:
        amt: 0: the payer chooses.
        description_hash: SHA-256 in place of the memo.
    """

    amt: LooseSat
    memo: Text = ""
    description_hash: t.Annotated[str, Field(pattern="^([0-9a-fA-F]{64})?$")] = ""


class PayInvoiceBody(Body):
    """An invoice to be paid; amount is for those that name none."""

    invoice: Bolt11
    amount: LooseSat | None = None


class KeysendBody(Body):
    """A payment without an invoice; lndhub.go's clients write customRecords."""

    amount: t.Annotated[Sat, Field(gt=0)]
    destination: t.Annotated[str, Field(pattern="^0[23][0-9a-fA-F]{64}$")]
    memo: Text = ""
    custom_records: Records = Field(default_factory=dict)
    customRecords: Records = Field(default_factory=dict)  # noqa: N815


def tokens(pair: Pair) -> TokenPair:
    """Tokens as clients read them."""
    return TokenPair(access_token=pair.access, refresh_token=pair.refresh, expires_in=pair.seconds)


async def login(hub: Hub, body: AuthBody, address: str) -> TokenPair:
    """Tokens for a login or a refresh token."""
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
    """Make an account. Open to anyone, to the admin token, or to nobody, as the hub is configured."""
    user, password = await hub.accounts.create(None, None)
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
    added = await hub.incoming.add(user, body.amt * 1000, body.memo, bytes.fromhex(body.description_hash))
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
    """Pay an invoice. An error with code 9 means that it is under way: it is booked when lnd knows its end."""
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
        "decoded": _decoded(request),
    }


def custom_records(given: t.Mapping[str, str]) -> dict[int, bytes]:
    """Records of a keysend by number.

    Raises:
        BadArguments: a name is no number of the range that is free to use.
    """
    records: dict[int, bytes] = {}
    for name, value in given.items():
        if not (name.isascii() and name.isdigit() and len(name) < 20 and 65536 <= int(name) < 2**63) or int(name) == 5482373484:
            raise BadArguments("the names of custom records are numbers from 65536 on, without that of the preimage")
        records[int(name)] = value.encode()
    return records


@router.post("/keysend", dependencies=USER)
async def keysend(hub: Running, user: CurrentUser, body: KeysendBody) -> dict[str, t.Any]:
    """Pay a node without an invoice."""
    records = custom_records({**body.customRecords, **body.custom_records})
    paid = await hub.paying.keysend(user, body.destination.lower(), body.amount * 1000, body.memo, records)
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
    """What can be spent, in whole sat."""
    available, _reserved = await ledger.balance(hub.pool, user.id)
    return {"BTC": {"AvailableBalance": down(available)}}


@router.get("/gettxs", dependencies=USER, response_model=list[dict[str, t.Any]])
async def get_txs(hub: Running, user: CurrentUser, limit: Limit = 100, offset: Offset = 0) -> Response:
    """Payments of the account, oldest first, those under way among them with what is reserved; `limit` of the newest, without `offset` newer ones."""
    found = await history.payments(hub.pool, user.id, ("pending", "settled"), limit, offset)
    return await listed(found[::-1], _transaction)


def _transaction(payment: history.Payment) -> dict[str, t.Any]:
    pending = payment.state == "pending"
    fee = payment.fee_limit_msat if pending else payment.fee_msat
    return {
        "type": "paid_invoice",
        "payment_hash": buffer(payment.payment_hash),
        "r_hash": buffer(payment.payment_hash),
        "payment_preimage": payment.preimage.hex(),
        "fee": up(fee),
        "value": up(payment.amount_msat + fee),
        "timestamp": _seconds(payment.created_at),
        "memo": "Payment in transition" if pending else payment.memo,
        "keysend": payment.kind == "keysend",
        "custom_records": dict(payment.custom_records),
    }


@router.get("/getuserinvoices", dependencies=USER, response_model=list[dict[str, t.Any]])
async def get_user_invoices(hub: Running, user: CurrentUser, limit: Limit = 100, offset: Offset = 0) -> Response:
    """Invoices of the account, oldest first; `limit` of the newest, without `offset` newer ones."""
    found = await history.invoices(hub.pool, user.id, limit, offset)
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
        "timestamp": _seconds(invoice.settled_at or invoice.created_at),
        "expire_time": _seconds(invoice.expires_at) - _seconds(invoice.created_at),
    }


@router.get("/getpending", dependencies=USER)
async def get_pending(user: CurrentUser) -> list[dict[str, t.Any]]:
    """On-chain deposits that are not confirmed; there are none, because on-chain deposits are not offered."""
    return []


@router.get("/getbtc", dependencies=USER)
async def get_btc(user: CurrentUser) -> list[dict[str, t.Any]]:
    """On-chain deposits are not offered."""
    raise BadArguments("on-chain deposits are not offered: make an invoice")


@router.get("/checkpayment/{payment_hash}", dependencies=USER)
async def check_payment(hub: Running, user: CurrentUser, payment_hash: t.Annotated[str, Path(pattern=HEX32)]) -> dict[str, bool]:
    """Whether an invoice of this account was paid, or a payment of it was made."""
    wanted = bytes.fromhex(payment_hash)
    invoice = await history.invoice(hub.pool, user.id, wanted)
    if invoice is not None:
        return {"paid": invoice.state == "settled"}
    payment = await history.payment(hub.pool, user.id, wanted)
    if payment is not None:
        return {"paid": payment.state == "settled"}
    raise BadArguments("no invoice and no payment of this account has that hash")


def _decoded(request: node.Request) -> dict[str, t.Any]:
    """As lnd gives it over HTTP: 64-bit numbers as text."""
    plain = dict(request.plain)
    for name in ("num_satoshis", "num_msat", "timestamp", "expiry", "cltv_expiry"):
        plain[name] = str(plain[name])
    return plain


@router.get("/decodeinvoice", dependencies=USER)
async def decode_invoice(
    hub: Running, user: CurrentUser, invoice: t.Annotated[str, Query(min_length=1, max_length=7100)]
) -> dict[str, t.Any]:
    """What a payment request says, read by lnd."""
    return _decoded(await hub.paying.read(invoice))


@router.get("/checkrouteinvoice", dependencies=USER)
async def check_route_invoice(
    hub: Running, user: CurrentUser, invoice: t.Annotated[str, Query(min_length=1, max_length=7100)]
) -> dict[str, t.Any]:
    """The same, as in the first LndHub; no route is looked for."""
    return _decoded(await hub.paying.read(invoice))


_INFO = (
    "identity_pubkey",
    "alias",
    "block_height",
    "block_hash",
    "synced_to_chain",
    "synced_to_graph",
    "version",
    "uris",
    "num_active_channels",
)


@router.get("/getinfo", dependencies=USER)
async def get_info(hub: Running, user: CurrentUser) -> dict[str, t.Any]:
    """The node behind the hub."""
    plain = (await hub.node.info()).plain
    return {**{name: plain[name] for name in _INFO}, "chains": ["bitcoin"], "fee": _FEE_UNUSED}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
