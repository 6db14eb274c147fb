# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens that open an article: macaroons, shown with the preimage of the payment or without.

They are macaroons, because clients of L402 in use read the token as one, and because its holder can hand on a narrower
one. A token contains all that it states, signed, so that nothing is stored here: wall, article, price, payment hash,
and when it ends. Its identifier is that of L402: version 0, payment hash, 32 random bytes. There are three kinds, each
signed with its own key, so that none is accepted as another:

- an offer, for clients of L402, opens nothing until it is shown with the preimage;
- a wait, in the cookie of the browser that requested an invoice, opens the article once the hub has reported that this
  invoice was paid;
- a ticket, which then takes its place in that cookie, opens the article by itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass

from starlette.datastructures import Headers

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon

_SCHEME = re.compile(r"(?:l402|lsat)\b *", re.IGNORECASE)
# The condition in which the older forms of aperture's clients carry the preimage.
_PREIMAGE_CAVEAT = "preimage"
_URL_SAFE = str.maketrans("-_", "+/")
_IDENTIFIER = re.compile(rb"\x00\x00(.{32}).{32}", re.DOTALL)
_PREIMAGE = re.compile("[0-9a-fA-F]{64}")
# More than lnd's longest invoice, with 20 hints of routes, takes; a browser keeps no cookie of more than 4096 bytes.
_MAX_TOKEN_CHARACTERS = 4000
# In one request; a client that has bought several articles may show several.
_MAX_CREDENTIALS = 8
OFFER, WAIT, TICKET = b"offer", b"wait", b"ticket"


def credentials(headers: Headers) -> list[str]:
    """Return what a request shows as TOKEN:PREIMAGE, from every header in which clients of L402 write it.

    These are Authorization, several times or joined by commas, with the scheme L402 or its older name LSAT, and
    Macaroon and Grpc-Metadata-Macaroon, in which the token is hexadecimal and has the preimage as a condition
    (aperture, l402/header.go).
    """
    values = [one.strip() for value in headers.getlist("authorization") for one in value.split(",")]
    shown = [one[found.end() :] for one in values if (found := _SCHEME.match(one))]
    older = [value for name in ("macaroon", "grpc-metadata-macaroon") for value in headers.getlist(name)]
    return (shown + [_of_hexadecimal(value) for value in older])[:_MAX_CREDENTIALS]


def _of_hexadecimal(value: str) -> str:
    """Return the token and the preimage of a hexadecimal token; what cannot be read is returned as it is."""
    try:
        data = bytes.fromhex(value)
        caveats = dict(one.partition("=")[::2] for one in macaroon.parse(data).caveats)
    except (ValueError, macaroon.Malformed):
        return value
    return f"{base64.b64encode(data).decode()}:{caveats.get(_PREIMAGE_CAVEAT, '')}"


def _decoded(token: str) -> bytes:
    """Decode base64, the URL-safe alphabet and a missing padding included."""
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise ValueError("it is too long")
    standard = token.rstrip("=").translate(_URL_SAFE)
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


class NotGood(Exception):
    """The token does not open the article, for the reason in the message, which is for its holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenContent:
    """The contents of a token, besides its article.

    Attributes:
        price: amount of the invoice, in sat.
        ends: the end of the token, in seconds since 1970.
        until: the time until which the invoice of a wait is shown, in seconds since 1970.
        invoice: the invoice of a wait.
    """

    payment_hash: str
    price: int
    ends: int
    until: int = 0
    invoice: str = ""


class Tokens:
    """Make tokens and check them.

    Args:
        key: secret.
        seconds: lifetime of a token.
        wall: the wall's name; tokens of another wall are refused, even if it has the same key.
    """

    def __init__(self, key: bytes, seconds: int, wall: str) -> None:
        self._key, self.seconds, self._wall = key, seconds, wall

    def ends(self) -> int:
        """Return the end of a token that is made now, in seconds since 1970."""
        return int(time.time()) + self.seconds

    def make(self, kind: bytes, article: str, content: TokenContent) -> str:
        """Return a token for one article, in base64."""
        identifier = b"\x00\x00" + bytes.fromhex(content.payment_hash) + secrets.token_bytes(32)
        made = macaroon.bake(self._root(kind, identifier), b"wall", identifier)
        caveats = [f"article={article}", f"price={content.price}", f"expires={content.ends}"]
        if kind == WAIT:
            caveats += [f"until={content.until}", f"invoice={content.invoice}"]
        return base64.b64encode(made.attenuated(*caveats).encode()).decode()

    def read(self, kind: bytes, article: str, token: str) -> TokenContent:
        """Return the contents of a valid token.

        Raises:
            NotGood: it is not of this wall, is for another article, or has expired.
        """
        try:
            given = macaroon.parse(_decoded(token))
        except (binascii.Error, ValueError, macaroon.Malformed) as error:
            raise NotGood("the token cannot be read") from error
        form = _IDENTIFIER.fullmatch(given.identifier)
        real = macaroon.bake(self._root(kind, given.identifier), b"wall", given.identifier).attenuated(*given.caveats)
        if form is None or not hmac.compare_digest(real.signature, given.signature):
            raise NotGood("the token is not of this wall")
        caveats: dict[str, str] = {}
        # Its holder may have added caveats, which can only narrow it; one that is not understood counts as not met.
        for caveat in given.caveats:
            name, _equals, value = caveat.partition("=")
            if name == _PREIMAGE_CAVEAT and kind == OFFER:
                continue
            if name not in ("article", "price", "expires", "until", "invoice"):
                raise NotGood("the token has a condition that this wall does not know")
            if name == "article" and value != article:
                raise NotGood("the token is for another article")
            if name in ("price", "expires", "until") and not (value.isascii() and value.isdigit() and len(value) < 16):
                raise NotGood("the token has a condition that this wall does not know")
            if name == "expires":
                value = str(min(int(value), int(caveats.get(name, value))))
            elif caveats.get(name, value) != value:
                raise NotGood("the token contradicts itself")
            caveats[name] = value
        if not {"article", "price", "expires"} <= set(caveats):
            raise NotGood("the token is not of this wall")
        if int(caveats["expires"]) <= time.time():
            raise NotGood("the token has expired")
        return TokenContent(
            payment_hash=form[1].hex(),
            price=int(caveats["price"]),
            ends=int(caveats["expires"]),
            until=int(caveats.get("until", 0)),
            invoice=caveats.get("invoice", ""),
        )

    def proven(self, article: str, credentials: str) -> str:
        """Check that TOKEN:PREIMAGE proves the payment for an article, and return the payment hash.

        Raises:
            NotGood: it does not.
        """
        token, _colon, preimage = credentials.rpartition(":")
        payment_hash = self.read(OFFER, article, token).payment_hash
        if not _PREIMAGE.fullmatch(preimage) or hashlib.sha256(bytes.fromhex(preimage)).hexdigest() != payment_hash:
            raise NotGood("the preimage is not that of the token's invoice")
        return payment_hash

    def _root(self, kind: bytes, identifier: bytes) -> bytes:
        return hmac.new(self._key, b"\0".join((self._wall.encode(), kind, identifier)), hashlib.sha256).digest()
