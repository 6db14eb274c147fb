# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's API: its form, as wallets read it, and bad input and abuse, after which nothing is booked. lnd is a fake
one.
"""

from __future__ import annotations

import hashlib
import socket
import time
import typing as t

import jwt
import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import (
    MACAROON,
    OTHER_NODE,
    OWN_NODE,
    Abort,
    FakeLnd,
    fails,
    read,
    request,
    succeeds,
)
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Setting, Wallet, ok

pytestmark = pytest.mark.database

HUGE_SAT = 21 * 10**14 + 1


@pytest.fixture(scope="module")
def alice(hub: Process, lnd: FakeLnd) -> Wallet:
    """A user with 1000 sat at the beginning of the module, who spends them only where a test mentions it."""
    wallet = hub.user()
    assert lnd.pay_from_outside(wallet.invoice(1000))
    until("the deposit", lambda: wallet.msat == 1_000_000)
    return wallet


@pytest.fixture
def unbooked(setting: Setting, alice: Wallet) -> t.Iterator[None]:
    """Check after each test that it has booked nothing."""

    def entries() -> str:
        return setting.postgres._psql(
            setting.database, "SELECT count(*), coalesce(max(transfer_id), 0) FROM entries"
        ).stdout

    before = entries()
    yield
    assert entries() == before


def refused(answer: t.Any, code: int) -> str:
    """Return the message of an error in LndHub's form."""
    assert isinstance(answer, dict), answer
    assert (answer.get("error"), answer.get("code")) == (True, code), answer
    assert set(answer) == {"error", "code", "message"}
    return str(answer["message"])


# --- the form


def test_what_wallets_read(alice: Wallet, lnd: FakeLnd, hub: Process) -> None:
    added = alice.post("/addinvoice", amt="25", memo="cake")
    assert set(added) == {"r_hash", "payment_request", "pay_req", "add_index"}
    (invoice,) = alice.get("/getuserinvoices?limit=1")
    assert (invoice["type"], invoice["amt"], invoice["ispaid"], invoice["description"]) == (
        "user_invoice",
        25,
        False,
        "cake",
    )
    assert (invoice["payment_hash"], bytes(invoice["r_hash"]["data"]).hex(), invoice["expire_time"]) == (
        added["r_hash"],
        added["r_hash"],
        86400,
    )
    assert alice.get("/getpending") == []
    refused(alice.get("/getbtc"), 8)
    assert alice.get("/getinfo")["alias"] == "fake"
    assert alice.get("/getinfo")["identity_pubkey"] == OWN_NODE
    decoded = alice.get(f"/decodeinvoice?invoice={added['pay_req']}")
    assert (decoded["num_satoshis"], decoded["destination"], decoded["route_hints"]) == ("25", OWN_NODE, [])
    bob = hub.user()
    paid = bob.pay(added["pay_req"])
    refused(paid, 2)
    carol = hub.user()
    assert lnd.pay_from_outside(carol.invoice(30))
    until("the deposit", lambda: carol.msat == 30_000)
    paid = carol.pay(added["pay_req"])
    preimage = bytes(paid["payment_preimage"]["data"])
    assert hashlib.sha256(preimage).hexdigest() == added["r_hash"] == bytes(paid["payment_hash"]["data"]).hex(), (
        "a proof of payment"
    )
    assert (paid["payment_error"], paid["payment_route"]["total_amt"], paid["payment_route"]["total_fees"]) == (
        "",
        25,
        0,
    )
    (transaction,) = carol.get("/gettxs?limit=10&offset=0")
    assert (transaction["type"], transaction["value"], transaction["fee"], transaction["memo"]) == (
        "paid_invoice",
        25,
        0,
        "cake",
    )
    assert transaction["payment_preimage"] == preimage.hex()
    assert (
        alice.get(f"/checkpayment/{added['r_hash']}") == {"paid": True} == carol.get(f"/checkpayment/{added['r_hash']}")
    )


