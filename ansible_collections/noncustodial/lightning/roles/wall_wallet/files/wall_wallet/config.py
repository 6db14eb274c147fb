# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration. config.load reads it; the credentials are hub_password and token_key, needed where there are articles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from serving import settings
from serving.settings import Credentials, Listen, check_listen, need

_NAME = re.compile("[a-z][a-z0-9-]{0,27}")
_LOCAL = ("127.0.0.1", "::1", "localhost")
_SHORTEST_KEY = 32


@dataclass(frozen=True)
class Hub:
    """The hub.

    Attributes:
        url: where it is, https://; http:// on loopback alone.
        ca_file: PEM certificates by which its own is verified; empty: those of the system.
        public_url: where wallets on phones reach it; empty: new users are not told.
        timeout: seconds that an answer may take.
        pay_timeout: and the answer to a payment, more than the hub's own answer_within.
        fee_base_msat: what the hub puts aside for the routing fees of a payment, which its API does not tell, and
        fee_ppm: so many millionths of its amount more, rounded up.
    """

    url: str
    ca_file: str = ""
    public_url: str = ""
    timeout: float = 15.0
    pay_timeout: float = 120.0
    fee_base_msat: int = 10_000
    fee_ppm: int = 10_000

    def fee_limit(self, amount_sat: int) -> int:
        """What is put aside for a payment, sat, rounded up."""
        return -(-(self.fee_base_msat + -(-amount_sat * 1000 * self.fee_ppm // 1_000_000)) // 1000)


@dataclass(frozen=True)
class Wallet:
    """The wallet's pages.

    Attributes:
        signup: whether they offer a new account; the hub must make accounts for anybody then.
        session_seconds: without a request, after which a user is logged out.
        sessions: at once; more push out those not used for longest.
    """

    signup: bool = False
    session_seconds: int = 3600
    sessions: int = 10_000


@dataclass(frozen=True)
class Wall:
    """The articles.

    Attributes:
        articles: their directory; empty: there are none.
        login: the wall's own account at the hub, which is paid for them.
        token_seconds: for how long a paid article stays open.
    """

    articles: str = ""
    login: str = ""
    token_seconds: int = 30 * 86400


@dataclass(frozen=True)
class Service:
    """How the service behaves.

    Attributes:
        name: in the names of its cookies, which a browser does not keep apart by port.
        title: on its pages.
        concurrency: requests at once; more are refused.
    """

    name: str = "wallet"
    title: str = "Wall & wallet"
    log_level: str = "info"
    concurrency: int = 500


@dataclass(frozen=True)
class Config(Credentials):
    """The whole configuration."""

    hub: Hub
    listen: Listen = field(default_factory=Listen)
    wallet: Wallet = field(default_factory=Wallet)
    wall: Wall = field(default_factory=Wall)
    service: Service = field(default_factory=Service)

    @property
    def token_key(self) -> bytes:
        """What the wall's tokens are made with."""
        return self.binary("token_key").strip()

    @property
    def hub_password(self) -> str:
        """Of the wall's account."""
        return self.binary("hub_password").decode().strip()


def load(path: Path) -> Config:
    """Read the configuration.

    Raises:
        ConfigError: with the name of the option and what it should be.
    """
    config = settings.load(Config, path)
    check_listen(config.listen, config.service.log_level)
    url = urlsplit(config.hub.url)
    safe = url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOCAL)
    need(bool(url.hostname) and safe, "hub.url must begin with https://; passwords and money pass there")
    need(not url.username and not url.query, "hub.url must hold neither a login nor a query")
    need(bool(_NAME.fullmatch(config.service.name)), "service.name must be a letter and up to 27 letters, digits and hyphens, all small")
    positive = (
        ("hub.timeout", config.hub.timeout),
        ("hub.pay_timeout", config.hub.pay_timeout),
        ("wallet.session_seconds", config.wallet.session_seconds),
        ("wallet.sessions", config.wallet.sessions),
        ("wall.token_seconds", config.wall.token_seconds),
    )
    for name, value in positive:
        need(value > 0, f"{name} must be greater than 0")
    need(config.hub.fee_base_msat >= 0 and config.hub.fee_ppm >= 0, "hub.fee_base_msat and hub.fee_ppm must not be negative")
    if config.wall.articles:
        need(bool(config.wall.login), "wall.login is missing: the account at the hub that is paid for articles")
        need(len(config.token_key) >= _SHORTEST_KEY, f"credential token_key must have {_SHORTEST_KEY} bytes or more")
        need(bool(config.hub_password), "credential hub_password is empty")
    return config
