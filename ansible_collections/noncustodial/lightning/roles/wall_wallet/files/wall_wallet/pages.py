# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that all pages share: templates, headers, forms, and the address and session of a request."""

from __future__ import annotations

import re
import time
import typing as t
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jinja2
import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from .config import Config
from .hub import HubClient
from .l402 import Tokens
from .sessions import Session, Sessions

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # With no-referrer browsers would hide the origin of a form from us as well.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_MAX_BODY_BYTES = 16_384
_SAT = re.compile("[0-9]{1,16}")
_MOST_SAT = 21 * 10**14


class Problem(Exception):
    """A request was not done; title and text are shown on the page."""

    def __init__(self, title: str, text: str, status: int = 400) -> None:
        super().__init__(title)
        self.title, self.text, self.status = title, text, status


class LoggedOut(Exception):
    """The page needs a login."""


class SharedState:
    """The objects that all requests share."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.hub = HubClient(config.hub)
        self.sessions = Sessions(config.wallet.session_seconds, config.wallet.sessions)
        self.tokens = Tokens(
            config.token_key if config.wall.articles else b"", config.wall.token_seconds, config.service.name
        )
        # So that the browser does not mix up two services on one machine. The prefix makes browsers insist on Secure
        # and on this host.
        self.cookie = f"__Host-{config.service.name}"


def clean(text: str) -> str:
    """Return a stranger's text without invisible characters: control characters, and those that turn the direction of
    writing.
    """
    return "".join(one for one in text if unicodedata.category(one) not in ("Cc", "Cf", "Co", "Cs"))


def sentence(words: str) -> str:
    """Return the hub's message as a sentence."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"


def _sat(amount: int) -> Markup:
    return Markup('<span class="sat">{}&nbsp;sat</span>').format(f"{amount:,}")


def _when(seconds: int) -> Markup:
    moment = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M"))


def _left(moment: int) -> int:
    """Return the seconds until a moment, and one more, so that it has certainly come afterwards."""
    return max(0, moment - int(time.time())) + 1


def _qr(text: str) -> Markup:
    """Return a QR code as SVG. It is black on white in every colour scheme, because cameras read that."""
    code = segno.make(text, error="L" if len(text) > 300 else "M", boost_error=False, micro=False)
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    # The text around it describes it.
    return Markup(drawn.replace("<svg ", '<svg aria-hidden="true" ', 1))  # noqa: S704


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    # The pages of a release that replaces them while this one runs have other values.
    auto_reload=False,
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"clean": clean, "sentence": sentence, "sat": _sat, "when": _when, "left": _left, "qr": _qr}
for _name in _TEMPLATES.list_templates():
    _TEMPLATES.get_template(_name)


def state_of(request: Request) -> SharedState:
    """Return the objects that all requests share."""
    return t.cast("SharedState", request.app.state.shared)


def address(request: Request) -> str:
    """Return the address of the client according to the proxy in front, if that is trusted; else that of the
    connection.
    """
    forwarded = request.headers.getlist("x-forwarded-for")
    if state_of(request).config.listen.trust_proxy and forwarded:
        # The last entry is the proxy's own; those before it are whatever the client wrote.
        return forwarded[-1].rpartition(",")[2].strip()[:64]
    return request.client.host if request.client else ""


def maybe_session(request: Request) -> Session | None:
    """Return the session of a request; None if it has none."""
    state = state_of(request)
    return state.sessions.get(request.cookies.get(state.cookie, ""))


def session_of(request: Request) -> Session:
    """Return the session of a request.

    Raises:
        LoggedOut: there is none.
    """
    session = maybe_session(request)
    if session is None:
        raise LoggedOut
    return session


def page(request: Request, template: str, status: int = 200, **values: t.Any) -> Response:
    """Return a page made from a template."""
    config = state_of(request).config
    session = maybe_session(request)
    common = {
        "service": config.service,
        "session": session,
        "wallet": config.wallet,
        "has_wall": bool(config.wall.articles),
        "path": request.url.path,
    }
    return HTMLResponse(_TEMPLATES.get_template(template).render({**common, **values}), status)


def go(path: str) -> Response:
    """Redirect to another page of ours, by GET. The path must never come from a request."""
    return RedirectResponse(path, 303)


def give_cookie(response: Response, name: str, value: str, seconds: int, path: str = "/", strict: bool = True) -> None:
    """Set a cookie that no script and no network can read."""
    response.set_cookie(
        name, value, seconds, path=path, secure=True, httponly=True, samesite="strict" if strict else "lax"
    )


async def form(request: Request, session: Session | None = None) -> dict[str, str]:
    """Return the fields of a form of ours.

    Args:
        session: the session to which the form must belong.

    Raises:
        Problem: it comes from another site or session, is too large, or is no form.
    """
    origin = request.headers.get("origin", "")
    # Every browser sends the origin with a form; the cookie's SameSite does not distinguish two ports of one host.
    if not origin or urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Problem("Not from here", "This form was not sent by a page of this site, so nothing was done.", 403)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY_BYTES:
            raise Problem("Too much", "What was sent is too large.", 413)
    try:
        fields = dict(
            parse_qsl(
                body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=20, errors="strict"
            )
        )
    except ValueError as error:
        raise Problem("Not understood", "What was sent is no form of ours.") from error
    if session is not None and fields.get("csrf") != session.csrf:
        raise Problem("Out of date", "This form is from an earlier login. Open the page again; nothing was done.", 403)
    return fields


def amount_of(text: str) -> int | None:
    """Return a whole number of sat as a person types it; None if the text is none."""
    digits = text.strip().replace(",", "")
    return int(digits) if _SAT.fullmatch(digits) and int(digits) <= _MOST_SAT else None


def expired(seconds: int) -> bool:
    """Return whether a moment, in seconds since 1970, has passed."""
    return seconds <= time.time()


class Headers:
    """Add to every answer the headers by which browsers refuse foreign content, and those by which no cache keeps a
    user's pages.
    """

    def __init__(self, app: t.Any) -> None:
        self._app = app

    async def __call__(self, scope: t.Any, receive: t.Any, send: t.Any) -> None:
        """Handle one request."""

        async def answer(message: t.MutableMapping[str, t.Any]) -> None:
            if message["type"] == "http.response.start":
                cache = b"max-age=3600" if scope["path"].startswith("/static/") else b"no-store"
                message["headers"] = [*message["headers"], *_HEADERS, (b"cache-control", cache)]
            await send(message)

        await self._app(scope, receive, answer)
