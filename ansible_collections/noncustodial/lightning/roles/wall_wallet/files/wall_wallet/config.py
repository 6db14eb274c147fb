# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration.

`load` reads it; the credentials are hub_password and token_key, needed where there are articles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.ids import NAME, NAME_IN_WORDS
from serving import settings
from serving.settings import Credentials, Listen, check_listen, need

_LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
_MIN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """The hub.

    Attributes:
        url: its address, https://; http:// only on loopback.
        ca_file: PEM certificates with which its own is verified; empty: those of the system.
        public_url: the address at which wallets on phones reach it; empty: it is not shown to new users.
        timeout: seconds that an answer may take.
        pay_timeout: seconds that the answer to a payment may take; more than the hub's own answer_within.
        fee_base_msat: amount that the hub reserves for the routing fees of a payment; its API does not report it.
        fee_ppm: reserved besides, in millionths of the payment's amount, rounded up.
    """

    url: str
    ca_file: str = ""
    public_url: str = ""
    timeout: float = 15.0
    pay_timeout: float = 120.0
    fee_base_msat: int = 10_000
    fee_ppm: int = 10_000

    def fee_limit(self, amount_sat: int) -> int:
        """Return the amount reserved for the fees of a payment, in sat, rounded up."""
        return -(-(self.fee_base_msat + -(-amount_sat * 1000 * self.fee_ppm // 1_000_000)) // 1000)


@dataclass(frozen=True)
class WalletSettings:
    """The wallet's pages.

    Attributes:
        signup: whether they offer a new account; the hub must make accounts for anybody then.
        session_seconds: seconds without a request, after which a user is logged out.
        sessions: sessions at once; a further one ends that not used for longest.
    """

    signup: bool = False
    session_seconds: int = 3600
    sessions: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WallSettings:
    """The articles.

    Attributes:
        articles: their directory; empty: there are none.
        login: the wall's own account at the hub, which receives the payments for them.
        token_seconds: seconds that a paid article stays open, from the moment in which its invoice was requested.
        offer_seconds: seconds for which an invoice is shown, and its reader gets no new one.
        offers: invoices of all readers that are open at once; the account must have room for their amounts, if it has a
            limit.
        offers_of_reader: the same for one address (IPv6: a /64).
        offers_of_network: the same for one network (IPv4: a /24, IPv6: a /48).
    """

    articles: str = ""
    login: str = ""
    token_seconds: int = 30 * 86400
    offer_seconds: int = 3600
    offers: int = 2000
    offers_of_reader: int = 30
    offers_of_network: int = 150


@dataclass(frozen=True)
class ServiceSettings:
    """The behaviour of the service.

    Attributes:
        name: part of the names of its cookies, which a browser does not keep apart by port.
        title: title of its pages.
        concurrency: requests at once; further ones are refused.
    """

    name: str = "wallet"
    title: str = "Wall & wallet"
    log_level: str = "info"
    concurrency: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Credentials):
    """The whole configuration."""

    hub: HubSettings
    listen: Listen = field(default_factory=Listen)
    wallet: WalletSettings = field(default_factory=WalletSettings)
    wall: WallSettings = field(default_factory=WallSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)

    @property
    def token_key(self) -> bytes:
        """The key that signs the wall's tokens."""
        return self.binary("token_key").strip()

    @property
    def hub_password(self) -> str:
        """The password of the wall's account."""
        return self.binary("hub_password").decode().strip()


def load(path: Path) -> Config:
    """Read the configuration.

    Raises:
        ConfigError: an option is wrong; the message has its name and what it should be.
    """
    config = settings.load(Config, path)
    check_listen(config.listen, config.service.log_level)
    url = urlsplit(config.hub.url)
    safe = url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOCAL_HOSTS)
    need(bool(url.hostname) and safe, "hub.url must begin with https://; passwords and money pass there")
    need(not url.username and not url.query, "hub.url must hold neither a login nor a query")
    need(
        bool(NAME.fullmatch(config.service.name)),
        f"service.name must be {NAME_IN_WORDS}",
    )
    positive = (
        ("hub.timeout", config.hub.timeout),
        ("hub.pay_timeout", config.hub.pay_timeout),
        ("wallet.session_seconds", config.wallet.session_seconds),
        ("wallet.sessions", config.wallet.sessions),
        ("wall.offers", config.wall.offers),
        ("wall.offers_of_reader", config.wall.offers_of_reader),
        ("wall.offers_of_network", config.wall.offers_of_network),
    )
    for name, value in positive:
        need(value > 0, f"{name} must be greater than 0")
    need(
        60 <= config.wall.offer_seconds <= config.wall.token_seconds,
        "wall.offer_seconds must be 60 to wall.token_seconds",
    )
    need(
        config.hub.fee_base_msat >= 0 and config.hub.fee_ppm >= 0,
        "hub.fee_base_msat and hub.fee_ppm must not be negative",
    )
    if config.wall.articles:
        need(bool(config.wall.login), "wall.login is missing: the account at the hub that is paid for articles")
        need(len(config.token_key) >= _MIN_KEY_BYTES, f"credential token_key must have {_MIN_KEY_BYTES} bytes or more")
        need(bool(config.hub_password), "credential hub_password is empty")
    return config
