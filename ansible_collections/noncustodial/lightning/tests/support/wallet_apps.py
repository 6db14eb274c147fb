# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wallets and shops of other people: how each makes something of an answer, and the requests that it sends, as recorded
on 2026-11-30, with what it must read from the answers.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

import httpx


def bluewallet(answer: httpx.Response) -> t.Any:
    """Read the body, whatever the status is; only a payment that is answered with 503 is taken for one under way."""
    if answer.status_code == 503 and answer.request.url.path == "/payinvoice":
        return "Payment is in transit"
    body = answer.json()
    failed = isinstance(body, dict) and body.get("error")
    return f"API error: {body['message']} (code {body['code']})" if failed else body


def zeus(answer: httpx.Response) -> t.Any:
    """Read the body below status 300; of any other answer the text as it is."""
    return answer.json() if answer.status_code < 300 else answer.text


def alby(answer: httpx.Response) -> t.Any:
    """Read the message of a status of 300 or more; log in again after 401, and for the rest read the body."""
    body = answer.json()
    if answer.status_code == 401:
        return f"logs in again, or shows: {body['message']}"
    return f"shows: {body['message']}" if answer.status_code > 299 else body


def btcpay(answer: httpx.Response) -> t.Any:
    """Read the body, whatever the status is; an error is known by its code. A payment with any but 5 has failed."""
    body = answer.json()
    return f"error {body['code']}" if isinstance(body, dict) and body.get("error") else body


def bitbanana(answer: httpx.Response) -> t.Any:
    """Take each status below 300 for success; read the message of any other."""
    body = answer.json()
    if answer.status_code < 300:
        return body
    return f"shows: {body['message']}" if body["error"] else "shows the status"


def lndhub_go(answer: httpx.Response) -> t.Any:
    """Read status and body, as the tests of lndhub.go do."""
    return answer.status_code, answer.json()


@dataclass(frozen=True)
class Call:
    """A request of a client, and what it must read.

    Attributes:
        read: how the client makes something of the answer.
        body: with names of the scene in braces; text is sent as a form.
        got: returns the part that the client goes on with.
        wanted: that part, with names of the scene in braces.
        token: the name of the token in the scene; empty for none.
        row: the row of the table in docs/wallet.md that it is the proof of; empty for none.
    """

    client: str
    does: str
    method: str
    path: str
    body: t.Any
    read: t.Callable[[httpx.Response], t.Any]
    got: t.Callable[[t.Any], t.Any]
    wanted: t.Any
    token: str = "access"
    row: str = ""

    def __str__(self) -> str:
        return f"{self.client} {self.does}".replace(" ", "-")


def _same(read: t.Any) -> t.Any:
    return read


def _words(read: t.Any) -> t.Any:
    """Return the first words of a text that is shown, and anything else as it is."""
    return " ".join(read.split()[:6]) if isinstance(read, str) else "no error"


def _field(*names: str | int) -> t.Callable[[t.Any], t.Any]:
    def got(read: t.Any) -> t.Any:
        for name in names:
            read = read[name]
        return read

    return got


def _body(read: t.Any) -> t.Any:
    """Return the body, of a client that reads the status too."""
    return read[1] if isinstance(read, tuple) else read


def _refused(read: t.Any) -> bool:
    """Return whether the client sees an error, and the reason."""
    return "not enough balance" in (read[1]["message"] if isinstance(read, tuple) and read[0] == 400 else read)


APPS = {
    "BlueWallet": bluewallet,
    "Zeus": zeus,
    "Alby": alby,
    "BitBanana": bitbanana,
    "BTCPay": btcpay,
    "lndhub.go": lndhub_go,
}

# What clients write where the invoice names the amount.
_AMOUNTS: dict[str, dict[str, t.Any]] = {
    "BlueWallet": {"amount": 0},
    "Zeus": {"amount": None},
    "BTCPay": {"amount": None},
}
_WRONG = {"login": "{login}", "password": "wrongwrong"}
_RIGHT = {"login": "{login}", "password": "{password}"}

