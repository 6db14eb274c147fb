# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""While the signer of its node is away, or the grant is revoked, a hub says so at once and books nothing; afterwards it
pays again.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.books import Books
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Setting, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.watches import SignerWatch

pytestmark = [pytest.mark.chain, pytest.mark.database]

# A busy machine takes longer than the 4.5 s of the watch, a signature that lnd waits for is longer still.
TOLD_SECONDS = 20.0
ANSWERS_SECONDS = 10.0
AWAY = (7, "signer away, try later: nothing was booked")


class Site:
    """A hub on a watch-only node, whose signer is watched."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.pair = WatchOnlyPair(folder)
        self.pair.connect()
        inner, signer = self.pair.inner, self.pair.signer
        self.watch = SignerWatch(
            folder / "watch",
            endpoint=signer.rpcserver,
            certificate_file=f"{signer.directory}/tls.cert",
            macaroon_file=str(folder / "grant.macaroon"),
            node_id=inner.module("lnd_info")["identity_pubkey"],
        )
        self.setting = Setting(
            folder / "hub",
            postgres,
            inner.rpcserver,
            inner.credentials()[0],
            baked(inner),
            node={"signer_state": str(self.watch.file)},
            service={"answer_within": 1.0},
        ).migrate()
        until("the first look", self.watch.state)
        self.hub = self.setting.start()
        self.books = Books(self.setting, inner)
        self.alice, self.bob = self.hub.user(), self.hub.user()
        assert self.pair.pay(self.alice.invoice(100_000)) == ""
        until("the deposit", lambda: self.alice.msat == 100_000_000)

    def health(self) -> tuple[str, str]:
        """Return how the hub calls its node and the signer."""
        answer = self.hub.http.get("/healthz").json()
        return answer["node"], answer["signer"]

    def refused(self, path: str, **body: t.Any) -> tuple[int, str]:
        """Return code and text of an answer that is an error."""
        answer = self.alice.post(path, **body)
        return answer["code"], answer["message"]

    def up(self) -> str:
        """Return the figure of the signer."""
        text = self.hub.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
        return next(one for one in text.splitlines() if one.startswith('lndhub_up{dependency="signer"}'))

    def told(self, state: str, begin: float) -> None:
        """Wait until the hub knows it."""
        until(f"the signer is {state}", lambda: self.health()[1] == state, TOLD_SECONDS)
        print(f"the hub knows it after {time.monotonic() - begin:.1f} s")

    def pays(self) -> None:
        """Pay to the world, and receive from it."""
        assert self.alice.pay(self.pair.invoice(1_000_000))["payment_error"] == ""
        before = self.alice.msat
        assert self.pair.pay(self.alice.invoice(1_000)) == ""
        # After a restart of lnd the hub subscribes again within 5 s.
        until("the deposit", lambda: self.alice.msat == before + 1_000_000)

    def tries_until_paid(self) -> list[tuple[int, str]]:
        """Pay to the world again and again until that is done; return code and text of the answers before."""
        answers: list[tuple[int, str]] = []

        def pays() -> bool:
            answer = self.alice.pay(self.pair.invoice(1_000))
            if "code" in answer:
                answers.append((answer["code"], answer["message"]))
            return "code" not in answer

        until("a payment", pays, 60)
        return answers

    def stop(self) -> None:
        """Stop all of it."""
        self.hub.kill()
        self.watch.stop()
        self.pair.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> t.Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("away"), postgres)
    try:
        yield made
    finally:
        made.stop()


def nothing_moves(site: Site, words: tuple[int, str]) -> None:
    """Ask for all that needs a signature: each is refused at once, nothing is booked, and lnd is not asked."""
    request = site.pair.invoice(2_000_000)
    outer = site.pair.outer.module("lnd_info")["identity_pubkey"]
    before = site.alice.msat, site.alice.get("/gettxs?pending=true"), site.alice.get("/getuserinvoices")
    begin = time.monotonic()
    for path, body in (
        ("/payinvoice", {"invoice": request}),
        ("/v2/payments/bolt11", {"invoice": request}),
        ("/keysend", {"amount": 5, "destination": outer}),
        ("/addinvoice", {"amt": 5}),
        ("/v2/invoices", {"amount": 5}),
    ):
        assert site.refused(path, **body) == words, path
    assert time.monotonic() - begin < ANSWERS_SECONDS, "none waits for a signature"
    assert (site.alice.msat, site.alice.get("/gettxs?pending=true"), site.alice.get("/getuserinvoices")) == before
    assert not site.pair.inner.has_ended(), "lnd ends itself if it is asked for a signature that does not come"


def test_a_signer_that_is_stopped(site: Site) -> None:
    rent = site.bob.invoice(7)
    assert (site.health(), site.up()[-3:]) == (("ok", "ok"), "1.0")
    begin = time.monotonic()
    site.pair.signer.stop()
    site.told("down", begin)
    assert (site.health(), site.up()[-3:]) == (("ok", "down"), "0.0")
    nothing_moves(site, AWAY)
    assert site.alice.pay(rent)["payment_error"] == "", "between users no signature is needed"
    site.pair.signer.start()
    begin = time.monotonic()
    answers = site.tries_until_paid()
    print(f"paid {time.monotonic() - begin:.1f} s after the start of the signer, refused {len(answers)} times before")
    assert set(answers) <= {AWAY}, "no payment meets a signer that starts, which would take the channel out of use"
    site.pays()
    assert site.health() == ("ok", "ok")
    assert "refused" in site.watch.journal


def test_a_payment_that_is_under_way_stays_so(site: Site) -> None:
    """The signer is frozen, and at last the node is down too."""
    preimage = secrets.token_bytes(32)
    held = site.pair.hold_invoice(hashlib.sha256(preimage).digest(), 3_000_000)
    assert site.alice.pay(held)["code"] == 9
    until("the payee to hold it", lambda: site.pair.held(hashlib.sha256(preimage).digest()) == "ACCEPTED")
    before = site.alice.msat
    begin = time.monotonic()
    site.pair.signer.freeze()
    try:
        site.told("down", begin)
        nothing_moves(site, AWAY)
        assert site.refused("/payinvoice", invoice=held)[0] == 9
        until("the cause to be known", lambda: "not_answering" in site.watch.journal)
        site.pair.inner.kill()
        until("the node to be down", lambda: site.health() == ("down", "down"))
        assert site.refused("/payinvoice", invoice=held)[0] == 9
        assert site.refused("/payinvoice", invoice=site.pair.invoice(1_000)) == AWAY
        assert site.refused("/addinvoice", amt=5) == AWAY
    finally:
        site.pair.signer.thaw()
    begin = time.monotonic()
    until("the signer", lambda: site.health() == ("down", "ok"))
    print(f"seen {time.monotonic() - begin:.1f} s after the thaw")
    site.pair.inner.start()
    site.pair.open_inner()
    site.pair.await_channels()
    assert site.alice.msat == before
    site.pair.settle(preimage)
    until("its end", lambda: not site.books.sql("SELECT 1 FROM payments WHERE state = 'pending'"))
    assert site.alice.get("/gettxs")[-1]["payment_preimage"] == preimage.hex(), "it was made"
    site.pays()


def test_a_grant_that_is_revoked(site: Site) -> None:
    begin = time.monotonic()
    revoked = site.pair.signer.module("lnd_macaroon", state="absent", root_key_id=1)
    assert not revoked.get("failed"), revoked
    site.told("down", begin)
    code, words = site.refused("/payinvoice", invoice=site.pair.invoice(1_000))
    assert (code, words.startswith("the tenant has ended signing")) == (7, True)
    nothing_moves(site, (code, words))
    assert "macaroon_refused" in site.watch.journal
