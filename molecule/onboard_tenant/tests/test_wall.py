# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A customer of one tenant buys at another's wall, and nothing of the one's wall & wallet can be used at the
other's."""

from __future__ import annotations

import socket
import ssl

import pytest
from hubs import HUBS, Wallet, client
from regtest import NODES, Regtest, until
from walls import WALLS, certificate, connect, url, visitor

ARTICLE = "/articles/watch-only"
WORDS = "the seed, and with it every coin"


def wall_account(regtest: Regtest, host: str, hub: str) -> dict[str, object]:
    """Return a hub's answer to the login of a wall, of its own or of another hub."""
    wall = WALLS[host]
    password = regtest.unsealed(wall.machine, wall.unit, "hub_password").decode()
    with client(regtest, hub) as http:
        return dict(http.post("/auth?type=auth", json={"login": "wall", "password": password}).json())


def earned(regtest: Regtest, host: str) -> int:
    """Return the balance of a wall's account, in sat."""
    token = wall_account(regtest, host, host)["access_token"]
    with client(regtest, host) as http:
        return int(http.get("/balance", headers={"Authorization": f"Bearer {token}"}).json()["BTC"]["AvailableBalance"])


@pytest.mark.parametrize("host", WALLS)
def test_every_wall_is_well(regtest: Regtest, host: str) -> None:
    """The wall of a watch-only node's hub is as well as that of the own node's."""
    with visitor(regtest, host) as http:
        answer = http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "hub": "ok", "account": "ok"})


def test_the_proxy_speaks_http_2(regtest: Regtest) -> None:
    context = ssl.create_default_context(cadata=certificate(regtest, "globex"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    host, _colon, port = url(regtest, "globex").removeprefix("https://").partition(":")
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname=host) as tls:
        assert tls.selected_alpn_protocol() == "h2"


def test_an_article_is_bought(regtest: Regtest) -> None:
    """It is bought with L402, from hub to hub through the gateway; no token opens it before it is paid, or at another
    wall.
    """
    customer = Wallet(regtest, "acme")
    request = customer.invoice(2_000)
    regtest.sh("gateway", f"lncli --network=regtest --lnddir=/var/lib/lnd/gateway payinvoice --force --json {request}")
    until("the deposit", lambda: customer.msat == 2_000_000)
    before = earned(regtest, "globex")
    with visitor(regtest, "globex") as http, visitor(regtest, "acme") as other:
        offer = http.get(ARTICLE)
        assert (offer.status_code, offer.json()["price_sat"]) == (402, 100)
        assert WORDS not in offer.text
        token = offer.json()["token"]
        guess = http.get(ARTICLE, headers={"Authorization": f"L402 {token}:{'00' * 32}"})
        assert guess.status_code == 402
        # aperture's client sends two, which nginx refuses before the wall reads them.
        twice = http.get(
            ARTICLE, headers=[("Authorization", f"{name} {token}:{'00' * 32}") for name in ("LSAT", "L402")]
        )
        assert (twice.status_code, "join two Authorization headers by a comma" in twice.json()["error"]) == (400, True)
        paid = {"Authorization": f"L402 {token}:{customer.pay(offer.json()['invoice'])}"}
        page = http.get(ARTICLE, headers=paid)
        assert page.status_code == 200
        assert WORDS in page.text
        elsewhere = other.get(ARTICLE, headers=paid)
        assert (elsewhere.status_code, elsewhere.json()["error"]) == (402, "the token is not of this wall")
    assert earned(regtest, "globex") == before + 100


@pytest.mark.parametrize(("host", "hub"), [("acme", "globex"), ("globex", "acme"), ("acme", "own-node")])
def test_another_hub_does_not_know_its_account(regtest: Regtest, host: str, hub: str) -> None:
    assert wall_account(regtest, host, hub) == {"error": True, "code": 1, "message": "bad auth"}
    assert "access_token" in wall_account(regtest, host, host)


def test_it_reaches_its_own_hub_alone(regtest: Regtest) -> None:
    """It reaches nothing else that listens on a machine of two tenants."""
    assert connect(regtest, "nodes", "web-acme", "localhost", HUBS["acme"].port) == "connected"
    others = [HUBS["globex"].port, WALLS["globex"].port, NODES["acme"].port, NODES["globex"].port]
    for port in others:
        assert connect(regtest, "nodes", "web-acme", "localhost", port) != "connected", port
        assert connect(regtest, "nodes", "root", "localhost", port) == "connected", port


@pytest.mark.parametrize(
    "path",
    [
        "/run/credentials/wall-wallet@globex.service/hub_password",
        "/run/credentials/wall-wallet@globex.service/token_key",
        "/run/wall-wallet/globex/http",
        "/etc/wall_wallet/globex/config.json",
        "/var/lib/wall_wallet/globex/articles/watch-only.md",
        "/etc/credstore.encrypted/wall-wallet@acme.token_key",
        "/etc/lndhub/acme/config.json",
        "/run/credentials/lndhub@acme.service/macaroon",
        "/run/credentials/lnd@acme.service/signer.macaroon",
    ],
)
def test_not_what_is_anothers(regtest: Regtest, path: str) -> None:
    """Two of them, their hubs and nodes on one machine, each with a user of its own."""
    assert regtest.denies("nodes", "web-acme", path)
