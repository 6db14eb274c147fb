# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wallet's pages."""

from __future__ import annotations

import csv
import io
import re
import typing as t
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .hub import Account, BadAuth, Item, Refused
from .pages import (
    Problem,
    address,
    amount_of,
    clean,
    expired,
    form,
    give_cookie,
    go,
    maybe_session,
    page,
    sentence,
    session_of,
    state_of,
)
from .sessions import Draft, Session

_PAGE_ROWS, _EXPORT_ROWS = 20, 500
_HASH = re.compile("[0-9a-f]{64}")
_MOST_OFFSET = 1_000_000_000
# The wide forms too, which some spreadsheets take for the others.
_BEGINS_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"([,;|][\s\"']*)(?=[{re.escape(_BEGINS_FORMULA)}])")


async def login(request: Request) -> Response:
    """Log in with login and password of the hub."""
    if request.method == "GET":
        return go("/wallet") if maybe_session(request) else page(request, "login.html", login="", error="")
    fields = await form(request)
    given = fields.get("login", "").strip()
    try:
        account = await state_of(request).hub.login(given, fields.get("password", ""), address(request))
    except BadAuth:
        return page(request, "login.html", 401, login=given, error="Login or password are not right.")
    except Refused as error:
        return page(request, "login.html", error.http_status, login=given, error=sentence(error.message))
    return _begin(request, Session(login=given, account=account), go("/wallet"))


def _begin(request: Request, session: Session, response: Response) -> Response:
    state = state_of(request)
    state.sessions.end(request.cookies.get(state.cookie, ""))
    give_cookie(response, state.cookie, state.sessions.begin(session), state.config.wallet.session_seconds * 12)
    return response


async def logout(request: Request) -> Response:
    """End the session."""
    await form(request, session_of(request))
    state = state_of(request)
    state.sessions.end(request.cookies[state.cookie])
    response = go("/login")
    response.delete_cookie(state.cookie, secure=True, httponly=True, samesite="strict")
    # The pages that a browser keeps for its back button are of no use any more, and the next person at it could see
    # them.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def signup(request: Request) -> Response:
    """Make an account, and show its login and password once."""
    state = state_of(request)
    if not state.config.wallet.signup:
        raise Problem("No new accounts", "Accounts are given out by whoever runs this wallet.", 404)
    if request.method == "GET":
        return page(request, "signup.html", error="")
    await form(request)
    try:
        name, password = await state.hub.create(address(request))
        account = await state.hub.login(name, password, address(request))
    except Refused as error:
        return page(request, "signup.html", error.http_status, error=sentence(error.message))
    public = state.config.hub.public_url
    connection = f"lndhub://{name}:{password}@{public}" if public else ""
    session = Session(login=name, account=account)
    shown = page(request, "created.html", session=session, login=name, password=password, connection=connection)
    return _begin(request, session, shown)


async def home(request: Request) -> Response:
    """Show the balance, and the last invoices and payments."""
    session = session_of(request)
    items, _more = await _together(session.account, 0, 0, 5)
    return page(request, "wallet.html", balance=await session.account.balance(), items=items)


async def receive(request: Request) -> Response:
    """Make an invoice."""
    session = session_of(request)
    if request.method == "GET":
        return page(request, "receive.html", amount="", memo="", error="")
    fields = await form(request, session)
    memo = fields.get("memo", "").strip()

    def again(text: str, status: int = 422) -> Response:
        return page(request, "receive.html", status, amount=fields.get("amount", ""), memo=memo, error=text)

    amount = amount_of(fields.get("amount", "") or "0")
    if amount is None:
        return again("The amount must be a whole number of sat, or empty to let the payer choose.")
    try:
        payment_hash, _invoice = await session.account.add_invoice(amount, memo)
    except BadAuth:
        raise
    except Refused as error:
        return again(sentence(error.message), error.http_status)
    return go(f"/wallet/receive/{payment_hash}")


async def invoice(request: Request) -> Response:
    """Show an invoice, until it is paid and afterwards."""
    account = session_of(request).account
    wanted = _hash(request)
    item = next((one for one in await account.invoices(1000, 0) if one.payment_hash == wanted), None)
    if item is None:
        raise Problem("No such invoice", "Among the last 1,000 invoices of this account there is none like that.", 404)
    return page(request, "invoice.html", item=item)


async def invoice_status(request: Request) -> Response:
    """Report whether an invoice is paid."""
    return JSONResponse({"state": "paid" if await session_of(request).account.paid(_hash(request)) else "open"})


def _hash(request: Request) -> str:
    wanted = str(request.path_params["hash"])
    if not _HASH.fullmatch(wanted):
        raise Problem("No such invoice", "There is no page here.", 404)
    return wanted


