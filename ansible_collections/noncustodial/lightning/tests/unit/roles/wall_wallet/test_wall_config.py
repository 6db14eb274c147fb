# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of wall & wallet: reading it, and refusals with the name of the option."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from serving.settings import ConfigError
from wall_wallet.config import Config, HubSettings, load

KEY = "k" * 32


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Config]:
    """A function that reads a configuration written as JSON, with these credentials."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    def go(data: dict[str, t.Any], **credentials: str) -> Config:
        for name, text in credentials.items():
            (tmp_path / name).write_text(text)
        path = tmp_path / "wall.json"
        path.write_text(json.dumps(data))
        return load(path)

    return go


def test_the_least(write: t.Callable[..., Config]) -> None:
    config = write({"hub": {"url": "https://hub.example:8443"}})
    assert (config.wall.articles, config.wallet.signup, config.listen.host) == ("", False, "127.0.0.1")


def test_with_articles(write: t.Callable[..., Config]) -> None:
    data = {"hub": {"url": "https://hub"}, "wall": {"articles": "/srv/articles", "login": "acme-wall"}}
    config = write(data, hub_password="pass\n", token_key=f"{KEY}\n")
    assert (config.hub_password, config.token_key) == ("pass", KEY.encode())


@pytest.mark.parametrize(
    ("data", "credentials", "words"),
    [
        ({}, {}, "hub is missing"),
        ({"hub": {"url": "http://hub.example"}}, {}, "hub.url must begin with https://"),
        ({"hub": {"url": "http://localhost.example"}}, {}, "hub.url must begin with https://"),
        ({"hub": {"url": "https://"}}, {}, "hub.url"),
        ({"hub": {"url": "https://login:password@hub"}}, {}, "hub.url must hold neither"),
        ({"hub": {"url": "https://hub", "password": "x"}}, {}, "hub.password is not an option"),
        ({"hub": {"url": "https://hub", "fee_ppm": -1}}, {}, "must not be negative"),
        ({"hub": {"url": "https://hub"}, "service": {"name": "Acme; Path=/"}}, {}, "service.name"),
        ({"hub": {"url": "https://hub"}, "service": {"log_level": "all"}}, {}, "service.log_level"),
        ({"hub": {"url": "https://hub"}, "listen": {"host": "192.0.2.1"}}, {}, "listen.host"),
        ({"hub": {"url": "https://hub"}, "wallet": {"sessions": 0}}, {}, "wallet.sessions must be greater"),
        ({"hub": {"url": "https://hub"}, "wall": {"offers_of_reader": 0}}, {}, "wall.offers_of_reader must be greater"),
        ({"hub": {"url": "https://hub"}, "wall": {"offer_seconds": 59}}, {}, "wall.offer_seconds must be 60"),
        (
            {"hub": {"url": "https://hub"}, "wall": {"offer_seconds": 600, "token_seconds": 599}},
            {},
            "wall.offer_seconds must be 60",
        ),
        ({"hub": {"url": "https://hub"}, "wall": {"articles": "/a"}}, {}, "wall.login is missing"),
        (
            {"hub": {"url": "https://hub"}, "wall": {"articles": "/a", "login": "x"}},
            {},
            "credential token_key cannot be read",
        ),
        ({"hub": {"url": "https://hub"}, "wall": {"articles": "/a", "login": "x"}}, {"token_key": "short"}, "32 bytes"),
        (
            {"hub": {"url": "https://hub"}, "wall": {"articles": "/a", "login": "x"}},
            {"token_key": KEY},
            "credential hub_password",
        ),
    ],
)
def test_what_is_refused(
    write: t.Callable[..., Config], data: dict[str, t.Any], credentials: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        write(data, **credentials)


@pytest.mark.parametrize(("amount", "limit"), [(1, 11), (100, 11), (101, 12), (5000, 60), (1_000_000, 10_010)])
def test_the_fee_limit_is_the_hubs_rounded_up(amount: int, limit: int) -> None:
    assert HubSettings(url="https://hub").fee_limit(amount) == limit