def test_v2(hub: Process, lnd: FakeLnd) -> None:
    dave = hub.user()
    added = dave.post("/v2/invoices", amount_msat=10_500, description="half a sat")
    assert lnd.pay_from_outside(added["payment_request"])
    until("the deposit", lambda: dave.msat == 10_500)
    balance = dave.get("/v2/balance")
    assert balance == {"balance": 10, "balance_msat": 10_500, "reserved_msat": 0, "currency": "BTC", "unit": "sat"}
    one = dave.get(f"/v2/invoices/{added['payment_hash']}")
    assert (one["is_paid"], one["status"], one["amount_msat"], one["description"]) == (
        True,
        "settled",
        10_500,
        "half a sat",
    )
    assert [item["payment_hash"] for item in dave.get("/v2/invoices/incoming")] == [added["payment_hash"]]
    lnd.plan = succeeds(fee_msat=1)
    paid = dave.post("/v2/payments/bolt11", invoice=request(b"v2" * 16, 0, memo="tip"), amount_msat=400)
    assert (paid["amount"], paid["amount_msat"], paid["fee"], paid["fee_msat"], paid["payment_preimage"]) == (
        1,
        400,
        1,
        1,
        "ab" * 32,
    )
    lnd.plan = succeeds()
    keysent = hub.http.post("/v2/payments/keysend", json={"amount": 1, "destination": OTHER_NODE}, headers=dave.headers)
    assert (keysent.status_code, keysent.json()["code"]) == (400, 2), "with the reserve for fees it is too much"
    outgoing = dave.get("/v2/invoices/outgoing")
    assert [(item["status"], item["amount_msat"], item["description"]) for item in outgoing] == [
        ("settled", 400, "tip")
    ]
    assert dave.msat == 10_500 - 401


def test_amounts_that_contradict_each_other(hub: Process) -> None:
    dan = hub.user()
    free = request(b"contradiction".ljust(32), 0)
    for amount, msat in ((1, 2000), (0, 10_500), (10, 10_500), (5, 0)):
        for answer in (
            dan.post("/v2/invoices", amount=amount, amount_msat=msat),
            dan.post("/v2/payments/bolt11", invoice=free, amount=amount, amount_msat=msat),
        ):
            assert "contradict" in refused(answer, 8), (amount, msat)
    same = ({"amount": 3, "amount_msat": 3000}, 3000)
    for given, msat in (same, ({"amount": 0}, 0), ({"amount_msat": 0}, 0), ({}, 0)):
        assert read(dan.post("/v2/invoices", **given)["payment_request"])["num_msat"] == msat, given


def test_keysend(hub: Process, lnd: FakeLnd) -> None:
    dora = hub.user()
    assert lnd.pay_from_outside(dora.invoice(100))
    until("the deposit", lambda: dora.msat == 100_000)
    sent = dora.post("/keysend", amount=5, destination=OTHER_NODE, customRecords={"696969": "you"})
    assert sent["payment_error"] == ""
    assert dict(lnd.sent[-1].dest_custom_records)[696969] == b"you"
    assert dora.get("/gettxs")[0]["custom_records"] == {"696969": "eW91"}, "in base64, as lndhub.go lists them"
    assert dora.get("/v2/invoices/outgoing")[0]["custom_records"] == {"696969": "eW91"}
    for name in ("customRecords", "custom_records"):
        sent = dora.post("/v2/payments/keysend", amount=5, destination=OTHER_NODE, **{name: {"34349334": "h\u00e9"}})
        assert sent["custom_records"] == {"34349334": "h\u00e9"}
        assert dict(lnd.sent[-1].dest_custom_records)[34349334] == "h\u00e9".encode()
    long = {"7629169": "b" * 1200}
    assert dora.post("/keysend", amount=5, destination=OTHER_NODE, customRecords=long)["payment_error"] == ""
    longer = {"7629169": "b" * 1200, "7629171": "b" * 101}
    assert "1300 bytes" in refused(dora.post("/keysend", amount=5, destination=OTHER_NODE, customRecords=longer), 8)
    refused(dora.post("/keysend", amount=5, destination=OWN_NODE), 8)
    refused(dora.post("/keysend", amount=5, destination=OTHER_NODE, customRecords={"5482373484": "x"}), 8)
    refused(dora.post("/keysend", amount=5, destination=OTHER_NODE, customRecords={"1": "x"}), 8)


