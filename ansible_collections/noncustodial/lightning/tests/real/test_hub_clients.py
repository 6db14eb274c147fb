# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub serves the wallets and shops that people have: their recorded requests, and all the forms in which they write
things. lnd is a fake one.
"""

from __future__ import annotations

import socket
import typing as t
from functools import partial
from pathlib import Path

import httpx
import jwt
import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import OTHER_NODE, Abort, read, request
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Wallet, ok
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT
from ansible_collections.noncustodial.lightning.tests.support.wallet_apps import APPS, CALLS, Call
from ansible_collections.noncustodial.lightning.tests.support.worlds import World

pytestmark = pytest.mark.database

HEX = "0" * 64


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> t.Iterator[World]:
    """A hub at which anybody may have invoices made, and that waits a second for a payment."""
    service = {"create": "open", "reconcile_every": 0.2, "answer_within": 1.0, "public_invoices": True}
    world = World(tmp_path_factory.mktemp("world") / "hub", postgres, service=service)
    yield world
    world.balanced()
    world.close()


@pytest.fixture(scope="module")
def hub(world: World) -> Process:
    return world.hub()


@pytest.fixture(scope="module")
def alice(world: World, hub: Process) -> Wallet:
    return world.rich(hub, 5000)


def hangs(world: World, wallet: Wallet, text: str) -> t.Any:
    """Pay an invoice whose payee holds the payment, and return the answer."""
    plan, world.lnd.plan = world.lnd.plan, lambda _lnd, _payment: None
    try:
        return wallet.pay(text)
    finally:
        world.lnd.plan = plan


# --- the recorded requests


@pytest.fixture(scope="module")
def scene(world: World, hub: Process) -> dict[str, t.Any]:
    """The values that the recorded requests name."""
    wallet = world.rich(hub, 5000)
    scene: dict[str, t.Any] = {name: getattr(wallet, name) for name in ("login", "password", "access")}
    key = (world.setting.credentials / "jwt_key").read_bytes().strip()
    claims = jwt.decode(wallet.access, options={"verify_signature": False})
    scene |= {"lapsed": jwt.encode({**claims, "exp": 1}, key, "HS256"), "admin": ADMIN_TOKEN, "node": OTHER_NODE}
    for client in APPS:
        scene[f"invoice_of_{client}".replace(".", "_")] = request(client.encode().ljust(32), 10_000)
    scene["INVOICE_B"] = request(b"b" * 32, 10_000).upper()
    scene |= {"amountless": request(b"d" * 32, 0), "poor": request(b"p" * 32, 10**9)}
    scene |= {"expired": request(b"e" * 32, 1000, age=3601), "own": wallet.invoice(1)}
    scene["own_hash"] = read(scene["own"])["payment_hash"]
    scene |= {f"amountless_{name}": request(name.encode() * 32, 0) for name in ("x", "z", "g")}
    scene["hanging"] = request(b"h" * 32, 20_000)
    assert hangs(world, wallet, scene["hanging"])["code"] == 9
    scene["balance"] = wallet.msat // 1000
    return scene


def filled(value: t.Any, scene: dict[str, t.Any]) -> t.Any:
    """Return a value of the table with the names of the scene replaced."""
    if isinstance(value, dict):
        return {name: filled(one, scene) for name, one in value.items()}
    if value == "{balance}":
        return scene["balance"]
    return value.format(**scene) if isinstance(value, str) else value


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_recorded(call: Call, hub: Process, scene: dict[str, t.Any]) -> None:
    headers = {"Authorization": f"Bearer {scene[call.token]}"} if call.token else {}
    body = filled(call.body, scene)
    sent: dict[str, t.Any] = {"json": body} if isinstance(body, dict) else {}
    if isinstance(body, str):
        sent = {"content": body}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    answer = hub.http.request(call.method, filled(call.path, scene), headers=headers, **sent)
    wanted = call.wanted if isinstance(call.wanted, dict) else filled(call.wanted, scene)
    assert call.got(call.read(answer)) == wanted, answer.text


# --- null


LEAST: dict[tuple[str, str], dict[str, t.Any]] = {
    ("post", "/create"): {},
    ("post", "/auth"): {"login": "nobody", "password": "wrong password"},
    ("post", "/addinvoice"): {"amt": 1},
    ("post", "/invoice/{login}"): {"amt": 1},
    ("post", "/payinvoice"): {"invoice": "garbage"},
    ("post", "/keysend"): {"amount": 10**9, "destination": OTHER_NODE},
    ("post", "/v2/users"): {},
    ("post", "/v2/create"): {},
    ("put", "/v2/admin/users"): {"id": 1},
    ("post", "/v2/invoices"): {},
    ("post", "/v2/payments/bolt11"): {"invoice": "garbage"},
    ("post", "/v2/payments/keysend"): {"amount": 10**9, "destination": OTHER_NODE},
    ("post", "/v2/payments/keysend/multi"): {"keysends": [{"amount": 10**9, "destination": OTHER_NODE}]},
}
"""For each route with a body the least that it needs. With these no money moves."""


def optional(document: t.Any, schema: t.Any) -> t.Iterator[tuple[str, ...]]:
    """Yield the paths of all fields of a body that may be left out."""
    if "anyOf" in schema:
        (schema,) = (one for one in schema["anyOf"] if "$ref" in one)
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for name, field in schema.get("properties", {}).items():
        if name not in schema.get("required", ()):
            yield (name,)
        if "$ref" in field.get("items", {}):
            yield from ((name, *path) for path in optional(document, field["items"]))


def twice(body: t.Any, path: tuple[str, ...]) -> tuple[t.Any, t.Any]:
    """Return a body with a field that is null, and without that field."""
    name, *rest = path
    if not rest:
        return {**body, name: None}, {other: value for other, value in body.items() if other != name}
    nulls, lacks = zip(*(twice(one, tuple(rest)) for one in body[name]), strict=True)
    return {**body, name: list(nulls)}, {**body, name: list(lacks)}


def test_null_means_not_given(hub: Process, alice: Wallet) -> None:
    document = hub.http.get("/openapi.json").json()
    routes = {
        (method, path): operation["requestBody"]["content"]["application/json"]["schema"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    assert set(routes) == set(LEAST), "each route with a body is here"
    tried = set()
    for (method, path), schema in routes.items():
        token = ADMIN_TOKEN if "/admin/" in path else alice.access

        def send(body: t.Any, method: str = method, path: str = path, token: str = token) -> tuple[int, t.Any]:
            url = path.replace("{login}", alice.login)
            answer = hub.http.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})
            said = answer.json()
            return answer.status_code, (said["code"], said["message"]) if said.get("error") is True else sorted(said)

        for field in optional(document, schema):
            null, lacking = twice(LEAST[method, path], field)
            assert send(null) == send(lacking), (path, field)
            tried.add((path, field))
    assert ("/addinvoice", ("description_hash",)) in tried
    assert ("/v2/payments/keysend/multi", ("keysends", "customRecords")) in tried
    assert len(tried) > 30


# --- forms of an invoice


FORMS = {
    "in capitals": "LIGHTNING:{TEXT}",
    "mixed": "Lightning:{text}",
    "with slashes": "lightning://{text}",
    "in capitals with slashes": "LIGHTNING://{TEXT}",
    "blanks around": " \t{text}\r\n",
    "in lines": "{head}\r\n  {tail}\n",
    "a blank after the scheme": "lightning: {text}",
    "BIP 21": "bitcoin:bcrt1q0?amount=0.00000001&lightning={text}",
    "BIP 21 in capitals": "BITCOIN:BCRT1Q0?AMOUNT=0.00000001&LIGHTNING={TEXT}",
    "BIP 21 without an address": "bitcoin:?lightning={text}",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_an_invoice(form: str, alice: Wallet) -> None:
    text = request(form.encode().ljust(32), 1000)
    given = FORMS[form].format(text=text, TEXT=text.upper(), head=text[:30], tail=text[30:])
    decoded = alice.process.http.get("/decodeinvoice", params={"invoice": given}, headers=alice.headers).json()
    assert decoded["payment_hash"] == read(text)["payment_hash"], decoded
    paid = alice.pay(given)
    assert (paid.get("payment_error"), paid["payment_request"]) == ("", text), paid


def test_what_holds_no_invoice(alice: Wallet) -> None:
    for text in ("lightning://", "LIGHTNING:", "bitcoin:bcrt1q0?amount=1", "bitcoin:?lightning=", "https:lnfake1"):
        assert alice.pay(text)["code"] == 4, text
    assert "coins on the chain" in alice.pay("bitcoin:bcrt1q0")["message"]


def test_a_link_that_contradicts_itself(alice: Wallet) -> None:
    text, part = request(b"link".ljust(32), 50_000_000), request(b"part".ljust(32), 1_500)
    free = request(b"free".ljust(32), 0)
    good = [f"amount=0.0005&lightning={text}", f"amount=0.00050000&lightning={text}", f"amount=9&lightning={free}"]
    # A URI has no part of a sat.
    good += [f"amount={btc}&lightning={part}" for btc in ("0.00000001", "0.00000002", "0.000000015")]
    wrong = {f"lightning={text}&LIGHTNING={free}": "several invoices"}
    wrong |= {
        f"amount={btc}&lightning={text}": "the link's amount"
        for btc in ("0.0006", "0.00049999", "0.5", "0", "5e-4", "0,0005", "-0.0005", "x", "0.0005&amount=0.0006")
    }
    for link in good:
        answer = alice.process.http.get("/decodeinvoice", params={"invoice": f"bitcoin:?{link}"}, headers=alice.headers)
        assert ok(answer)["payment_hash"], link
    before = alice.msat
    for link, why in wrong.items():
        refused = alice.pay(f"bitcoin:bcrt1q0?{link}", amount=1)
        assert (refused["code"], why in refused["message"]) == (4, True), (link, refused)
    assert alice.msat == before


def test_descriptions_of_strangers(world: World, alice: Wallet) -> None:
    paid = alice.pay(request(b"zero".ljust(32), 1000, memo="a\0b"))
    assert paid.get("payment_error") == "", paid
    assert alice.get("/gettxs?limit=1")[0]["memo"] == "a\N{REPLACEMENT CHARACTER}b"
    # So lnd answers where the bytes are no UTF-8.
    world.lnd.broken["DecodePayReq"] = Abort("grpc: error while marshaling: invalid UTF-8", "INTERNAL")
    try:
        assert alice.pay(request(b"utf".ljust(32), 1000))["code"] == 4
    finally:
        world.lnd.broken.clear()


# --- payments under way


def test_a_payment_under_way_is_not_a_failed_one(world: World, hub: Process) -> None:
    payer, other = world.rich(hub), world.rich(hub)
    text = request(b"way".ljust(32), 100_000)
    assert hangs(world, payer, text)["code"] == 9
    again = hub.http.post("/payinvoice", json={"invoice": text}, headers=payer.headers)
    assert (again.status_code, again.json()["code"]) == (409, 9)
    assert hub.http.post("/v2/payments/bolt11", json={"invoice": text}, headers=payer.headers).status_code == 409
    assert other.pay(text)["code"] == 10, "of another account nothing is under way"
    assert payer.get("/gettxs") == []
    (listed,) = payer.get("/gettxs?pending=true")
    assert (listed["payment_preimage"], listed["memo"]) == ("", "Payment in transition")
    (item,) = payer.get("/v2/invoices/outgoing")
    assert (item["status"], item["is_paid"]) == ("initialized", False)
    world.lnd.end(read(text)["payment_hash"], world.lnd.plan)
    until("the end", lambda: payer.get("/v2/balance")["reserved_msat"] == 0)
    paid = payer.pay(text)
    assert (paid["code"], "this account has paid" in paid["message"]) == (10, True)
    assert len(payer.get("/gettxs")) == 1


# --- paths, hosts and forms


PATHS = ("/auth/", "//auth", "/auth//", "//auth//")


@pytest.mark.parametrize("path", PATHS)
def test_slashes_answer_without_a_redirect(path: str, hub: Process, alice: Wallet) -> None:
    body = {"login": alice.login, "password": alice.password}
    answer = hub.http.post(f"{hub.url}{path}", json=body, headers={"Host": "evil.example"}, follow_redirects=False)
    assert ok(answer)["token_type"] == "Bearer"
    assert "evil" not in f"{answer.headers} {answer.text}"


def test_no_answer_is_a_redirect_or_names_a_host(hub: Process) -> None:
    paths = [
        path.replace("{payment_hash}", HEX).replace("{login}", "alice")
        for path in hub.http.get("/openapi.json").json()["paths"]
    ]
    for path in paths:
        for written in (path, f"{path}/", f"/{path}", f"{path}//", path.upper(), f"{path}/x"):
            for method in ("GET", "POST", "PUT", "HEAD"):
                with socket.create_connection(("127.0.0.1", hub.port), 10) as raw:
                    raw.sendall(
                        f"{method} {written} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Proto: http\r\n"
                        "X-Forwarded-Host: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                    )
                    answer = b"".join(iter(partial(raw.recv, 65536), b""))
                status = int(answer.split()[1])
                assert status == 200 or 400 <= status < 500, (method, written, answer)
                assert b"location:" not in answer.lower(), (method, written)
                assert b"evil" not in answer, (method, written)


def test_forms(hub: Process, alice: Wallet) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    added = hub.http.post("/addinvoice", content="amt=7&memo=a+b%C3%A9", headers={**form, **alice.headers})
    assert read(ok(added)["pay_req"])["description"] == "a b\u00e9"
    assert ok(hub.http.post("/v2/invoices", content="amount=7", headers={**form, **alice.headers}))
    foreign = hub.http.post(
        "/addinvoice", content="amt=7", headers={**form, **alice.headers, "Origin": "https://evil.example"}
    )
    assert (foreign.status_code, foreign.json()["code"]) == (400, 8), "a page anywhere could send it"
    for wrong in (b"\xff=\xff", b"&".join(b"a%d=1" % number for number in range(60)), b""):
        refused = hub.http.post("/addinvoice", content=wrong, headers={**form, **alice.headers})
        assert (refused.status_code, refused.json()["code"]) == (400, 8), wrong


# --- what lndhub.go has


def test_invoices_for_strangers(world: World, hub: Process) -> None:
    payee = hub.user()
    made = ok(hub.http.post(f"/invoice/{payee.login}", json={"amt": 9, "memo": "tip"}))
    assert world.lnd.pay_from_outside(made["payment_request"])
    until("the deposit", lambda: payee.msat == 9_000)
    assert hub.http.post("/invoice/nobody", json={"amt": 9}).status_code == 404
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    number = ok(hub.http.get(f"/v2/admin/users/{payee.login}", headers=admin))["id"]
    ok(hub.http.put("/v2/admin/users", json={"id": number, "deactivated": True}, headers=admin))
    assert hub.http.post(f"/invoice/{payee.login}", json={"amt": 9}).status_code == 404


def test_what_strangers_learn_of_an_account(hub: Process) -> None:
    payee = hub.user()
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    number = ok(hub.http.get(f"/v2/admin/users/{payee.login}", headers=admin))["id"]
    limits = {"max_receive_msat": 70_000, "max_balance_msat": 100_000}
    ok(hub.http.put("/v2/admin/users", json={"id": number, **limits}, headers=admin))

    def ask(amt: int) -> httpx.Response:
        return hub.http.post(f"/invoice/{payee.login}", json={"amt": amt, "expiry": 31_536_000})

    assert read(ok(ask(60))["pay_req"])["expiry"] == 3600, "a stranger fills the account for an hour only"
    refused = {amt: ask(amt) for amt in (0, 41, 71, 101)}
    assert {answer.status_code for answer in refused.values()} == {400}
    (said,) = {answer.json()["message"] for answer in refused.values()}
    assert not [one for one in said if one.isdigit()], said
    assert "100 sat" in payee.post("/addinvoice", amt=41)["message"], "the account itself is told"


def test_strangers_are_limited_by_network_and_by_account(tmp_path: Path, postgres: Postgres) -> None:
    service, limits = {"create": "open", "public_invoices": True}, {"requests_per_second": 0.001, "burst": 3}
    world = World(tmp_path / "hub", postgres, service=service, limits=limits)
    try:
        hub = world.hub()
        first, second = hub.user(), hub.user()

        def ask(wallet: Wallet, address: str) -> int:
            headers = {"X-Forwarded-For": address}
            return hub.http.post(f"/invoice/{wallet.login}", json={"amt": 1}, headers=headers).status_code

        assert [ask(first, f"2001:db8:1:{number}::1") for number in range(3)] == [200] * 3
        assert ask(second, "2001:db8:1:ff::1") == 429, "all of a /48 is one stranger"
        assert ask(first, "2001:db8:2::1") == 429, "of one account"
        assert ask(second, "2001:db8:2::2") == 200
        assert first.msat == 0, "its own requests are counted apart"
    finally:
        world.close()


def test_accounts_are_not_deleted(hub: Process) -> None:
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    number = ok(hub.http.get(f"/v2/admin/users/{hub.user().login}", headers=admin))["id"]
    refused = hub.http.put("/v2/admin/users", json={"id": number, "deleted": True}, headers=admin)
    assert (refused.status_code, "deactivate it" in refused.json()["message"]) == (400, True)
    assert ok(hub.http.put("/v2/admin/users", json={"id": number, "deleted": False}, headers=admin))["deleted"] is False


def test_a_random_login_or_password(hub: Process) -> None:
    for path in ("/create", "/v2/users"):
        made = ok(hub.http.post(path, json={"login": "", "password": ""}))
        assert Wallet(hub, made["login"], made["password"]).msat == 0
        chosen = ok(hub.http.post(path, json={"login": f"for{path.replace('/', '.')}", "password": "long enough"}))
        assert Wallet(hub, chosen["login"], "long enough").msat == 0


def test_two_tokens_of_one_second_differ(hub: Process, alice: Wallet) -> None:
    tokens = [Wallet(hub, alice.login, alice.password) for _turn in range(3)]
    assert len({one.access for one in tokens}) == 3
    claims = jwt.decode(tokens[0].access, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 172_800, "as long as lndhub.go's"


def test_the_table_of_the_docs_is_what_was_tried() -> None:
    said = (ROOT / "docs/wallet.md").read_text()
    lines = said[said.index("| | BlueWallet |") :].partition("\n\n")[0].splitlines()
    header, _rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    told = {
        (client, row)
        for row, *cells in rows
        for client, cell in zip(header[1:], cells, strict=True)
        if cell and not cell.startswith("no")
    }
    assert told == {(call.client, call.row) for call in CALLS if call.row}
