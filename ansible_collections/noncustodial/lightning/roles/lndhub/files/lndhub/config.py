# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration: one TOML or JSON file that holds no secret, and a directory of credentials that holds nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from serving import settings
from serving.settings import ConfigError, Credentials, Listen, check_listen, need

__all__ = ["MAX_MSAT", "Config", "ConfigError", "Database", "Limits", "Listen", "Node", "Service", "load"]

MAX_MSAT = 21 * 10**17
"""All bitcoin there will ever be, msat; no amount is greater."""


@dataclass(frozen=True)
class Database:
    """The hub's own PostgreSQL database.

    Attributes:
        host: name, address, or directory of a unix socket.
        user: the role that serves.
        owner: the role that owns the tables, and as which `migrate` works; it grants to the other what grants.py lists. Empty: user is that too.
        sslmode: as libpq's; verify-full needs sslrootcert.
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


@dataclass(frozen=True)
class Node:
    """The lnd whose channels hold the users' money.

    Attributes:
        rpcserver: host:port.
        certificate: path of its TLS certificate; a plain name is one of the credentials.
        timeout: seconds that a call may take, payments aside.
        private: whether invoices name private channels; a node that has none but private ones cannot be paid otherwise.
        payment_timeout: seconds in which lnd looks for a way.
        cltv_limit: blocks that a payment may be held on its way and by the payee, at most. lnd's own limit is 2016, two weeks, and holds besides.
        max_parts: into how many parts lnd may split a payment. Each takes an HTLC of a channel.
        send_within: seconds in which lnd must have taken a payment; later ones it refuses itself (see outgoing).
        grace: seconds more after which a payment that lnd does not know is taken for never sent.
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


@dataclass(frozen=True)
class Limits:
    """What one account may do, unless its own limits say otherwise; amounts in msat.

    Attributes:
        fee_base_msat: reserved for routing fees of each payment, and
        fee_ppm: so many millionths of its amount more, rounded up.
        account_htlcs: HTLCs that the payments of one account hold at once. Who holds a payment holds an HTLC of the channel, for days if he likes.
        htlcs: that those of all accounts hold. A channel carries 483 in one direction (BOLT 2, max_accepted_htlcs).
        requests_per_second: of one account; burst at once.
        logins_per_minute: wrong ones, of one address (IPv6: a /64), and of one login from one network (see logins).
        sessions_per_minute: logins of one address, right ones too; and sessions that one account begins, or renews.
        creates_per_minute: of one address.
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


@dataclass(frozen=True)
class Service:
    """How the service behaves.

    Attributes:
        create: who may make an account: open (anyone), admin (with the admin token), closed (nobody).
        access_seconds: for how long an access token is good. BlueWallet takes two hours for granted.
        refresh_seconds: and a refresh token. An access token is over too when all refresh tokens of its login are.
        refresh_again: seconds in which a refresh token that was used is answered again, to whoever did not get the answer (see tokens).
        answer_within: seconds after which a payment still under way is answered with "in transit". BlueWallet gives up after 20.
        waiting: requests that wait for the end of their payment at once; those beyond are answered with "in transit" as soon as it is under way.
        invoice_expiry: seconds.
        reconcile_every: seconds between two looks at what is pending.
        body_bytes: the greatest request body.
        concurrency: requests at once; more are refused.
    """

    create: str = "admin"
    access_seconds: int = 7200
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


@dataclass(frozen=True)
class Config(Credentials):
    """The whole configuration.

    Attributes:
        credentials: the directory that systemd fills: macaroon, jwt_key and, where they are wanted, pgpass, admin_token, metrics_token.
    """

    database: Database
    node: Node
    listen: Listen = field(default_factory=Listen)
    limits: Limits = field(default_factory=Limits)
    service: Service = field(default_factory=Service)


def load(path: Path) -> Config:
    """Read the configuration; the credentials are where $CREDENTIALS_DIRECTORY says.

    Raises:
        ConfigError: with the name of the option and what it should be.
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
    need(0 <= config.service.waiting < config.service.concurrency, "service.waiting must be 0 or more, and less than service.concurrency")
