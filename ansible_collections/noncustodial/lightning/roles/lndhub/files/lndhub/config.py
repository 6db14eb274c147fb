# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration: one TOML or JSON file that holds no secret, and a directory of credentials that holds nothing
else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from serving import settings
from serving.settings import ConfigError, Credentials, Listen, check_listen, need

__all__ = [
    "MAX_MSAT",
    "Config",
    "ConfigError",
    "DatabaseSettings",
    "Limits",
    "Listen",
    "NodeSettings",
    "ServiceSettings",
    "load",
]

MAX_MSAT = 21 * 10**17
"""All bitcoin that there will ever be, in msat; no amount is greater."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """The hub's own PostgreSQL database.

    Attributes:
        host: name, address, or directory of a unix socket.
        user: the role that serves.
        owner: the role that owns the tables, and as which `migrate` works; it grants to `user` what grants.py lists. If
            it is empty, `user` owns them.
        sslmode: libpq's option; verify-full needs sslrootcert.
        pool: connections of one process; a third of them is for payments, the others for everything else.
        timeout: seconds that a statement may take.
    """

    host: str
    name: str
    user: str
    port: int = 5432
    sslmode: str = "prefer"
    sslrootcert: str = ""
    pool: int = 10
    timeout: float = 10.0
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """The lnd whose channels hold the users' money.

    Attributes:
        rpcserver: host:port.
        certificate: path of its TLS certificate; a plain name is one of the credentials.
        timeout: seconds that a call may take, except for payments.
        private: whether invoices name private channels; a node that has only private ones cannot be paid otherwise.
        payment_timeout: seconds in which lnd looks for a route.
        cltv_limit: blocks that a payment may be held on its way and by the payee, at most. lnd's own limit of 2016, two
            weeks, holds besides.
        max_parts: parts into which lnd may split a payment. Each takes an HTLC of a channel.
        send_within: seconds in which lnd must have taken a payment; lnd itself refuses a later one (see outgoing).
        signer_state: path of the file in which the node's machine keeps whether the node's signer would sign
            (lnd-signer@NAME); empty, or without such a file, lnd itself is asked for a signature.
        grace: further seconds, after which a payment that lnd does not know counts as never sent.
    """

    rpcserver: str
    certificate: str
    timeout: float = 10.0
    private: bool = True
    payment_timeout: int = 60
    cltv_limit: int = 1008
    max_parts: int = 16
    send_within: int = 30
    grace: int = 60
    signer_state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one account, unless it has its own; amounts in msat.

    Attributes:
        fee_base_msat: reserved for the routing fees of each payment.
        fee_ppm: reserved besides, in millionths of the payment's amount, rounded up.
        account_htlcs: HTLCs that the payments of one account hold at once. A payee who holds a payment holds an HTLC of
            the channel, for days if he likes.
        htlcs: HTLCs that the payments of all accounts hold at once. A channel carries 483 in one direction (BOLT 2,
            max_accepted_htlcs).
        requests_per_second: requests of one account; burst is how many it may make at once.
        logins_per_minute: failed logins of one address (IPv6: a /64), and of one login from one network; ten times as
            many of one network (see logins).
        sessions_per_minute: logins of one address, successful ones too; and sessions that one account begins or renews.
        creates_per_minute: accounts made from one address.
    """

    max_receive_msat: int = MAX_MSAT
    max_send_msat: int = MAX_MSAT
    max_balance_msat: int = MAX_MSAT
    fee_base_msat: int = 10_000
    fee_ppm: int = 10_000
    account_htlcs: int = 50
    htlcs: int = 400
    requests_per_second: float = 20.0
    burst: int = 60
    logins_per_minute: float = 10.0
    sessions_per_minute: float = 30.0
    creates_per_minute: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """The behaviour of the service.

    Attributes:
        create: the people who may make an account: open (anyone), admin (with the admin token), closed (nobody).
        public_invoices: whether anybody may have an invoice of an account made who knows its login, by /invoice/LOGIN.
            That shows which logins there are, fills the account's list, and for an hour the room below its max_balance.
        access_seconds: lifetime of an access token, by default that of lndhub.go: Zeus logs in only when it connects.
        refresh_seconds: lifetime of a refresh token. An access token ends too when all refresh tokens of its login have
            ended.
        refresh_again: seconds in which a used refresh token is answered again, for a client that did not get the answer
            (see tokens).
        answer_within: seconds after which a payment still under way is answered with "in transit". BlueWallet gives up
            after 20.
        leaving: whether the hub ends its service: it makes no payment and no invoice any more; what is under way ends.
        waiting: requests that wait at once for the end of their payment; further ones are answered with "in transit" as
            soon as it is under way.
        invoice_expiry: seconds in which an invoice can be paid, if the request names none.
        reconcile_every: seconds between two checks of everything that is pending.
        body_bytes: bytes of a request body, at most.
        concurrency: requests at once; further ones are refused.
    """

    create: str = "admin"
    public_invoices: bool = False
    leaving: bool = False
    access_seconds: int = 2 * 86400
    refresh_seconds: int = 7 * 86400
    refresh_again: float = 30.0
    answer_within: float = 15.0
    waiting: int = 200
    invoice_expiry: int = 86400
    reconcile_every: float = 20.0
    body_bytes: int = 65536
    body_seconds: float = 10.0
    concurrency: int = 500
    log_level: str = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Credentials):
    """The whole configuration.

    Attributes:
        credentials: the directory that systemd fills: macaroon, jwt_key and, where they are used, pgpass, admin_token,
            metrics_token.
    """

    database: DatabaseSettings
    node: NodeSettings
    listen: Listen = field(default_factory=Listen)
    limits: Limits = field(default_factory=Limits)
    service: ServiceSettings = field(default_factory=ServiceSettings)