async def send(request: Request) -> Response:
    """Take an invoice, which is shown before it is paid."""
    session = session_of(request)
    if request.method == "GET":
        return page(request, "send.html", invoice="", amount="", error="")
    fields = await form(request, session)
    text = "".join(fields.get("invoice", "").split())

    def again(words: str, status: int = 422) -> Response:
        return page(request, "send.html", status, invoice=text, amount=fields.get("amount", ""), error=words)

    if not text:
        return again("Paste an invoice.")
    amount = amount_of(fields.get("amount", "") or "0")
    if amount is None:
        return again("The amount must be a whole number of sat, or empty where the invoice names it.")
    try:
        decoded = await session.account.decode(text)
    except BadAuth:
        raise
    except Refused as error:
        return again(sentence(error.message), error.http_status)
    if expired(decoded.expires):
        return again("This invoice has expired. Ask the payee for another.")
    if not decoded.amount and not amount:
        return again("This invoice leaves the amount to you: say how much.")
    total = decoded.amount or amount
    fee_limit = 0 if decoded.own else state_of(request).config.hub.fee_limit(total)
    return go(f"/wallet/send/{session.add(Draft(invoice=text, decoded=decoded, amount=total, fee_limit=fee_limit))}")


def _draft(request: Request, session: Session) -> Draft:
    found = session.drafts.get(str(request.path_params["name"]))
    if found is None:
        raise Problem(
            "No such payment", "This page is from an earlier login, or too old. What was paid is in the history.", 404
        )
    return found


async def payment(request: Request) -> Response:
    """Show a payment before it is made and its state afterwards. Confirming it a second time does nothing."""
    session = session_of(request)
    draft = _draft(request, session)
    if request.method == "POST":
        await form(request, session)
        draft.start(session.account)
        return go(request.url.path)
    await draft.look(session.account)
    return page(request, "payment.html", draft=draft)


async def payment_status(request: Request) -> Response:
    """Report the state of a payment."""
    session = session_of(request)
    draft = _draft(request, session)
    await draft.look(session.account)
    return JSONResponse({"state": draft.state})


async def _together(
    account: Account, incoming: int, outgoing: int, size: int
) -> tuple[list[Item], tuple[int, int] | None]:
    """Return invoices and payments as one list, newest first, and the two numbers with which the next page begins; None
    if this is the last.

    Args:
        incoming, outgoing: numbers of invoices and payments on the pages before.
    """
    one, other = await account.invoices(size + 1, incoming), await account.payments(size + 1, outgoing)
    items: list[Item] = []
    while len(items) < size and (one or other):
        items.append((one if one and (not other or one[0].when >= other[0].when) else other).pop(0))
    received = sum(item.incoming for item in items)
    return items, (incoming + received, outgoing + len(items) - received) if one or other else None


async def history(request: Request) -> Response:
    """List invoices and payments."""
    incoming, outgoing = (
        min(amount_of(request.query_params.get(name, "0")) or 0, _MOST_OFFSET) for name in ("in", "out")
    )
    items, more = await _together(session_of(request).account, incoming, outgoing, _PAGE_ROWS)
    return page(request, "history.html", items=items, more=more, first=not incoming and not outgoing)


async def export(request: Request) -> Response:
    """Return the whole history as CSV."""
    account = session_of(request).account
    # The first part is read before the answer begins, so that a failure is answered as one.
    first = await _together(account, 0, 0, _EXPORT_ROWS)

    async def lines() -> t.AsyncIterator[str]:
        yield _csv(("time", "kind", "state", "received_sat", "sent_sat", "fee_sat", "memo", "payment_hash"))
        items, more = first
        while True:
            for item in items:
                moment = datetime.fromtimestamp(item.when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                amounts = (item.amount, 0, 0) if item.incoming else (0, item.amount, item.fee)
                kind = "invoice" if item.incoming else "payment"
                yield _csv((moment, kind, item.state, *amounts, plain(item.memo), item.payment_hash))
            if more is None:
                return
            items, more = await _together(account, *more, _EXPORT_ROWS)

    return StreamingResponse(
        lines(), media_type="text/csv", headers={"Content-Disposition": 'attachment; filename="history.csv"'}
    )


def plain(memo: str) -> str:
    """Return a memo that no spreadsheet takes for a formula, nor a part of it where another separator than ours begins
    a new cell.
    """
    text = _FORMULA.sub(r"\1'", clean(memo))
    return f"'{text}" if text.lstrip()[:1] in _BEGINS_FORMULA and text.strip() else text


def _csv(row: t.Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue()


ROUTES = [
    Route("/login", login, methods=["GET", "POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/signup", signup, methods=["GET", "POST"]),
    Route("/wallet", home),
    Route("/wallet/receive", receive, methods=["GET", "POST"]),
    Route("/wallet/receive/{hash}", invoice),
    Route("/wallet/receive/{hash}/status", invoice_status),
    Route("/wallet/send", send, methods=["GET", "POST"]),
    Route("/wallet/send/{name}", payment, methods=["GET", "POST"]),
    Route("/wallet/send/{name}/status", payment_status),
    Route("/wallet/history", history),
    Route("/wallet/history.csv", export),
]
