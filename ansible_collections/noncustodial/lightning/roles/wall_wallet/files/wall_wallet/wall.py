# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the articles. They cost the hub nothing until somebody asks for an invoice. A person does so by a
button, and a cookie then contains the invoice; a client of L402, which is one that does not accept HTML, by asking for
the article, because its protocol has no other way.
"""

from __future__ import annotations

import logging
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import articles
from .articles import Article
from .hub import Away
from .l402 import OFFER, TICKET, WAIT, NotGood, TokenContent, credentials
from .offers import NoOffer, Offers, stage
from .pages import Problem, address, form, give_cookie, go, page, state_of
from .receipts import Busy

_LOG = logging.getLogger("wall_wallet.wall")

_UNPAID = "payment required"


async def front(request: Request) -> Response:
    """List the articles."""
    directory = state_of(request).config.wall.articles
    return page(request, "front.html", articles=articles.all_in(directory)) if directory else go("/wallet")


def _article(request: Request) -> Article:
    article = articles.find(state_of(request).config.wall.articles, str(request.path_params["name"]))
    if article is None:
        raise Problem("No such article", "It may have been taken away, or its address is not right.", 404)
    return article


def _offers(request: Request) -> Offers:
    """Return the offers of the wall."""
    offers: Offers = request.app.state.offers
    return offers


def _cookie(request: Request) -> str:
    return f"{state_of(request).config.service.name}-article"


def _given(request: Request) -> str:
    """Return the token in a browser's cookie."""
    return request.cookies.get(_cookie(request), "")


async def show_article(request: Request) -> Response:
    """Show an article, or its price."""
    article, tokens = _article(request), state_of(request).tokens
    people = "text/html" in request.headers.get("accept", "")
    shown = credentials(request.headers)
    why = _UNPAID
    for one in shown:
        try:
            _offers(request).sold(tokens.proven(article.name, one))
        except NotGood as error:
            why = str(error)
        else:
            return page(request, "article.html", article=article)
    if not shown and _has_ticket(request, article):
        return page(request, "article.html", article=article)
    if not people:
        return await _challenge(request, article, why)
    content = None if shown else _wait(request, article)
    state = await _state(request, content)
    if state == "paid" and content:
        return _open(request, article, page(request, "article.html", article=article), content)
    if state == "open" and content:
        return page(request, "offer.html", 402, article=article, content=content)
    if state in ("closing", "unknown"):
        return page(request, "later.html", 503 if state == "unknown" else 402, article=article, state=state)
    return _price(request, article, state)


def _price(request: Request, article: Article, state: str, status: int = 402, problem: str = "") -> Response:
    """Show the price of an article, and the button."""
    return page(request, "price.html", status, article=article, state=state, error=problem)


async def _challenge(request: Request, article: Article, why: str) -> Response:
    """Answer a client of L402."""
    body: dict[str, object] = {"error": why, "price_sat": article.price}
    # A picture on another site would make each of its visitors ask. Browsers send the origin of a request, clients of
    # L402 do not.
    if request.method != "GET" or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return JSONResponse(body, 402)
    try:
        offer = await _offers(request).of_reader(article, address(request))
    except NoOffer as error:
        text = str(error) if why == _UNPAID else f"{why}. {error}"
        return JSONResponse({**body, "error": text}, error.status)
    tokens = state_of(request).tokens
    token = tokens.make(
        OFFER, article.name, TokenContent(payment_hash=offer.payment_hash, price=offer.price, ends=tokens.ends())
    )
    response = JSONResponse({**body, "token": token, "invoice": offer.invoice}, 402)
    # In this order, with the older name first: clients look for macaroon and invoice side by side.
    response.headers["WWW-Authenticate"] = (
        f'L402 macaroon="{token}", invoice="{offer.invoice}", version="0", token="{token}"'
    )
    return response


async def make_offer(request: Request) -> Response:
    """Make an invoice for a person who has pressed the button.

    A browser that has one gets another only after the hub has reported that it was not paid and can no longer be paid:
    the new cookie replaces the only one that contains it.
    """
    article, tokens = _article(request), state_of(request).tokens
    await form(request)
    response = go(f"/articles/{article.name}")
    content = _wait(request, article)
    if _has_ticket(request, article) or await _state(request, content) not in ("none", "expired"):
        return response
    try:
        offer = await _offers(request).make(article, address(request))
    except NoOffer as error:
        return _price(request, article, "none", error.status, str(error))
    content = TokenContent(
        payment_hash=offer.payment_hash, price=offer.price, ends=tokens.ends(), until=offer.until, invoice=offer.invoice
    )
    _give(request, response, article, tokens.make(WAIT, article.name, content), content)
    return response


def _has_ticket(request: Request, article: Article) -> bool:
    try:
        state_of(request).tokens.read(TICKET, article.name, _given(request))
    except NotGood:
        return False
    return True


def _wait(request: Request, article: Article) -> TokenContent | None:
    """Return the contents of the wait token in a browser's cookie; None if there is none."""
    try:
        return state_of(request).tokens.read(WAIT, article.name, _given(request))
    except NotGood:
        return None


async def _state(request: Request, content: TokenContent | None) -> str:
    """Return the state of the invoice in a browser's cookie: paid, the stage of an unpaid one, unknown if the hub does
    not answer, none without one.
    """
    if content is None:
        return "none"
    # Computed before the hub is asked: its answer is final for an invoice that could no longer be paid then.
    unpaid = stage(content.until)
    try:
        return "paid" if await _offers(request).paid(content, address(request)) else unpaid
    except Away as error:
        if not isinstance(error, Busy):
            _LOG.warning("%s %s: the hub: %s", request.method, request.url.path, error)
        return "unknown"


def _give(request: Request, response: Response, article: Article, token: str, content: TokenContent) -> None:
    # Not strict: a reader who comes back by a link on another site has paid all the same.
    give_cookie(
        response, _cookie(request), token, content.ends - int(time.time()), f"/articles/{article.name}", strict=False
    )


def _open(request: Request, article: Article, response: Response, content: TokenContent) -> Response:
    """Replace the cookie by a ticket, for which the hub is not asked again. It ends when the token that it replaces
    would have ended.
    """
    _give(request, response, article, state_of(request).tokens.make(TICKET, article.name, content), content)
    return response


async def article_status(request: Request) -> Response:
    """Report whether the invoice in the browser's cookie is paid."""
    article = _article(request)
    content = _wait(request, article)
    state = "paid" if _has_ticket(request, article) else await _state(request, content)
    response = JSONResponse({"state": state}, 503 if state == "unknown" else 200)
    return _open(request, article, response, content) if state == "paid" and content else response


ROUTES = [
    Route("/", front),
    Route("/articles/{name}", show_article),
    Route("/articles/{name}/offer", make_offer, methods=["POST"]),
    Route("/articles/{name}/status", article_status),
]