def load(path: Path) -> Config:
    """Read the configuration; the credentials are in $CREDENTIALS_DIRECTORY.

    Raises:
        ConfigError: an option is wrong; the message has its name and what it should be.
    """
    config = settings.load(Config, path)
    _check(config)
    return config


def _check(config: Config) -> None:
    check_listen(config.listen, config.service.log_level)
    need(config.service.create in ("open", "admin", "closed"), "service.create must be open, admin or closed")
    positive = (
        ("database.pool", config.database.pool),
        ("database.timeout", config.database.timeout),
        ("node.timeout", config.node.timeout),
        ("node.payment_timeout", config.node.payment_timeout),
        ("node.send_within", config.node.send_within),
        ("node.cltv_limit", config.node.cltv_limit),
        ("node.max_parts", config.node.max_parts),
        ("limits.account_htlcs", config.limits.account_htlcs),
        ("limits.requests_per_second", config.limits.requests_per_second),
        ("limits.burst", config.limits.burst),
        ("limits.logins_per_minute", config.limits.logins_per_minute),
        ("limits.sessions_per_minute", config.limits.sessions_per_minute),
        ("service.access_seconds", config.service.access_seconds),
        ("service.refresh_seconds", config.service.refresh_seconds),
        ("service.answer_within", config.service.answer_within),
        ("service.invoice_expiry", config.service.invoice_expiry),
        ("service.reconcile_every", config.service.reconcile_every),
        ("service.body_bytes", config.service.body_bytes),
    )
    for name, value in positive:
        need(value > 0, f"{name} must be greater than 0")
    for name in ("max_receive_msat", "max_send_msat", "max_balance_msat", "fee_base_msat"):
        need(0 <= getattr(config.limits, name) <= MAX_MSAT, f"limits.{name} must be 0 to {MAX_MSAT}")
    need(0 <= config.limits.fee_ppm <= 1_000_000, "limits.fee_ppm must be 0 to 1000000")
    need(config.node.grace >= 0, "node.grace must not be negative")
    need(config.service.refresh_again >= 0, "service.refresh_again must not be negative")
    need(
        config.limits.account_htlcs <= config.limits.htlcs,
        "limits.account_htlcs must not be greater than limits.htlcs, which is for all accounts",
    )
    need(
        0 <= config.service.waiting < config.service.concurrency,
        "service.waiting must be 0 or more, and less than service.concurrency",
    )
