# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration: one TOML or JSON file that holds no secret, and a directory of credentials that holds nothing else."""

from __future__ import annotations

import json
import os
import tomllib
import typing as t
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path

MAX_MSAT = 21 * 10**17
"""All bitcoin there will ever be, msat; no amount is greater."""


class ConfigError(Exception):
    """The configuration cannot be used; the text says what to change."""


@dataclass(frozen=True)
class Listen:
    """Where requests are taken: a unix socket, or a port on loopback.

    Attributes:
        socket: path of a unix socket; it is made with mode 0660.
        host: a loopback address, where there is no socket.
        port: TCP port.
        trust_proxy: whether the address of a client is taken from the last entry of X-Forwarded-For, which the proxy in front must set.
    """

    socket: str = ""
    host: str = "127.0.0.1"
    port: int = 3000
    trust_proxy: bool = True


@dataclass(frozen=True)
class Database:
    """The hub's own PostgreSQL database.

    Attributes:
        host: name, address, or directory of a unix socket.
        sslmode: as libpq's; verify-full needs sslrootcert.
        pool: connections of one process.
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


@dataclass(frozen=True)
class Node:
    """The lnd whose channels hold the users' money.

    Attributes:
        rpcserver: host:port.
        certificate: path of its TLS certificate; a plain name is one of the credentials.
        timeout: seconds that a call may take, payments aside.
        private: whether invoices name private channels; a node that has none but private ones cannot be paid otherwise.
        payment_timeout: seconds in which lnd looks for a way.
        send_within: seconds in which lnd must have taken a payment; later ones it refuses itself (see outgoing).
        grace: seconds more after which a payment that lnd does not know is taken for never sent.
    """

    rpcserver: str
    certificate: str
    timeout: float = 10.0
    private: bool = True
    payment_timeout: int = 60
    send_within: int = 30
    grace: int = 60


@dataclass(frozen=True)
class Limits:
    """What one account may do, unless its own limits say otherwise; amounts in msat.

    Attributes:
        fee_base_msat: reserved for routing fees of each payment, and
        fee_ppm: so many millionths of its amount more, rounded up.
        requests_per_second: of one account; burst at once.
        logins_per_minute: wrong ones, of one login and of one address each.
        creates_per_minute: of one address.
    """

    max_receive_msat: int = MAX_MSAT
    max_send_msat: int = MAX_MSAT
    max_balance_msat: int = MAX_MSAT
    fee_base_msat: int = 10_000
    fee_ppm: int = 10_000
    requests_per_second: float = 20.0
    burst: int = 60
    logins_per_minute: float = 10.0
    creates_per_minute: float = 10.0


@dataclass(frozen=True)
class Service:
    """How the service behaves.

    Attributes:
        create: who may make an account: open (anyone), admin (with the admin token), closed (nobody).
        access_seconds: for how long an access token is good. BlueWallet takes two hours for granted.
        refresh_seconds: and a refresh token.
        answer_within: seconds after which a payment still under way is answered with "in transit".
        invoice_expiry: seconds.
        reconcile_every: seconds between two looks at what is pending.
        body_bytes: the greatest request body.
        concurrency: requests at once; more are refused.
    """

    create: str = "admin"
    access_seconds: int = 7200
    refresh_seconds: int = 7 * 86400
    answer_within: float = 90.0
    invoice_expiry: int = 86400
    reconcile_every: float = 20.0
    body_bytes: int = 65536
    body_seconds: float = 10.0
    concurrency: int = 500
    log_level: str = "info"


@dataclass(frozen=True)
class Config:
    """The whole configuration.

    Attributes:
        credentials: the directory that systemd fills: macaroon, jwt_key and, where they are wanted, pgpass, admin_token, metrics_token.
    """

    database: Database
    node: Node
    listen: Listen = field(default_factory=Listen)
    limits: Limits = field(default_factory=Limits)
    service: Service = field(default_factory=Service)
    credentials: Path = field(default_factory=Path)

    def secret(self, name: str) -> bytes | None:
        """A credential, without its last newline; None if there is none of that name."""
        try:
            return (self.credentials / name).read_bytes().removesuffix(b"\n")
        except FileNotFoundError:
            return None

    def binary(self, name: str) -> bytes:
        """A credential that must be there, as it is.

        Raises:
            ConfigError: it is missing.
        """
        try:
            return (self.credentials / name).read_bytes()
        except OSError as error:
            raise ConfigError(f"credential {name} cannot be read: {error.strerror}. Give it by LoadCredential= of the unit") from error


def load(path: Path) -> Config:
    """Read the configuration; the credentials are where $CREDENTIALS_DIRECTORY says.

    Raises:
        ConfigError: with the name of the option and what it should be.
    """
    try:
        text = path.read_text()
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise ConfigError("CREDENTIALS_DIRECTORY is not set. Run by systemd with LoadCredential=, or set it to a directory of secret files")
    if not isinstance(data, dict):
        raise ConfigError("the configuration must be a table")
    config = t.cast("Config", _read(Config, {**data, "credentials": Path(directory)}, ""))
    _check(config)
    return config


def _read(kind: t.Any, data: t.Any, where: str) -> t.Any:
    """A dataclass from a table; unknown names and wrong types are errors."""
    if not isinstance(data, dict):
        raise ConfigError(f"{where.removesuffix('.')} must be a table")
    hints = t.get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    for name in data:
        if name not in known:
            raise ConfigError(f"{where}{name} is not an option. Known are: {', '.join(sorted(known))}")
    values: dict[str, t.Any] = {}
    for name, one in known.items():
        if name in data:
            values[name] = _value(hints[name], data[name], f"{where}{name}")
        elif one.default is MISSING and one.default_factory is MISSING:
            raise ConfigError(f"{where}{name} is missing")
    return kind(**values)


def _value(hint: t.Any, value: t.Any, name: str) -> t.Any:
    if is_dataclass(hint):
        return _read(hint, value, f"{name}.")
    # A bool is an int to Python, and is not meant.
    if isinstance(value, bool) is not (hint is bool):
        raise ConfigError(f"{name} must be {hint.__name__}, not {value!r}")
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        raise ConfigError(f"{name} must be {hint.__name__}, not {value!r}")
    return value


def _check(config: Config) -> None:
    def need(holds: bool, text: str) -> None:
        if not holds:
            raise ConfigError(text)

    need(config.service.create in ("open", "admin", "closed"), "service.create must be open, admin or closed")
    need(config.listen.host in ("127.0.0.1", "::1"), "listen.host must be 127.0.0.1 or ::1: a TLS proxy stands in front")
    need(config.service.log_level in ("debug", "info", "warning", "error"), "service.log_level must be debug, info, warning or error")
    positive = (
        ("database.pool", config.database.pool),
        ("database.timeout", config.database.timeout),
        ("node.timeout", config.node.timeout),
        ("node.payment_timeout", config.node.payment_timeout),
        ("node.send_within", config.node.send_within),
        ("limits.requests_per_second", config.limits.requests_per_second),
        ("limits.burst", config.limits.burst),
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
