# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's configuration: reading it, and refusals with the name of the option."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from lndhub.config import Config, ConfigError, load

LEAST: dict[str, dict[str, t.Any]] = {
    "database": {"host": "/run/postgresql", "name": "hub", "user": "hub"},
    "node": {"rpcserver": "localhost:10009", "certificate": "/tls.cert"},
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[[t.Any], Config]:
    """A function that reads a configuration written as JSON."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    def go(data: t.Any) -> Config:
        path = tmp_path / "hub.json"
        path.write_text(json.dumps(data))
        return load(path)

    return go


def test_the_least(write: t.Callable[[t.Any], Config]) -> None:
    config = write(LEAST)
    assert (config.database.port, config.database.pool, config.service.create) == (5432, 10, "admin")


def test_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path = tmp_path / "hub.toml"
    path.write_text(
        '[database]\nhost = "db"\nname = "a"\nuser = "b"\ntimeout = 3\n[node]\nrpcserver = "x:1"\ncertificate ='
        ' "/c"\n[service]\ncreate = "open"\n'
    )
    config = load(path)
    assert (config.database.timeout, config.service.create) == (3.0, "open")


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("database", {"pool": "10"}, "database.pool must be int"),
        ("database", {"pool": True}, "database.pool must be int"),
        ("database", {"pool": 0}, "database.pool must be greater than 0"),
        ("database", {"password": "x"}, "database.password is not an option. Known are: host"),
        ("database", {"timeout": "3"}, "database.timeout must be float"),
        ("node", {"private": 1}, "node.private must be bool"),
        ("node", {"grace": -1}, "node.grace"),
        ("service", {"create": "all"}, "open, admin or closed"),
        ("service", {"log_level": "chatty"}, "service.log_level"),
        ("listen", {"host": "0.0.0.0"}, "a TLS proxy stands in front"),  # noqa: S104
        ("limits", {"max_send_msat": 21 * 10**17 + 1}, "limits.max_send_msat must be 0 to"),
        ("limits", {"fee_ppm": -1}, "limits.fee_ppm"),
        ("limits", {"fee_ppm": 0.5}, "limits.fee_ppm must be int"),
        ("limits", {"account_htlcs": 0}, "limits.account_htlcs must be greater than 0"),
        ("limits", {"account_htlcs": 9, "htlcs": 8}, "limits.account_htlcs must not be greater than limits.htlcs"),
        ("node", {"cltv_limit": 0}, "node.cltv_limit must be greater than 0"),
        ("node", {"max_parts": 0}, "node.max_parts must be greater than 0"),
        ("service", {"waiting": 500}, "service.waiting must be 0 or more, and less than service.concurrency"),
        ("elsewhere", {}, "elsewhere is not an option"),
    ],
)
def test_what_is_refused(
    write: t.Callable[[t.Any], Config], section: str, values: dict[str, t.Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        write({**LEAST, section: {**LEAST.get(section, {}), **values}})


def test_what_is_missing(write: t.Callable[[t.Any], Config], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"node\.rpcserver is missing"):
        write({**LEAST, "node": {"certificate": "/c"}})
    with pytest.raises(ConfigError, match="database is missing"):
        write({"node": LEAST["node"]})
    with pytest.raises(ConfigError, match="database must be a table"):
        write({**LEAST, "database": "postgres://"})
    with pytest.raises(ConfigError, match="must be a table"):
        write([])
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(ConfigError, match="CREDENTIALS_DIRECTORY is not set"):
        write(LEAST)


def test_no_secret_is_in_the_configuration(write: t.Callable[[t.Any], Config]) -> None:
    config = write(LEAST)
    assert config.secret("admin_token") is None
    (config.credentials / "admin_token").write_text("x\n")
    assert config.secret("admin_token") == b"x"
    with pytest.raises(ConfigError, match="credential macaroon cannot be read"):
        config.binary("macaroon")