def test_several_keysends(hub: Process, lnd: FakeLnd) -> None:
    doris = hub.user()
    assert lnd.pay_from_outside(doris.invoice(100))
    until("the deposit", lambda: doris.msat == 100_000)

    def send(*amounts: int, **more: t.Any) -> tuple[int, t.Any]:
        keysends = [{"amount": amount, "destination": OTHER_NODE, **more} for amount in amounts]
        answer = hub.http.post("/v2/payments/keysend/multi", json={"keysends": keysends}, headers=doris.headers)
        return answer.status_code, answer.json()

    sent = lnd.calls["SendPaymentV2"]
    status, answer = send(5, 900)
    assert (status, refused(answer, 2)[:18]) == (400, "not enough balance")
    status, answer = send(5, 5, customRecords={"1": "x"})
    assert (status, answer["code"]) == (400, 8)
    assert (lnd.calls["SendPaymentV2"], doris.msat) == (sent, 100_000), "nothing of it was sent"
    lnd.plan = fails()
    try:
        status, answer = send(5, 6, customRecords={"696969": "x"})
    finally:
        lnd.plan = succeeds()
    assert status == 500, "none was made"
    assert [one["error"]["code"] for one in answer["keysends"]] == [10, 10]
    assert answer["keysends"][0]["keysend"] == {"destination": OTHER_NODE, "custom_records": {"696969": "x"}}
    status, answer = send(5, 6)
    assert (status, [one["error"] for one in answer["keysends"]]) == (200, [None, None])
    assert doris.msat == 89_000


def test_paging(hub: Process) -> None:
    erin = hub.user()
    for number in range(5):
        erin.invoice(number + 1)
    assert [one["amt"] for one in erin.get("/getuserinvoices")] == [1, 2, 3, 4, 5]
    assert [one["amt"] for one in erin.get("/getuserinvoices?limit=2")] == [4, 5]
    assert [one["amt"] for one in erin.get("/getuserinvoices?limit=2&offset=2")] == [2, 3]
    for odd in ("limit=0", "limit=-1", "limit=1001", "limit=x", "limit=", "limit=2.0", "offset=-1", "offset="):
        assert [one["amt"] for one in erin.get(f"/getuserinvoices?{odd}")] == [1, 2, 3, 4, 5], odd
        assert len(erin.get(f"/v2/invoices/incoming?{odd}")) == 5, odd
    assert erin.get("/getuserinvoices?offset=99999999999999999999") == erin.get("/gettxs?limit=%00") == []


def test_an_old_invoice_that_was_just_paid_is_listed(hub: Process, lnd: FakeLnd, setting: Setting) -> None:
    """BTCPay and Zeus look for it in the list without a limit."""
    eva = hub.user()
    old, older = eva.invoice(7), eva.invoice(8)
    assert lnd.pay_from_outside(older)
    until("the deposit", lambda: eva.msat == 8_000)
    made = "UPDATE invoices SET created_at = created_at - interval '9 days' WHERE amount_msat = 7000"
    assert setting.postgres._psql(setting.database, made).returncode == 0
    for _turn in range(100):
        eva.invoice(1)
    assert 7 not in [one["amt"] for one in eva.get("/getuserinvoices")]
    assert lnd.pay_from_outside(old)
    until("the deposit", lambda: eva.msat == 15_000)
    listed = eva.get("/getuserinvoices")
    assert [(one["amt"], one["ispaid"]) for one in listed[:2]] == [(7, True), (8, True)]
    assert (len(listed), {one["amt"] for one in listed[2:]}) == (102, {1})
    assert listed[0]["timestamp"] < time.time() - 8 * 86400, "when it was made, not when it was paid"
    assert len(eva.get("/getuserinvoices?limit=100")) == 100, "a limit holds"


def test_the_description_is_there_and_loads_nothing(hub: Process) -> None:
    document = hub.http.get("/openapi.json").json()
    assert {"/create", "/auth", "/payinvoice", "/v2/payments/bolt11", "/healthz"} <= set(document["paths"])
    page = hub.http.get("/docs")
    assert "/payinvoice" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not [word for word in ("http://", "https://", "<script") if word in page.text]
    assert hub.http.get("/docs.css").headers["content-type"].startswith("text/css")


# --- bad input


BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "text": b'"x"',
    "null": b"null",
    "deep": b'{"amt": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "not UTF-8": b'{"amt": 1, "memo": "\xff\xfe"}',
    "half a surrogate": b'{"amt": 1, "memo": "\\ud800"}',
    "a zero byte": b'{"amt": 1, "memo": "a\\u0000b"}',
    "a number of 9000 digits": b'{"amt": ' + b"9" * 9000 + b"}",
    "NaN": b'{"amt": NaN}',
    "Infinity": b'{"amt": Infinity}',
    "an exponent as text": b'{"amt": "1e3"}',
    "a huge exponent": b'{"amt": 1e300}',
    "a fraction": b'{"amt": 1.5}',
    "negative": b'{"amt": -1}',
    "negative text": b'{"amt": "-1"}',
    "a fraction as text": b'{"amt": "1.5"}',
    "other digits": '{"amt": "١٢"}'.encode(),
    "spaces": b'{"amt": " 1 "}',
    "empty text": b'{"amt": ""}',
    "true": b'{"amt": true}',
    "null amount": b'{"amt": null}',
    "a list as amount": b'{"amt": [1]}',
    "overflow": b'{"amt": 9223372036854775808}',
    "overflow in msat": b'{"amt": 9223372036854775}',
    "more than all bitcoin": b'{"amt": %d}' % HUGE_SAT,
    "more than all bitcoin as text": b'{"amt": "%d"}' % HUGE_SAT,
    "memo is a number": b'{"amt": 1, "memo": 5}',
    "memo too long": b'{"amt": 1, "memo": "%s"}' % (b"x" * 700),
    "a short hash": b'{"amt": 1, "description_hash": "ab"}',
}


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.usefixtures("unbooked")
def test_bad_bodies(what: str, alice: Wallet, lnd: FakeLnd, hub: Process) -> None:
    before = lnd.calls["AddInvoice"]
    response = hub.http.post(
        "/addinvoice", content=BODIES[what], headers={**alice.headers, "Content-Type": "application/json"}
    )
    assert response.status_code == 400
    message = refused(response.json(), 8)
    assert "pydantic" not in message
    assert lnd.calls["AddInvoice"] == before
    response = hub.http.post(
        "/v2/invoices",
        content=BODIES[what].replace(b"amt", b"amount"),
        headers={**alice.headers, "Content-Type": "application/json"},
    )
    if what not in ("nothing", "null amount", "memo is a number", "memo too long", "a zero byte", "half a surrogate"):
        assert response.status_code == 400, response.text
        refused(response.json(), 8)


@pytest.mark.parametrize("amount", [-1, 1.5, True, "x", [], {}, HUGE_SAT, 2**63, "1.5", "1e3"])
@pytest.mark.usefixtures("unbooked")
def test_bad_amounts_of_payments(amount: object, alice: Wallet) -> None:
    refused(alice.pay(request(b"0" * 32, 0), amount=amount), 8)
    refused(alice.post("/v2/payments/bolt11", invoice=request(b"0" * 32, 0), amount=amount), 8)


@pytest.mark.usefixtures("unbooked")
def test_bad_invoices(alice: Wallet, hub: Process, lnd: FakeLnd) -> None:
    sent = lnd.calls["SendPaymentV2"]
    for text in (
        "",
        "x",
        "lnbc1'; DROP TABLE users; --",
        "lnfake1zz",
        "lnfake1" + "00" * 3000,
        "é",
        "\r\nX: y",
        "lightning:",
        "a" * 7090,
    ):
        refused(alice.pay(text), 4)
        assert hub.http.post("/v2/payments/bolt11", json={"invoice": text}, headers=alice.headers).status_code == 400
    refused(alice.pay("a" * 7101), 8)
    refused(alice.post("/payinvoice"), 8)
    refused(alice.post("/payinvoice", invoice=5), 8)
    assert "expired" in refused(alice.pay(request(b"e" * 32, 1000, age=3601)), 4)
    refused(alice.pay(request(b"0" * 32, 0)), 8)
    refused(alice.pay(request(b"0" * 32, 0), amount=0), 8)
    assert "your own" in refused(alice.pay(alice.invoice(1)), 8)
    refused(alice.pay(request(b"n" * 32, 1000, destination=OWN_NODE)), 4)
    refused(alice.pay(request(b"r" * 32, alice.msat + 1)), 2)
    # The balance covers the amount, but not the reserve for fees.
    refused(alice.pay(request(b"r" * 32, alice.msat)), 2)
    refused(alice.pay(request(b"r" * 32, alice.msat - 15_000)), 2)
    refused(alice.pay(request(b"r" * 32, 2**62)), 8)
    for path in ("/decodeinvoice", "/checkrouteinvoice"):
        refused(alice.get(f"{path}?invoice=nonsense"), 4)
        refused(alice.get(path), 8)
    assert lnd.calls["SendPaymentV2"] == sent


