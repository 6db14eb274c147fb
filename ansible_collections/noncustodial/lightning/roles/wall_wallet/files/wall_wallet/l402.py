# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What opens an article: a macaroon, with the preimage of its payment or without.

A macaroon, because clients of L402 in use read the token as one, and because its holder can hand on a narrower one. All that it says is in
it, signed, so that nothing is kept here. Its identifier is that of L402: version 0, payment hash, 32 random bytes.
An offer is worth nothing until it is shown with the preimage. A ticket is good by itself; a browser has it in a cookie, once the hub has
said that its offer was paid.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon

_IDENTIFIER = re.compile(rb"\x00\x00(.{32}).{32}", re.DOTALL)
_PREIMAGE = re.compile("[0-9a-fA-F]{64}")
_LONGEST = 2048
OFFER, TICKET = b"offer", b"ticket"


class NotGood(Exception):
    """The token does not open the article; the text says why, for whoever holds it."""


class Tokens:
    """Makes tokens and checks them.

    Args:
        key: secret.
        seconds: for how long a token is good.
    """

    def __init__(self, key: bytes, seconds: int) -> None:
        self._key, self.seconds = key, seconds

    def make(self, kind: bytes, article: str, payment_hash: str) -> str:
        """A token for one article, base64."""
        identifier = b"\x00\x00" + bytes.fromhex(payment_hash) + secrets.token_bytes(32)
        made = macaroon.bake(self._root(kind, identifier), b"wall", identifier)
        return base64.b64encode(made.attenuated(f"article={article}", f"expires={int(time.time()) + self.seconds}").encode()).decode()

    def read(self, kind: bytes, article: str, token: str) -> tuple[str, int]:
        """The payment hash of a good token, and when it ends, seconds since 1970.

        Raises:
            NotGood: it is not of this wall, of another article, or has lapsed.
        """
        try:
            given = macaroon.parse(base64.b64decode(token if len(token) <= _LONGEST else "", validate=True))
        except (binascii.Error, ValueError, macaroon.Malformed) as error:
            raise NotGood("the token cannot be read") from error
        form = _IDENTIFIER.fullmatch(given.identifier)
        real = macaroon.bake(self._root(kind, given.identifier), b"wall", given.identifier).attenuated(*given.caveats)
        if form is None or not hmac.compare_digest(real.signature, given.signature):
            raise NotGood("the token is not of this wall")
        ends: list[int] = []
        # Whoever holds it may have added some; what is not understood does not hold.
        for caveat in given.caveats:
            name, _equals, value = caveat.partition("=")
            if name == "expires" and value.isascii() and value.isdigit():
                ends.append(int(value))
            elif name != "article":
                raise NotGood("the token has a condition that this wall does not know")
            elif value != article:
                raise NotGood("the token is for another article")
        if not ends or min(ends) <= time.time():
            raise NotGood("the token has expired")
        return form[1].hex(), min(ends)

    def proven(self, article: str, credentials: str) -> None:
        """See that an article is paid for by TOKEN:PREIMAGE.

        Raises:
            NotGood: it is not.
        """
        token, _colon, preimage = credentials.rpartition(":")
        payment_hash, _ends = self.read(OFFER, article, token)
        if not _PREIMAGE.fullmatch(preimage) or hashlib.sha256(bytes.fromhex(preimage)).hexdigest() != payment_hash:
            raise NotGood("the preimage is not that of the token's invoice")

    def _root(self, kind: bytes, identifier: bytes) -> bytes:
        return hmac.new(self._key, kind + identifier, hashlib.sha256).digest()
