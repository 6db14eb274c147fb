# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's configuration: one TOML or JSON file that holds no secret, and a directory of credentials that holds
nothing else.
"""

from __future__ import annotations

import json
import os
import tomllib
import typing as t
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path


class ConfigError(Exception):
    """The configuration cannot be used; the text names what to change."""


@dataclass(frozen=True)
class Listen:
    """The address that the service listens on: a unix socket, or a port on loopback.

    Attributes:
        socket: path of a unix socket; it is made with mode 0660. Empty: host and port are used.
        host: a loopback address.
        port: TCP port.
        trust_proxy: whether the address of a client is taken from the last entry of X-Forwarded-For, which the proxy in
            front must set.
    """

    socket: str = ""
    host: str = "127.0.0.1"
    port: int = 3000
    trust_proxy: bool = True


@dataclass(frozen=True)
class Credentials:
    """The base of the configurations of services.

    Attributes:
        credentials: the directory that systemd fills.
    """

    credentials: Path = field(default_factory=Path, kw_only=True)

    def secret(self, name: str) -> bytes | None:
        """Return a credential without its last newline; None if there is none of that name."""
        try:
            return (self.credentials / name).read_bytes().removesuffix(b"\n")
        except FileNotFoundError:
            return None

    def binary(self, name: str) -> bytes:
        """Return a credential that must be there, unchanged.

        Raises:
            ConfigError: it is missing.
        """
        try:
            return (self.credentials / name).read_bytes()
        except OSError as error:
            raise ConfigError(
                f"credential {name} cannot be read: {error.strerror}. Give it by LoadCredential= of the unit"
            ) from error


ConfigT = t.TypeVar("ConfigT", bound=Credentials)


def load(kind: type[ConfigT], path: Path) -> ConfigT:
    """Read a configuration; the credentials are in $CREDENTIALS_DIRECTORY.

    Raises:
        ConfigError: an option is wrong; the message has its name and what it should be.
    """
    try:
        text = path.read_text()
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise ConfigError(
            "CREDENTIALS_DIRECTORY is not set. Run by systemd with LoadCredential=, or set it to a directory of secret"
            " files"
        )
    if not isinstance(data, dict):
        raise ConfigError("the configuration must be a table")
    return t.cast("ConfigT", _read(kind, {**data, "credentials": Path(directory)}, ""))


def need(holds: bool, text: str) -> None:
    """Refuse a configuration for which a condition does not hold.

    Raises:
        ConfigError: the condition does not hold; the message is the given text.
    """
    if not holds:
        raise ConfigError(text)


def check_listen(listen: Listen, log_level: str) -> None:
    """Check the options that every service has.

    Raises:
        ConfigError: one of them has a value that is not allowed.
    """
    need(listen.host in ("127.0.0.1", "::1"), "listen.host must be 127.0.0.1 or ::1: a TLS proxy stands in front")
    need(log_level in ("debug", "info", "warning", "error"), "service.log_level must be debug, info, warning or error")


def _read(kind: t.Any, data: t.Any, where: str) -> t.Any:
    """Make a dataclass of a table; unknown names and wrong types are errors."""
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
    # A bool is an int to Python, but not here.
    if isinstance(value, bool) is not (hint is bool):
        raise ConfigError(f"{name} must be {hint.__name__}, not {value!r}")
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        raise ConfigError(f"{name} must be {hint.__name__}, not {value!r}")
    return value
