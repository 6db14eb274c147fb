# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The articles: for clients of L402 by its headers, for people by a page with the same invoice and a cookie."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import articles
from .articles import Article
from .hub import Account
from .l402 import OFFER, TICKET, NotGood
from .pages import Problem, expired, give_cookie, go, page, state_of

_CREDENTIALS = re.compile(r"(?:l402|lsat) +(\S+)", re.IGNORECASE)
# An hour less than invoices are good for at the hub, so that nobody is shown one that lapses while it is being paid.
_OFFERED = 23 * 3600


async def front(request: Request) -> Response:
    """What there is to read."""
    directory = state_of(request).config.wall.articles
    return page(request, "front.html", articles=articles.all_in(directory)) if directory else go("/wallet")


def _article(request: Request) -> Article:
    found = articles.find(state_of(request).config.wall.articles, str(request.path_params["name"]))
    if found is None:
        raise Problem("No such article", "It may have been taken away, or its address is not right.", 404)
    return found


def _account(request: Request) -> Account:
    """The wall's own account."""
    account: Account = request.app.state.account
    return account


def _cookie(request: Request) -> str:
    return f"{state_of(request).config.service.name}-article"


async def article(request: Request) -> Response:
    """An article, or its price."""
    found, state = _article(request), state_of(request)
    why = ""
    credentials = _CREDENTIALS.fullmatch(request.headers.get("authorization", ""))
    ticket, _bar, invoice = request.cookies.get(_cookie(request), "").partition("|")
    try:
        if credentials:
            state.tokens.proven(found.name, credentials[1])
        else:
            state.tokens.read(TICKET, found.name, ticket)
        return page(request, "article.html", article=found)
    except NotGood as error:
        why = str(error) if credentials else ""
    offer = "" if credentials else await _paid_meanwhile(request, found, ticket)
    if offer == "paid":
        return _open(request, found, page(request, "article.html", article=found))
    if not offer:
        payment_hash, invoice = await _account(request).add_invoice(found.price, f"Article: {found.title}"[:200])
        ticket = state.tokens.make(OFFER, found.name, payment_hash)
    if "text/html" in request.headers.get("accept", ""):
        response = page(request, "offer.html", 402, article=found, invoice=invoice)
        _give(request, response, found, f"{ticket}|{invoice}")
    else:
        response = JSONResponse({"error": why or "payment required", "price_sat": found.price, "token": ticket, "invoice": invoice}, 402)
    # In this order, with the older name first: clients look for macaroon and invoice side by side.
    response.headers["WWW-Authenticate"] = f'L402 macaroon="{ticket}", invoice="{invoice}", version="0", token="{ticket}"'
    return response


async def _paid_meanwhile(request: Request, found: Article, ticket: str) -> str:
    """Of the offer in a browser's cookie: paid, open, or an empty text if it is no good."""
    tokens = state_of(request).tokens
    try:
        payment_hash, ends = tokens.read(OFFER, found.name, ticket)
    except NotGood:
        return ""
    if await _account(request).paid(payment_hash):
        return "paid"
    return "" if expired(ends - tokens.seconds + _OFFERED) else "open"


def _give(request: Request, response: Response, found: Article, value: str) -> None:
    # Not strict: who comes back by a link on another site has paid all the same.
    give_cookie(response, _cookie(request), value, state_of(request).tokens.seconds, f"/articles/{found.name}", strict=False)


def _open(request: Request, found: Article, response: Response) -> Response:
    """The cookie becomes a ticket, for which the hub is asked no more."""
    _give(request, response, found, state_of(request).tokens.make(TICKET, found.name, "00" * 32))
    return response


async def article_status(request: Request) -> Response:
    """Whether the offer in the browser's cookie is paid."""
    found = _article(request)
    state = await _paid_meanwhile(request, found, request.cookies.get(_cookie(request), "").partition("|")[0])
    if state == "paid":
        return _open(request, found, JSONResponse({"state": "paid"}))
    return JSONResponse({"state": state or "none"})


ROUTES = [
    Route("/", front),
    Route("/articles/{name}", article),
    Route("/articles/{name}/status", article_status),
]