@pytest.mark.usefixtures("unbooked")
def test_how_long_an_invoice_can_be_paid(alice: Wallet) -> None:
    for given, seconds in ({}, 86400), ({"expiry": 3900}, 3900), ({"expiry": None}, 86400), ({"expiry": "60"}, 60):
        alice.post("/addinvoice", amt=1, **given)
        assert alice.get("/getuserinvoices?limit=1")[0]["expire_time"] == pytest.approx(seconds, abs=1), given
    for wrong in (59, 0, -1, 31_536_001, "soon"):
        assert "expiry" in refused(alice.post("/addinvoice", amt=1, expiry=wrong), 8)


@pytest.mark.usefixtures("unbooked")
def test_hashes(alice: Wallet, hub: Process) -> None:
    other = hub.user().post("/addinvoice", amt=1)["r_hash"]
    for wrong in ("00", "z" * 64, "' OR 1=1 --", "0" * 65):
        refused(alice.get(f"/checkpayment/{wrong}"), 8)
    for unknown in ("0" * 64, other):
        assert (
            refused(alice.get(f"/checkpayment/{unknown}"), 8)
            == "no invoice and no payment of this account has that hash"
        )
        response = hub.http.get(f"/v2/invoices/{unknown}", headers=alice.headers)
        assert (response.status_code, response.json()["code"]) == (404, 8)


@pytest.mark.usefixtures("unbooked")
def test_a_node_that_fails_is_an_error_in_the_right_form(alice: Wallet, hub: Process, lnd: FakeLnd) -> None:
    lnd.broken["DecodePayReq"] = Abort("out of order", "UNAVAILABLE")
    lnd.broken["GetInfo"] = Abort("out of order", "UNAVAILABLE")
    try:
        refused(alice.pay(request(b"d" * 32, 1000)), 7)
        refused(alice.get("/getinfo"), 7)
        assert (
            hub.http.post("/v2/payments/bolt11", json={"invoice": "lnfake1"}, headers=alice.headers).status_code == 502
        )
    finally:
        lnd.broken.clear()


# --- who is who


def test_without_a_token(hub: Process) -> None:
    for method, path in (
        ("GET", "/balance"),
        ("GET", "/gettxs"),
        ("GET", "/getuserinvoices"),
        ("GET", "/getpending"),
        ("GET", "/getbtc"),
        ("GET", "/getinfo"),
        ("GET", f"/checkpayment/{'0' * 64}"),
        ("GET", "/decodeinvoice?invoice=x"),
        ("POST", "/addinvoice"),
        ("POST", "/payinvoice"),
        ("POST", "/keysend"),
    ):
        response = hub.http.request(
            method,
            path,
            json={"amt": 1, "invoice": "x", "amount": 1, "destination": OTHER_NODE} if method == "POST" else None,
        )
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        refused(response.json(), 1)
    for method, path in (
        ("GET", "/v2/balance"),
        ("GET", "/v2/invoices/incoming"),
        ("POST", "/v2/invoices"),
        ("POST", "/v2/payments/bolt11"),
    ):
        response = hub.http.request(method, path, json={"invoice": "x"} if method == "POST" else None)
        assert response.status_code == 401
        refused(response.json(), 1)


def test_every_route_of_the_description_is_closed(hub: Process) -> None:
    """Without a token only these routes answer, whatever is added later."""
    open_routes = {
        ("/create", "post"),
        ("/auth", "post"),
        ("/healthz", "get"),
        # Only where it is switched on: see test_invoices_for_strangers.
        ("/invoice/{login}", "post"),
        ("/v2/users", "post"),
        ("/v2/create", "post"),
    }
    paths = hub.http.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            if (path, method) not in open_routes:
                url = path.replace("{payment_hash}", "0" * 64).replace("{login}", "alice")
                assert hub.http.request(method.upper(), url, json={}).json()["code"] == 1, (method, path)


