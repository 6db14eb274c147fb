# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of the wall: which open an article, and which do not."""

from __future__ import annotations

import base64
import hashlib

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon
from wall_wallet.l402 import OFFER, TICKET, NotGood, Tokens

PREIMAGE = "ab" * 32
HASH = hashlib.sha256(bytes.fromhex(PREIMAGE)).hexdigest()
TOKENS = Tokens(b"k" * 32, 3600)
TOKEN = TOKENS.make(OFFER, "signer", HASH)


def narrowed(token: str, *caveats: str) -> str:
    """What a holder can make of a token."""
    return base64.b64encode(macaroon.parse(base64.b64decode(token)).attenuated(*caveats).encode()).decode()


def widened(token: str) -> str:
    """The same signature, without the last condition."""
    given = macaroon.parse(base64.b64decode(token))
    return base64.b64encode(macaroon.Macaroon(given.location, given.identifier, given.caveats[:-1], given.signature).encode()).decode()


def test_a_paid_token() -> None:
    TOKENS.proven("signer", f"{TOKEN}:{PREIMAGE}")
    TOKENS.proven("signer", f"{TOKEN}:{PREIMAGE.upper()}")


def test_the_identifier_is_that_of_l402() -> None:
    given = macaroon.parse(base64.b64decode(TOKEN))
    assert (given.identifier[:2], given.identifier[2:34].hex(), len(given.identifier)) == (b"\x00\x00", HASH, 66)
    assert TOKENS.make(OFFER, "signer", HASH) != TOKEN, "each is one of its own"


def test_its_holder_can_narrow_it() -> None:
    TOKENS.proven("signer", f"{narrowed(TOKEN, 'expires=9999999999')}:{PREIMAGE}")
    for caveat in ("expires=1", "article=channels", "services=other", "expires=tomorrow", "expires=²"):
        with pytest.raises(NotGood):
            TOKENS.proven("signer", f"{narrowed(TOKEN, caveat)}:{PREIMAGE}")


@pytest.mark.parametrize(
    ("article", "credentials", "words"),
    [
        ("signer", f"{TOKEN}:{'cd' * 32}", "preimage"),
        ("signer", f"{TOKEN}:", "preimage"),
        ("signer", f"{TOKEN}:{PREIMAGE}00", "preimage"),
        ("signer", TOKEN, "cannot be read"),
        ("signer", f"{TOKEN[:-8]}:{PREIMAGE}", "cannot be read"),
        ("signer", f"not base64:{PREIMAGE}", "cannot be read"),
        ("signer", f":{PREIMAGE}", "cannot be read"),
        ("signer", f"{'A' * 4000}:{PREIMAGE}", "cannot be read"),
        ("channels", f"{TOKEN}:{PREIMAGE}", "for another article"),
        ("signer", f"{Tokens(b'o' * 32, 3600).make(OFFER, 'signer', HASH)}:{PREIMAGE}", "not of this wall"),
        ("signer", f"{TOKENS.make(TICKET, 'signer', HASH)}:{PREIMAGE}", "not of this wall"),
        ("signer", f"{Tokens(b'k' * 32, -1).make(OFFER, 'signer', HASH)}:{PREIMAGE}", "expired"),
        ("signer", f"{widened(TOKEN)}:{PREIMAGE}", "not of this wall"),
    ],
)
def test_what_opens_nothing(article: str, credentials: str, words: str) -> None:
    with pytest.raises(NotGood, match=words):
        TOKENS.proven(article, credentials)


def test_an_offer_is_no_ticket() -> None:
    assert TOKENS.read(TICKET, "signer", TOKENS.make(TICKET, "signer", HASH))[0] == HASH
    with pytest.raises(NotGood):
        TOKENS.read(TICKET, "signer", TOKEN)


def test_another_format_of_identifier() -> None:
    """A token that this key has made, for something else."""
    odd = macaroon.bake(TOKENS._root(OFFER, b"odd"), b"wall", b"odd").attenuated("article=signer", "expires=9999999999")
    with pytest.raises(NotGood, match="not of this wall"):
        TOKENS.read(OFFER, "signer", base64.b64encode(odd.encode()).decode())
