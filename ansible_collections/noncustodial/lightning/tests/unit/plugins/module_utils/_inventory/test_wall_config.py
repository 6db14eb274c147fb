# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a wall & wallet, from its own variables and those of its hub."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.wall_config import config


def made(variables: dict[str, t.Any], **own: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    sections: dict[str, dict[str, t.Any]] = {"wallet": {}, "wall": {}, "service": {}, **own}
    return config("acme", {"ansible_host": "192.0.2.14", **variables}, credentials="/run/c", login="wall", own=sections)


def test_the_configuration_of_plain_variables() -> None:
    assert made({"lnd_port_offset": 1}) == {
        "hub": {
            "url": "https://localhost:8444",
            "ca_file": "/run/c/hub.crt",
            "public_url": "https://192.0.2.14:8444",
            "pay_timeout": 45.0,
        },
        "listen": {"socket": "/run/wall-wallet/acme/http"},
        "wallet": {"signup": False},
        "wall": {"articles": "/var/lib/wall_wallet/acme/articles", "login": "wall"},
        "service": {"name": "acme"},
    }


@pytest.mark.parametrize(
    ("variables", "section", "expected"),
    [
        (
            {"lndhub_address": "hub.example", "lndhub_tls_certificate": "/desk/hub.crt"},
            "hub",
            {"url": "https://hub.example:8443", "public_url": "https://hub.example:8443"},
        ),
        # Its own certificate has no other name of this machine's.
        ({"lndhub_address": "hub.example"}, "hub", {"public_url": "https://hub.example:8443"}),
        ({"lndhub_limits": {"fee_ppm": 9, "max_send_msat": 4}}, "hub", {"fee_ppm": 9}),
        ({"lndhub_service": {"answer_within": 3}}, "hub", {"pay_timeout": 33.0}),
        ({"lndhub_service": {"create": "open"}}, "wallet", {"signup": True}),
        ({"wall_wallet_provider": "container"}, "listen", {"host": "127.0.0.1", "port": 4000}),
        (
            {"wall_wallet_provider": "command", "wall_wallet_service_port": "4711"},
            "listen",
            {"host": "127.0.0.1", "port": 4711},
        ),
    ],
)
def test_what_a_variable_changes(variables: dict[str, t.Any], section: str, expected: dict[str, t.Any]) -> None:
    before, after = made({})[section], made(variables)[section]
    assert {name: value for name, value in after.items() if before.get(name) != value} == expected


def test_a_section_of_its_own_wins() -> None:
    own: dict[str, dict[str, t.Any]] = {
        "wallet": {"signup": True},
        "wall": {"login": "till", "price_sat": 5},
        "service": {"title": "Acme"},
    }
    after = made({}, **own)
    assert after["wallet"] == {"signup": True}
    assert after["wall"] == {"articles": "/var/lib/wall_wallet/acme/articles", "login": "till", "price_sat": 5}
    assert after["service"] == {"name": "acme", "title": "Acme"}
