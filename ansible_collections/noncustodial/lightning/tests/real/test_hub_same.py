# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub answers the same on a node with its own keys, on a watch-only node whose keys are on a signer, and on a node
that a tenant runs elsewhere.

The same requests to all of them, compared field by field.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Setting
from ansible_collections.noncustodial.lightning.tests.support.pairs import ExternalPair, Pair, WatchOnlyPair

pytestmark = [pytest.mark.chain, pytest.mark.database]

Answer = tuple[str, int, t.Any]

DIFFERS = {
    # Secrets, and what is random.
    "login",
    "password",
    "access_token",
    "refresh_token",
    "payment_preimage",
    # Of this invoice, and signed by this node.
    "payment_request",
    "pay_req",
    "payment_hash",
    "r_hash",
    # This node, its peer and its channel.
    "identity_pubkey",
    "destination",
    "node_id",
    "chan_id",
    "uris",
    "block_hash",
    # When.
    "timestamp",
    "created_at",
    "settled_at",
    "expires_at",
    "best_header_timestamp",
}
"""Names of fields that are of one node, one moment or one account, and differ between any two hubs. All others are the
same.
"""


class Story:
    """The actions of a wallet, with all answers."""

    def __init__(self, pair: Pair, hub: Process) -> None:
        self._pair, self._hub = pair, hub
        self.answers: list[Answer] = []
        self._token = ""

    def ask(self, method: str, path: str, body: t.Any = None, token: str | None = None, shown: str = "") -> t.Any:
        """Send one request; its answer is kept under its path."""
        given = self._token if token is None else token
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        response = self._hub.http.request(method, path, json=body, headers=headers)
        self.answers.append((f"{method} {shown or path}", response.status_code, response.json()))
        return response.json()

    def login(self) -> str:
        """Make a new account, and return its token."""
        made = self.ask("POST", "/create", {})
        return str(self.ask("POST", "/auth?type=auth", made)["access_token"])

    def tell(self) -> None:
        """Do all actions."""
        alice, bob = self.login(), self.login()
        self._token = alice
        added = self.ask("POST", "/addinvoice", {"amt": 20_000, "memo": "first"})
        self.ask("GET", f"/decodeinvoice?invoice={added['pay_req']}", shown="/decodeinvoice")
        self.ask("GET", f"/checkpayment/{added['r_hash']}", shown="/checkpayment")
        assert self._pair.pay(added["pay_req"]) == ""
        until(
            "the deposit",
            lambda: (
                self._hub.http.get(f"/checkpayment/{added['r_hash']}", headers=self._headers()).json() == {"paid": True}
            ),
        )
        self.ask("GET", f"/checkpayment/{added['r_hash']}", shown="/checkpayment")
        out = self._pair.invoice(1_000_500, memo="coffee")
        self.ask("POST", "/payinvoice", {"invoice": out})
        self.ask("POST", "/payinvoice", {"invoice": out})
        self.ask("POST", "/v2/payments/bolt11", {"invoice": self._pair.invoice(0), "amount_msat": 2_001})
        self.ask("POST", "/payinvoice", {"invoice": self._pair.invoice(100_000_000)})
        assert self.ask("POST", "/payinvoice", {"invoice": _MAINNET})["message"] == "not a valid invoice", (
            "it is of another network"
        )
        self.ask(
            "POST", "/keysend", {"amount": 5, "destination": self._pair.outer.module("lnd_info")["identity_pubkey"]}
        )
        self._token = bob
        rent = self.ask("POST", "/v2/invoices", {"amount": 500, "description": "rent"})
        self._token = alice
        self.ask("POST", "/payinvoice", {"invoice": rent["payment_request"]})
        assert self._pair.pay(rent["payment_request"]) == "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS"
        for token in (alice, bob):
            self._token = token
            for path in ("/balance", "/v2/balance", "/gettxs", "/getuserinvoices", "/getpending", "/getbtc"):
                self.ask("GET", path)
            for path in ("/v2/invoices/incoming", "/v2/invoices/outgoing", "/getinfo", "/healthz"):
                self.ask("GET", path)
        self.ask("GET", f"/v2/invoices/{rent['payment_hash']}", shown="/v2/invoices/HASH")
        self.ask("GET", "/balance", token="nonsense")
        self.ask("GET", "/openapi.json")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


# An invoice of the main network, from the examples of BOLT 11.
_MAINNET = (
    "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxats"
    "yp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> t.Callable[[type[Pair]], list[Answer]]:
    """A function that returns the answers of a hub on a node of a kind; each is requested once."""
    answers: dict[type[Pair], list[Answer]] = {}

    def of(kind: type[Pair]) -> list[Answer]:
        if kind not in answers:
            answers[kind] = _told(kind(tmp_path_factory.mktemp(kind.__name__)), postgres)
        return answers[kind]

    return of


@pytest.mark.parametrize("kind", [WatchOnlyPair, ExternalPair])
def test_nobody_can_tell(told: t.Callable[[type[Pair]], list[Answer]], kind: type[Pair]) -> None:
    own, other = told(Pair), told(kind)
    assert [answer[:2] for answer in own] == [answer[:2] for answer in other]
    seen: set[str] = set()
    for (what, _status, mine), (_what, _other, theirs) in zip(own, other, strict=True):
        _same(mine, theirs, what, seen)
    assert seen <= DIFFERS
    # A name in that list that is in no answer would hide what comes under it one day.
    assert not {name for name in DIFFERS if name not in _names([body for _what, _status, body in own])}
    assert {status for _what, status, _body in own} == {200, 400, 401}


def _told(pair: Pair, postgres: Postgres) -> list[Answer]:
    """Return the answers of a hub on a pair's node."""
    try:
        pair.connect()
        setting = Setting(pair.folder / "hub", postgres, *pair.hubs_access()).migrate()
        hub = setting.start()
        try:
            story = Story(pair, hub)
            story.tell()
            metrics = hub.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
            names = sorted({line.split("{")[0].split()[0] for line in metrics.splitlines() if not line.startswith("#")})
            return [*story.answers, ("GET /metrics", 200, names)]
        finally:
            hub.stop()
    finally:
        pair.stop()


def _same(mine: t.Any, theirs: t.Any, place: str, seen: set[str]) -> None:
    """Compare two answers; names of fields that differ are noted, and must be among those that may."""
    assert type(mine) is type(theirs), place
    if isinstance(mine, dict):
        assert list(mine) == list(theirs), place
        for name in mine:
            if name in DIFFERS:
                assert type(mine[name]) is type(theirs[name]), f"{place}.{name}"
                seen.add(name)
            else:
                _same(mine[name], theirs[name], f"{place}.{name}", seen)
    elif isinstance(mine, list):
        assert len(mine) == len(theirs), place
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            _same(one, other, f"{place}[{number}]", seen)
    else:
        assert mine == theirs, place


def _names(value: t.Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_names(one) for one in value.values()))
    return set().union(*(_names(one) for one in value)) if isinstance(value, list) else set()