def test_tokens_are_not_mixed_up(hub: Process, setting: Setting) -> None:
    frank = hub.user()
    assert "error" in hub.http.get("/balance", headers={"Authorization": f"Bearer {frank.refresh}"}).json()
    refused(hub.http.post("/auth?type=refresh_token", json={"refresh_token": frank.access}).json(), 1)
    refused(hub.http.post("/auth", json={}).json(), 8)
    refused(hub.http.post("/auth?type=nonsense", json={}).json(), 8)
    claims = jwt.decode(frank.access, options={"verify_signature": False})
    key = (setting.credentials / "jwt_key").read_bytes().strip()
    forged = {
        "another key": jwt.encode(claims, b"x" * 32, "HS256"),
        "no signature": jwt.encode(claims, "", "none"),
        "lapsed": jwt.encode({**claims, "exp": 1}, key, "HS256"),
        "no end": jwt.encode({name: claims[name] for name in claims if name != "exp"}, key, "HS256"),
        "for something else": jwt.encode({**claims, "aud": "other"}, key, "HS256"),
        "another epoch": jwt.encode({**claims, "epoch": 7}, key, "HS256"),
        "nobody": jwt.encode({**claims, "sub": "999999"}, key, "HS256"),
        "no number": jwt.encode({**claims, "sub": "1 OR 1=1"}, key, "HS256"),
        "a huge number": jwt.encode({**claims, "sub": str(2**70)}, key, "HS256"),
        "nonsense": "a.b.c",
    }
    for what, token in forged.items():
        assert hub.http.get("/balance", headers={"Authorization": f"Bearer {token}"}).json()["code"] == 1, what
    assert hub.http.get("/balance", headers=[("Authorization", f"Bearer {frank.access}")] * 2).json()["code"] == 1, (
        "two headers"
    )
    assert ok(hub.http.get("/balance", headers={"Authorization": f"Bearer {jwt.encode(claims, key, 'HS256')}"}))


def test_a_refresh_token_is_good_once_and_a_stolen_one_ends_its_family(hub: Process) -> None:
    grace = hub.user()
    fresh = ok(hub.http.post("/auth?type=refresh_token", json={"refresh_token": grace.refresh}))
    assert ok(hub.http.get("/balance", headers={"Authorization": f"Bearer {fresh['access_token']}"}))
    refused(hub.http.post("/auth?type=refresh_token", json={"refresh_token": grace.refresh}).json(), 1)
    refused(hub.http.post("/auth?type=refresh_token", json={"refresh_token": fresh["refresh_token"]}).json(), 1)
    for access in (grace.access, fresh["access_token"]):
        refused(hub.http.get("/balance", headers={"Authorization": f"Bearer {access}"}).json(), 1)
    other = Wallet(hub, grace.login, grace.password)
    assert ok(hub.http.post("/auth?type=refresh_token", json={"refresh_token": other.refresh}))


def test_the_administrator(hub: Process) -> None:
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    heidi = hub.user()
    read = ok(hub.http.get(f"/v2/admin/users/{heidi.login}", headers=admin))
    assert (read["login"], read["balance_msat"], read["deactivated"]) == (heidi.login, 0, False)
    for headers in ({}, heidi.headers, {"Authorization": "Bearer wrong"}):
        assert hub.http.get(f"/v2/admin/users/{heidi.login}", headers=headers).status_code == 403
        assert (
            hub.http.put("/v2/admin/users", json={"id": read["id"], "deactivated": True}, headers=headers).status_code
            == 403
        )
    assert hub.http.get("/v2/admin/users/nobody", headers=admin).status_code == 404
    assert hub.http.put("/v2/admin/users", json={"id": 10**9, "deactivated": True}, headers=admin).status_code == 404
    for wrong in (
        {"id": "1"},
        {"id": 0},
        {"id": read["id"], "deactivated": "yes"},
        {"id": read["id"], "max_send_msat": -1},
        {},
    ):
        assert hub.http.put("/v2/admin/users", json=wrong, headers=admin).status_code == 400, wrong
    ok(
        hub.http.put(
            "/v2/admin/users",
            json={"id": read["id"], "max_receive_msat": 5_000, "max_send_msat": 2_000, "max_balance_msat": 6_000},
            headers=admin,
        )
    )
    assert "limit of 5 sat" in refused(heidi.post("/addinvoice", amt=6), 8)
    assert "limit of 2 sat" in refused(heidi.pay(request(b"l" * 32, 3_000)), 8)
    ok(hub.http.put("/v2/admin/users", json={"id": read["id"], "max_receive_msat": None}, headers=admin))
    assert "limit of 6 sat" in refused(heidi.post("/addinvoice", amt=7), 8)
    ok(hub.http.put("/v2/admin/users", json={"id": read["id"], "password": "a new password"}, headers=admin))
    refused(heidi.get("/balance"), 1)
    refused(hub.http.post("/auth?type=refresh_token", json={"refresh_token": heidi.refresh}).json(), 1)
    again = Wallet(hub, heidi.login, "a new password")
    ok(hub.http.put("/v2/admin/users", json={"id": read["id"], "deactivated": True}, headers=admin))
    refused(again.get("/balance"), 1)
    refused(hub.http.post("/auth", json={"login": heidi.login, "password": "a new password"}).json(), 1)