CALLS = (
    # --- accounts and tokens
    Call("BlueWallet", "makes an account", "POST", "/create", {"partnerid": "bluewallet", "accounttype": "common"},
         bluewallet, sorted, ["login", "password"], token=""),
    *(
        Call(client, "logs in with its credentials", "POST", "/auth?type=auth", _RIGHT,
             read, lambda read: _body(read)["token_type"], "Bearer", token="", row="logs in")
        for client, read in APPS.items()
    ),
    Call("BlueWallet", "shows a wrong password", "POST", "/auth?type=auth", _WRONG,
         bluewallet, _same, "API error: bad auth (code 1)", token="", row="notices a wrong password"),
    Call("Zeus", "knows a wrong password", "POST", "/auth?type=auth", _WRONG,
         zeus, lambda read: "bad auth" in read and isinstance(read, str), True, token="",
         row="notices a wrong password"),
    Call("Zeus", "sees that its token is over", "GET", "/balance", None,
         zeus, lambda read: "bad auth" in read and isinstance(read, str), True, token="lapsed",
         row="notices that its token is over"),
    Call("Alby", "shows a wrong password", "POST", "/auth?type=auth", _WRONG,
         alby, _same, "logs in again, or shows: bad auth", token="", row="notices a wrong password"),
    Call("BitBanana", "shows a wrong password", "POST", "/auth?type=auth", _WRONG,
         bitbanana, _same, "shows: bad auth", token="", row="notices a wrong password"),
    Call("BTCPay", "is refused with a wrong password", "POST", "/auth?type=auth", _WRONG,
         btcpay, _same, "error 1", token="", row="notices a wrong password"),
    Call("lndhub.go", "is refused with a wrong password", "POST", "/auth?type=auth", _WRONG,
         lndhub_go, lambda read: (read[0], read[1]["code"]), (401, 1), token="", row="notices a wrong password"),
    Call("Alby", "logs in again each time its token is over", "GET", "/balance", None,
         alby, _same, "logs in again, or shows: bad auth", token="lapsed", row="notices that its token is over"),
    Call("BitBanana", "logs in by password when its refresh token is over", "POST", "/auth?type=refresh_token",
         {"refresh_token": "over"}, bitbanana, _same, "shows: bad auth", token="",
         row="notices that its token is over"),
    Call("BlueWallet", "is told that its token is over", "GET", "/balance", None,
         bluewallet, _same, "API error: bad auth (code 1)", token="lapsed", row="notices that its token is over"),
    Call("BTCPay", "is told that its token is over", "GET", "/balance", None,
         btcpay, _same, "error 1", token="lapsed", row="notices that its token is over"),
    Call("lndhub.go", "logs in by a form", "POST", "/auth", "login={login}&password={password}",
         lndhub_go, lambda read: (read[0], read[1]["token_type"]), (200, "Bearer"), token=""),
    Call("lndhub.go", "is refused with 401", "GET", "/balance", None,
         lndhub_go, _same, (401, {"error": True, "code": 1, "message": "bad auth"}), token="lapsed",
         row="notices that its token is over"),
    Call("lndhub.go", "makes an account with a login", "POST", "/create",
         {"login": "chosen-by-admin", "password": "long enough"}, lndhub_go, _same,
         (200, {"login": "chosen-by-admin", "password": "long enough"}), token="admin"),
    # --- balance and node
    Call("BlueWallet", "reads the balance", "GET", "/balance", None,
         bluewallet, _field("BTC", "AvailableBalance"), "{balance}"),
    Call("BTCPay", "counts peers", "GET", "/getinfo", None,
         btcpay, lambda read: [
             read[name] for name in ("num_peers", "num_inactive_channels", "num_pending_channels", "testnet")
         ],
         [3, 2, 1, True]),
    Call("lndhub.go", "reads the node", "GET", "/getinfo", None,
         lndhub_go, lambda read: [
             read[1][name] for name in ("alias", "color", "commit_hash", "best_header_timestamp")
         ],
         ["fake", "#3399ff", "", 0]),
    # --- invoices
    Call("BTCPay", "makes an invoice", "POST", "/addinvoice",
         {"amt": "1000", "memo": "Paid to shop (Order ID: 1)", "description_hash": None},
         btcpay, lambda read: read["payment_request"][:7], "lnfake1", row="makes an invoice"),
    *(
        Call(client, "makes an invoice", "POST", "/addinvoice", body,
             read, lambda read: read["payment_request"][:7], "lnfake1", row="makes an invoice")
        for client, read, body in (
            ("BlueWallet", bluewallet, {"amt": 25, "memo": "cake"}),
            ("Alby", alby, {"amt": "25", "memo": "cake"}),
        )
    ),
    Call("BTCPay", "makes one without a memo", "POST", "/addinvoice", {"amt": "1", "memo": None},
         btcpay, lambda read: read["payment_request"][:7], "lnfake1"),
    Call("Zeus", "makes an invoice", "POST", "/addinvoice", {"amt": 8.0, "memo": ""},
         zeus, lambda read: read["payment_request"][:7], "lnfake1", row="makes an invoice"),
    Call("BitBanana", "makes an invoice", "POST", "/addinvoice", {"amt": "8", "memo": "x"},
         bitbanana, lambda read: read["payment_request"][:7], "lnfake1", row="makes an invoice"),
    Call("BTCPay", "reads that an amount is too large", "POST", "/addinvoice", {"amt": 10_000_000_000_001},
         btcpay, _same, "error 8"),
    Call("lndhub.go", "makes one for a Lightning address", "POST", "/invoice/{login}", {"amt": 5, "memo": "tip"},
         lndhub_go, lambda read: (read[0], read[1]["pay_req"][:7]), (200, "lnfake1"), token=""),
    Call("lndhub.go", "makes one by v2", "POST", "/v2/invoices", {"amount": 5, "description": "tip"},
         lndhub_go, lambda read: (read[0], sorted(read[1])),
         (200, ["created_at", "expires_at", "payment_hash", "payment_request"]), row="makes an invoice"),
    Call("lndhub.go", "lists invoices by v2", "GET", "/v2/invoices/incoming?limit=", None,
         lndhub_go, lambda read: (read[0], type(read[1])), (200, list)),
    Call("BlueWallet", "is told that there are no addresses", "GET", "/getbtc", None,
         bluewallet, _words, "API error: on-chain deposits are not"),
    # --- payments
    *(
        Call(client, "pays", "POST", "/payinvoice",
             {"invoice": f"{{invoice_of_{client}}}".replace(".", "_"), **_AMOUNTS.get(client, {})},
             read, lambda read: _body(read)["payment_error"], "", row="pays")
        for client, read in APPS.items()
    ),
    Call("BlueWallet", "pays what a QR code holds", "POST", "/payinvoice", {"invoice": "LIGHTNING:{INVOICE_B}"},
         bluewallet, _field("payment_error"), ""),
    Call("BTCPay", "reads the amount of an amountless one", "POST", "/payinvoice",
         {"invoice": "{amountless}", "amount": "12"}, btcpay, _field("decoded", "num_satoshis"), "12",
         row="pays an invoice without an amount"),
    *(
        Call(client, "pays an amountless one", "POST", "/payinvoice", {"invoice": invoice, "amount": 3},
             read, _field("payment_error"), "", row="pays an invoice without an amount")
        for client, read, invoice in (("BlueWallet", bluewallet, "{amountless_x}"), ("Zeus", zeus, "{amountless_z}"))
    ),
    Call("lndhub.go", "pays an amountless one by v2", "POST", "/v2/payments/bolt11",
         {"invoice": "{amountless_g}", "amount": "3"}, lndhub_go, lambda read: (read[0], read[1]["amount"]), (200, 3),
         row="pays an invoice without an amount"),
    Call("Alby", "finds an invoice by its hash", "GET", "/checkpayment/{own_hash}", None, alby, _same, {"paid": False}),
    *(
        Call(client, "shows that it has failed", "POST", "/payinvoice", {"invoice": "{poor}"},
             read, _refused, True, row="shows that a payment has failed")
        for client, read in APPS.items() if client != "BTCPay"
    ),
    Call("BTCPay", "knows that it has failed", "POST", "/payinvoice", {"invoice": "{poor}"},
         btcpay, _same, "error 2", row="shows that a payment has failed"),
    Call("BitBanana", "shows that it is expired", "POST", "/payinvoice", {"invoice": "{expired}"},
         bitbanana, _same, "shows: not a valid invoice: it has expired"),
    Call("BitBanana", "shows that it is none", "POST", "/payinvoice", {"invoice": "garbage"},
         bitbanana, _same, "shows: not a valid invoice"),
    Call("BitBanana", "shows that it is its own", "POST", "/payinvoice", {"invoice": "{own}"},
         bitbanana, _words, "shows: this invoice is your own;"),
    *(
        Call(client, "shows that it is under way", "POST", "/payinvoice", {"invoice": "{hanging}"},
             read, lambda read: "do not pay again" in (read[1]["message"] if isinstance(read, tuple) else read), True,
             row="takes a payment under way for")
        for client, read in APPS.items() if client != "BTCPay"
    ),
    Call("BTCPay", "takes one under way for failed", "POST", "/payinvoice", {"invoice": "{hanging}"},
         btcpay, _same, "error 9",
         row="takes a payment under way for"),
    Call("BTCPay", "does not find it", "GET", "/gettxs", None,
         btcpay, lambda read: [one for one in read if not one["payment_preimage"]], []),
    Call("Zeus", "shows the reason first", "POST", "/payinvoice", {"invoice": "{poor}"},
         zeus, lambda read: read.startswith('{"message":"not enough balance: '), True),
    Call("lndhub.go", "is told that it has failed", "POST", "/v2/payments/bolt11", {"invoice": "{poor}"},
         lndhub_go, lambda read: (read[0], read[1]["code"]), (400, 2)),
    Call("Alby", "sends a boost", "POST", "/keysend",
         {"amount": 5, "destination": "{node}", "customRecords": {"7629169": "{{}}"}},
         alby, _field("payment_error"), "", row="sends keysend with records"),
    Call("lndhub.go", "sends a record by v2", "POST", "/v2/payments/keysend",
         {"amount": 5, "destination": "{node}", "customRecords": {"696969": "cc"}},
         lndhub_go, lambda read: (read[0], read[1]["custom_records"]), (200, {"696969": "cc"}),
         row="sends keysend with records"),
    # --- lists of payments
    *(
        Call(client, "takes nothing under way for made", "GET", "/gettxs?limit=1000", None,
             read, lambda read: {one["payment_preimage"] != "" for one in _body(read)}, {True},
             row="takes no payment under way for made")
        for client, read in APPS.items()
    ),
    Call("Alby", "reads its boost", "GET", "/gettxs", None,
         alby, lambda read: next(one["custom_records"] for one in read if one["keysend"]), {"7629169": "e30="}),
)  # fmt: skip
"""The calls, in this order: later ones see what earlier ones have done."""
