# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of taproot channels, which no node with a remote signer may have."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.filter.lnd_taproot import lnd_taproot
from ansible_collections.noncustodial.lightning.tests.support.inventories import (
    EXTERNAL,
    found,
)


@pytest.mark.parametrize(
    "config",
    [
        {"protocol.simple-taproot-chans": True},
        {"protocol.simple-taproot-chans": "1"},
        {"protocol.simple-taproot-chans": False},
        {"protocol.simple-taproot-overlay-chans": True},
        {"protocol.simple-taproot-final-chans": True},
        {"--protocol.simple-taproot-chans": ""},
        {"Protocol.Simple-Taproot-Chans": True},
        {"TaprootChans": 1},
        {"[protocol]\nprotocol.simple-taproot-chans": "true"},
        {"color": "#000000\nprotocol.simple-taproot-chans=true"},
        {"protocol.custom-init": 181},
        {"protocol.custom-init": ["29", "81"]},
        {"CustomInit": "0181"},
        {"protocol.custom-nodeann": 180},
    ],
    ids=str,
)
def test_refused_in_every_spelling(config: dict[str, t.Any]) -> None:
    (problem,) = found({"acme": {"lnd_config": config}})
    assert problem.startswith("acme: lnd_config has ")
    assert "private keys can be computed" in problem


@pytest.mark.parametrize(
    "config",
    [{}, {"protocol.wumbo-channels": True}, {"protocol.custom-init": [29, 1810]}, {"color": "#818181"}],
    ids=str,
)
def test_others_are_not(config: dict[str, t.Any]) -> None:
    assert found({"acme": {"lnd_config": config}}) == []


def test_a_node_with_its_own_keys_may_have_them() -> None:
    assert found({"gateway": {"lnd_config": {"protocol.simple-taproot-chans": True}}}) == []
    assert found({"acme": {**EXTERNAL, "lnd_config": {"protocol.simple-taproot-chans": True}}}, hubs=["acme"]) == []


@pytest.mark.parametrize(
    ("running", "named"),
    [
        ({"protocol.simple-taproot-chans": "false", "protocol.custom-init": "[]"}, []),
        (
            {"protocol.simple-taproot-chans": "true", "protocol.simple-taproot-overlay-chans": "false"},
            ["protocol.simple-taproot-chans=true"],
        ),
        ({"protocol.custom-init": "[29 181]"}, ["protocol.custom-init=[29 181]"]),
        ({"protocol.custom-init": "[29]", "protocol.custom-invoice": "[181]"}, []),
        ({"protocol.custom-nodeann": "[80]"}, ["protocol.custom-nodeann=[80]"]),
    ],
    ids=str,
)
def test_of_a_node_that_runs_what_is_off_does_not_count(running: dict[str, str], named: list[str]) -> None:
    assert lnd_taproot(running, running=True) == named