def test_accounts_with_a_chosen_login(hub: Process) -> None:
    made = ok(hub.http.post("/v2/users", json={"login": "ivan", "password": "correct horse"}))
    assert Wallet(hub, "ivan", "correct horse").msat == 0
    assert made["login"] == "ivan"
    taken = hub.http.post("/v2/users", json={"login": "ivan", "password": "correct horse"})
    assert (taken.status_code, taken.json()["message"]) == (400, "login already taken")
    for wrong in (
        {"login": "a"},
        {"login": "a b c"},
        {"login": "x\nSet-Cookie: y"},
        {"login": "x" * 65},
        {"password": "short"},
        {"login": "' OR ''='"},
    ):
        assert hub.http.post("/v2/users", json=wrong).status_code == 400, wrong


def test_wrong_logins(hub: Process) -> None:
    judy = hub.user()
    for login, password in (
        (judy.login, "x" * 32),
        ("nobody", judy.password),
        ("' OR 1=1 --", "x"),
        (judy.login, ""),
        ("", ""),
        ("a" * 256, "b"),
    ):
        refused(hub.http.post("/auth", json={"login": login, "password": password}).json(), 1)
    refused(hub.http.post("/auth", json={"login": judy.login, "password": "x" * 257}).json(), 8)
    refused(hub.http.post("/auth", json={"login": [judy.login], "password": {"$ne": ""}}).json(), 8)


# --- abuse


def strict(setting: Setting, folder: t.Any, lnd: FakeLnd, **options: dict[str, t.Any]) -> Setting:
    """Another hub, with other limits."""
    return Setting(folder, setting.postgres, lnd.rpcserver, lnd.certificate, MACAROON, **options).migrate()


def test_brute_force_and_rates(setting: Setting, lnd: FakeLnd, tmp_path: t.Any) -> None:
    limits = {"logins_per_minute": 5.0, "requests_per_second": 0.001, "burst": 12, "creates_per_minute": 2.0}
    process = strict(setting, tmp_path / "strict", lnd, limits=limits, listen={"trust_proxy": True}).start()
    try:
        at = [{"X-Forwarded-For": f"6.6.6.6, 10.0.0.{number}"} for number in range(9)]
        mallory = ok(process.http.post("/create", headers=at[0]))
        ok(process.http.post("/create", headers=at[0]))
        flooded = process.http.post("/create", headers=at[0])
        assert (flooded.status_code, flooded.json()["code"]) == (429, 12)
        victim = ok(process.http.post("/create", headers=at[1]))
        guess = {"login": victim["login"], "password": "wrong guess"}
        statuses = [process.http.post("/auth", json=guess, headers=at[2]).status_code for _turn in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        begin = time.monotonic()
        assert process.http.post("/auth", json=victim, headers={"X-Forwarded-For": "10.0.0.77"}).status_code == 429, (
            "closed to their network"
        )
        ok(process.http.post("/auth", json=victim, headers={"X-Forwarded-For": "10.0.1.1"}))
        assert time.monotonic() - begin > 1, "and slow for everybody else for a while"
        assert process.http.post("/auth", json=mallory, headers=at[2]).status_code == 429, "and so is the address"
        tokens = ok(process.http.post("/auth", json=mallory, headers=at[4]))
        for _turn in range(7):
            # As wall & wallet, for visitors whose sessions are over.
            refused(process.http.post("/auth", json={"refresh_token": "lapsed"}).json(), 1)
        tokens = ok(process.http.post("/auth", json={"refresh_token": tokens["refresh_token"]}))
        bearer = {"Authorization": f"Bearer {tokens['access_token']}", **at[4]}
        statuses = [process.http.get("/balance", headers=bearer).status_code for _turn in range(14)]
        assert statuses == [200] * 12 + [429] * 2
        statuses = [
            process.http.get("/metrics", headers={"Authorization": "Bearer guess", **at[5]}).status_code
            for _turn in range(7)
        ]
        assert statuses == [403] * 5 + [429] * 2
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("create", "with_token", "without"), [("admin", True, False), ("closed", False, False), ("open", True, True)]
)
def test_who_may_create(
    setting: Setting, lnd: FakeLnd, tmp_path: t.Any, create: str, with_token: bool, without: bool
) -> None:
    process = strict(setting, tmp_path / "closed", lnd, service={"create": create}).start()
    try:
        for path in ("/create", "/v2/users"):
            for headers, may in (
                ({"Authorization": f"Bearer {ADMIN_TOKEN}"}, with_token),
                ({}, without),
                ({"Authorization": "Bearer x"}, without),
            ):
                answer = process.http.post(path, json={}, headers=headers)
                assert ("login" in answer.json()) is may
                if not may:
                    refused(answer.json(), 1)
                    assert answer.status_code == 403
    finally:
        process.stop()


