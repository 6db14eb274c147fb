# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of the wall: those that open an article, and those that do not."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from starlette.datastructures import Headers

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from wall_wallet.l402 import OFFER, TICKET, WAIT, NotGood, TokenContent, Tokens, credentials

PREIMAGE = "ab" * 32
HASH = hashlib.sha256(bytes.fromhex(PREIMAGE)).hexdigest()
TOKENS = Tokens(b"k" * 32, 3600, "acme")
SAID = TokenContent(payment_hash=HASH, price=100, ends=TOKENS.ends())
TOKEN = TOKENS.make(OFFER, "signer", SAID)


def narrowed(token: str, *caveats: str) -> str:
    """Return a token that a holder can make of another."""
    return base64.b64encode(macaroon.parse(base64.b64decode(token)).attenuated(*caveats).encode()).decode()


def widened(token: str) -> str:
    """Return a token with the same signature, without the last condition."""
    given = macaroon.parse(base64.b64decode(token))
    return base64.b64encode(
        macaroon.Macaroon(given.location, given.identifier, given.caveats[:-1], given.signature).encode()
    ).decode()


def test_a_paid_token() -> None:
    TOKENS.proven("signer", f"{TOKEN}:{PREIMAGE}")
    TOKENS.proven("signer", f"{TOKEN}:{PREIMAGE.upper()}")


def test_the_identifier_is_that_of_l402() -> None:
    given = macaroon.parse(base64.b64decode(TOKEN))
    assert (given.identifier[:2], given.identifier[2:34].hex(), len(given.identifier)) == (b"\x00\x00", HASH, 66)
    assert TOKENS.make(OFFER, "signer", SAID) != TOKEN, "each is one of its own"


def test_its_holder_can_narrow_it() -> None:
    TOKENS.proven("signer", f"{narrowed(TOKEN, 'expires=9999999999')}:{PREIMAGE}")
    for caveat in ("expires=1", "article=channels", "services=other", "expires=tomorrow", "expires=²"):
        with pytest.raises(NotGood):
            TOKENS.proven("signer", f"{narrowed(TOKEN, caveat)}:{PREIMAGE}")


def hexadecimal(token: str, *caveats: str) -> str:
    return base64.b64decode(narrowed(token, *caveats)).hex()


PAID = f"{TOKEN}:{PREIMAGE}"
OLDER = hexadecimal(TOKEN, f"preimage={PREIMAGE}")


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ([("authorization", f"L402 {PAID}")], 1),
        ([("authorization", f"lsat   {PAID}")], 1),
        ([("authorization", f"LSAT {PAID}"), ("authorization", f"L402 {PAID}")], 2),
        ([("authorization", f"LSAT {PAID}, L402 {PAID}")], 2),
        ([("authorization", f"Bearer other, L402 {PAID}")], 1),
        ([("macaroon", OLDER)], 1),
        ([("grpc-metadata-macaroon", OLDER)], 1),
        ([("authorization", f"L402 {PAID.replace('+', '-').replace('/', '_').replace('=', '')}")], 1),
        ([("authorization", f"Bearer {PAID}")], 0),
        ([], 0),
    ],
)
def test_each_header_of_the_clients_is_read(headers: list[tuple[str, str]], good: int) -> None:
    shown = credentials(Headers(raw=[(name.encode(), value.encode()) for name, value in headers]))
    assert len(shown) == good
    for one in shown:
        TOKENS.proven("signer", one)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("authorization", "L402 ", "cannot be read"),
        ("authorization", "L402 two words", "cannot be read"),
        ("macaroon", "0201", "cannot be read"),
        ("macaroon", "not hexadecimal", "cannot be read"),
        ("macaroon", hexadecimal(TOKEN), "preimage"),
        ("macaroon", hexadecimal(TOKEN, f"preimage={'cd' * 32}"), "preimage"),
        ("macaroon", hexadecimal(TOKEN, f"preimage={PREIMAGE}", "expires=1"), "expired"),
    ],
)
def test_what_is_wrong_with_a_token_is_reported(name: str, value: str, words: str) -> None:
    (shown,) = credentials(Headers({name: value}))
    with pytest.raises(NotGood, match=words):
        TOKENS.proven("signer", shown)


def test_only_an_offer_may_carry_a_preimage() -> None:
    ticket = TOKENS.make(TICKET, "signer", SAID)
    with pytest.raises(NotGood, match="condition"):
        TOKENS.read(TICKET, "signer", narrowed(ticket, f"preimage={PREIMAGE}"))


def test_a_request_cannot_show_very_many() -> None:
    assert len(credentials(Headers({"authorization": ",".join([f"L402 {PAID}"] * 100)}))) == 8


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
        ("signer", f"{Tokens(b'o' * 32, 3600, 'acme').make(OFFER, 'signer', SAID)}:{PREIMAGE}", "not of this wall"),
        ("signer", f"{Tokens(b'k' * 32, 3600, 'globex').make(OFFER, 'signer', SAID)}:{PREIMAGE}", "not of this wall"),
        ("signer", f"{TOKENS.make(TICKET, 'signer', SAID)}:{PREIMAGE}", "not of this wall"),
        ("signer", f"{TOKENS.make(WAIT, 'signer', SAID)}:{PREIMAGE}", "not of this wall"),
        ("signer", f"{TOKENS.make(OFFER, 'signer', replace(SAID, ends=1))}:{PREIMAGE}", "expired"),
        ("signer", f"{widened(TOKEN)}:{PREIMAGE}", "not of this wall"),
    ],
)
def test_what_opens_nothing(article: str, credentials: str, words: str) -> None:
    with pytest.raises(NotGood, match=words):
        TOKENS.proven(article, credentials)


@pytest.mark.parametrize("kind", [OFFER, WAIT, TICKET])
def test_no_kind_passes_for_another(kind: bytes) -> None:
    said = replace(SAID, until=7, invoice="lnbc1") if kind == WAIT else SAID
    token = TOKENS.make(kind, "signer", said)
    assert TOKENS.read(kind, "signer", token) == said
    for other in {OFFER, WAIT, TICKET} - {kind}:
        with pytest.raises(NotGood, match="not of this wall"):
            TOKENS.read(other, "signer", token)


def test_what_is_added_makes_it_no_better() -> None:
    token = TOKENS.make(WAIT, "signer", replace(SAID, until=7, invoice="lnbc1"))
    for caveat in ("price=1", "until=9999999999", "invoice=lnevil"):
        with pytest.raises(NotGood, match="contradicts itself"):
            TOKENS.read(WAIT, "signer", narrowed(token, caveat))


def test_the_longest_invoice_fits_into_a_cookie() -> None:
    """The invoice is of a node with 20 private channels, all named in it: each has 51 bytes of 8 bits in letters of 5,
    and 3 letters about them.
    """
    token = TOKENS.make(
        WAIT, "a" * 64, replace(SAID, price=100_000_000, until=9_999_999_999, invoice="l" * (20 * 85 + 700))
    )
    assert TOKENS.read(WAIT, "a" * 64, token).price == 100_000_000
    assert (
        len(f"{'n' * 28}-article={token}; HttpOnly; Max-Age=2592000; Path=/articles/{'a' * 64}; SameSite=lax; Secure")
        < 4096
    )


def test_another_format_of_identifier() -> None:
    """A token that this key has made, for something else."""
    odd = macaroon.bake(TOKENS._root(OFFER, b"odd"), b"wall", b"odd").attenuated("article=signer", "expires=9999999999")
    with pytest.raises(NotGood, match="not of this wall"):
        TOKENS.read(OFFER, "signer", base64.b64encode(odd.encode()).decode())
