# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hubs of the topology, as wallets of end users see them: through their proxies."""

from __future__ import annotations

import ssl
import typing as t

import httpx
from regtest import NODES, Regtest, Service, until


class Hub(Service):
    """One hub."""

    @property
    def unit(self) -> str:
        """The instance of its units, without a suffix."""
        return f"lndhub@{self.node.name}"

    @property
    def user(self) -> str:
        """The hub's user."""
        return f"hub-{self.node.name}"


HUBS = {host: Hub(NODES[host], port) for host, port in (("own-node", 8443), ("acme", 8444), ("globex", 8445))}
# Of tenants that run their own node: one whose hub is the provider's, and one that has its own.
OTHER_HUBS = {"umbrella": Hub(NODES["umbrella"], 8446, "nodes"), "hooli": Hub(NODES["hooli"], 8443)}
_ALL = HUBS | OTHER_HUBS
# The hub whose certificate was not made on its machine.
BROUGHT = "globex"
_IN_TRANSIT = 409


def client(regtest: Regtest, host: str) -> httpx.Client:
    """Return a client of a hub over TLS, which trusts only its certificate or, where that was brought, only its
    issuer."""
    hub = _ALL[host]
    if host == BROUGHT:
        certificate = (regtest.state / "provider/certificates/authority.crt").read_text()
    else:
        certificate = regtest.sh(hub.machine, f"cat /etc/lndhub/{hub.node.name}/tls.crt")
    trusted = ssl.create_default_context(cadata=certificate)
    return httpx.Client(base_url=f"https://{regtest.address(hub.machine)}:{hub.port}", verify=trusted, timeout=120)


class Wallet:
    """An end user with a new account.

    Attributes:
        login, password: of the account.
    """

    def __init__(self, regtest: Regtest, host: str) -> None:
        hub = _ALL[host]
        self._regtest, self._host = regtest, host
        admin = regtest.unsealed(hub.machine, hub.unit, "admin_token").decode()
        made = self._answer("POST", "/create", admin, {})
        self.login, self.password = str(made["login"]), str(made["password"])
        tokens = self._answer("POST", "/auth?type=auth", "", {"login": self.login, "password": self.password})
        self._token = tokens["access_token"]

    def _answer(self, method: str, path: str, token: str, body: t.Any = None) -> t.Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with client(self._regtest, self._host) as http:
            response = http.request(method, path, headers=headers, json=body)
        answer = response.json()
        if response.status_code != 200 or (isinstance(answer, dict) and answer.get("error")):
            raise AssertionError(f"{method} {path}: {response.status_code} {answer}")
        return answer

    @property
    def msat(self) -> int:
        """The balance that the user can spend."""
        return int(self._answer("GET", "/v2/balance", self._token)["balance_msat"])

    def invoice(self, amount: int) -> str:
        """Make an invoice, in sat."""
        return str(
            self._answer("POST", "/addinvoice", self._token, {"amt": amount, "memo": "to a customer"})[
                "payment_request"
            ]
        )

    def pay(self, invoice: str) -> str:
        """Pay an invoice, however long that takes; return the preimage."""
        with client(self._regtest, self._host) as http:
            asked = http.post(
                "/v2/payments/bolt11", headers={"Authorization": f"Bearer {self._token}"}, json={"invoice": invoice}
            )
        if asked.status_code not in (200, _IN_TRANSIT):
            raise AssertionError(f"{asked.status_code} {asked.json()}")
        payment_hash = self._answer("GET", f"/decodeinvoice?invoice={invoice}", self._token)["payment_hash"]
        path = f"/v2/invoices/{payment_hash}"
        until("the end of the payment", lambda: self._answer("GET", path, self._token)["status"] != "initialized", 120)
        paid = self._answer("GET", path, self._token)
        if paid["status"] != "settled":
            raise AssertionError(f"the payment is {paid}")
        return str(paid["payment_preimage"])