def test_size_and_speed_of_requests(setting: Setting, lnd: FakeLnd, tmp_path: t.Any) -> None:
    process = strict(setting, tmp_path / "slow", lnd, service={"body_seconds": 0.3}).start()
    try:
        large = process.http.post("/auth", content=b"x" * 65537)
        assert (large.status_code, large.json()["code"]) == (413, 8)
        chunks = process.http.post("/auth", content=(b"x" * 1000 for _turn in range(100)))
        assert chunks.status_code == 413
        with socket.create_connection(("127.0.0.1", process.port), 10) as slow:
            slow.sendall(b"POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            answer = slow.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408 ")
        with socket.create_connection(("127.0.0.1", process.port), 10) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 300_000 + b"\r\n\r\n")
            answer = raw.recv(4096)
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
        for path in ("/nothing", "/v2/nothing", "/../etc/passwd", "/%00"):
            gone = process.http.get(path)
            assert gone.status_code == 404
            refused(gone.json(), 8)
        wrong = process.http.delete("/balance")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    finally:
        process.stop()


RAW = {
    "two lengths": (b"POST /auth HTTP/1.1", b"Content-Length: 2\r\nContent-Length: 3", b"{}"),
    "a length that is none": (b"POST /auth HTTP/1.1", b"Content-Length: 2e0", b"{}"),
    "a negative length": (b"POST /auth HTTP/1.1", b"Content-Length: -1", b"{}"),
    "a space in a name": (b"GET /balance HTTP/1.1", b"Authorization : x", b""),
    "a zero byte": (b"GET /balance HTTP/1.1", b"X: a\x00b", b""),
    "a line feed alone in a value": (b"GET /balance HTTP/1.1", b"X: a\nAuthorization: Bearer b\rc", b""),
    "a body that is no chunk": (b"POST /auth HTTP/1.1", b"Transfer-Encoding: chunked", b"zz\r\n"),
    "a coding that nobody has": (b"POST /auth HTTP/1.1", b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    "no request at all": (b"\x16\x03\x01\x02\x00", b"X: y", b""),
}


@pytest.mark.parametrize("what", RAW)
@pytest.mark.usefixtures("unbooked")
def test_requests_that_no_client_sends(what: str, hub: Process) -> None:
    """Each is refused, and so is whatever comes after it on its connection: what was meant as a second request is
    none."""
    line, header, body = RAW[what]
    second = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", hub.port), 10) as raw:
        raw.sendall(line + b"\r\nHost: x\r\n" + header + b"\r\n\r\n" + body + second)
        answer = b""
        while part := raw.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert b'"database"' not in answer


@pytest.mark.usefixtures("unbooked")
def test_nothing_that_is_sent_comes_back_as_a_header(hub: Process, alice: Wallet) -> None:
    for path in ("/%0d%0aSet-Cookie:%20x=y", "/checkpayment/%0d%0aSet-Cookie:%20x=y", "/v2/invoices/%0d%0aX:y"):
        response = hub.http.get(
            path, headers={**alice.headers, "X-Forwarded-For": "1.1.1.1, 2.2.2.2", "Host": "evil.example"}
        )
        assert not {"set-cookie", "x", "location"} & set(response.headers)
        assert response.json()["error"] is True
        assert "evil" not in response.text


def test_nothing_of_a_request_is_in_the_log(hub: Process, alice: Wallet, setting: Setting) -> None:
    hub.http.post("/auth", json={"login": alice.login, "password": ["very secret word"]})
    log = hub.log.read_text()
    for secret in (
        alice.password,
        alice.access,
        alice.refresh,
        ADMIN_TOKEN,
        "very secret word",
        (setting.credentials / "jwt_key").read_text().strip(),
    ):
        assert secret not in log
    assert "Traceback" not in log, log[log.index("Traceback") :][-4000:]
