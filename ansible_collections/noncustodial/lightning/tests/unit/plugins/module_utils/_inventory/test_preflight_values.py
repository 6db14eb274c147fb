# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values with which lnd or bitcoind would not start."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory import lnd_options
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight_values import problems
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.settings import (
    SETTINGS,
    UNKNOWN,
    with_known_settings,
)
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

ROLES = COLLECTION / "roles"


def found(**variables: t.Any) -> list[str]:
    """Return the problems of one node, and of a bitcoind on the same host."""
    hostvars = {"acme": {"group_names": ["tenants"], **variables}}
    return [*problems(hostvars, {"acme": node("acme", hostvars["acme"])}, ["acme"])]


@pytest.mark.parametrize(
    "alias",
    [
        "shop",
        "Shop & Söhne # 1",
        "x" * 32,
        "'s Gravenhage",
        'the "shop"',
        "#1",
        "ä" * 16,
        # A family of several emojis, and a name with a blank that no line ends at.
        "\U0001f469\u200d\U0001f467",
        "Café\u00a021",
        # lnd takes them off.
        " shop ",
        '"shop"',
        f'"{"x" * 32}"',
    ],
)
def test_an_alias_that_lnd_takes(alias: str) -> None:
    assert found(lnd_alias=alias) == []
    assert found(lnd_config={"alias": alias}) == []


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("x" * 33, "has 33 bytes, and lnd takes at most 32: shorten it."),
        ("ä" * 17, "has 34 bytes, and lnd takes at most 32: shorten it."),
        (f'"{"x" * 33}"', "has 33 bytes"),
        ("sh\nop", "has control characters"),
        ("sh\x85op", "has control characters"),
        ('"sh\\top"', "has control characters"),
        ('"shop', "lnd takes that for a quotation"),
        ('"\\ud800"', "lnd takes that for a quotation"),
    ],
)
def test_an_alias_that_lnd_refuses(alias: str, text: str) -> None:
    (problem,) = found(lnd_alias=alias)
    assert problem.startswith("acme: lnd_alias ")
    assert text in problem


def test_the_name_of_a_host_may_be_the_alias() -> None:
    assert found(lnd_name="a" * 28) == []


@pytest.mark.parametrize(
    "config",
    [
        {"color": "#abCDef", "debuglevel": "info,SRVR=debug"},
        {"healthcheck.remotesigner.timeout": "10s", "maxpendingchannels": 5, "bitcoin.feerate": "1"},
        {"healthcheck.remotesigner.interval": "1h30m", "routerrpc.minrtprob": 0.01, "db.postgres.timeout": 0},
        {"protocol.wumbo-channels": True, "accept-keysend": "false", "nobootstrap": True},
        {"addpeer": ["a@b:1", "c@d:2"], "externalhosts": "shop.example:9735", "coin-selection-strategy": "random"},
        {"externalhosts": '"shop.example"', "color": '"#ff0000"', "coin-selection-strategy": "random "},
        {
            "routerrpc.minrtprob": ["5E-1", "0x1p-2", ".5", "1_0", "inf"],
            "maxpendingchannels": ["0x1F", "1_0", "010", " 5"],
        },
        {"healthcheck.remotesigner.timeout": ['"10s"', "10µs", "10μs"], "accept-keysend": ""},
        # An option by its field's name, and one of which nothing is known.
        {"RPCListeners": "localhost:1", "something.of-another-release": "x"},
    ],
)
def test_settings_that_lnd_takes(config: dict[str, t.Any]) -> None:
    assert found(lnd_config=config) == []


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"store-final-htlc-resolutions": False}, "acme: lnd_config, store-final-htlc-resolutions: must be true"),
        ({"color": "secret"}, "acme: lnd_config, color: must be a colour as #RRGGBB"),
        ({"color": "#12345"}, "must be a colour as #RRGGBB"),
        ({"color": '"#gg0000"'}, "must be a colour as #RRGGBB"),
        ({"maxpendingchannels": "09"}, "must be a whole number."),
        ({"routerrpc.minrtprob": "0x10"}, "must be a number."),
        ({"healthcheck.remotesigner.timeout": 10}, "must be a time with its unit, such as 10s"),
        ({"healthcheck.remotesigner.timeout": "1d"}, "must be a time with its unit, such as 10s"),
        ({"maxpendingchannels": "secret"}, "must be a whole number."),
        ({"trickledelay": "1s"}, "must be a whole number."),
        ({"bitcoin.feerate": -5}, "must be a whole number from 0 on."),
        ({"routerrpc.minrtprob": "secret"}, "must be a number."),
        ({"Protocol.Wumbo-Channels": "yes"}, "must be true or false."),
        ({"coin-selection-strategy": "secret"}, "must be one of largest, random."),
        ({"alias": "x" * 33}, "lnd_config, alias: has 33 bytes"),
        ({"addpeer": ["a@b:1", '"secret']}, "takes that for a quotation"),
        ({"addpeer": "a@b:1\nrpclisten=0.0.0.0:1"}, "a value has several lines."),
        ({"healtcheck.remotesigner.timeout": "10s"}, "Did you mean healthcheck.remotesigner.timeout?"),
        ({"--alias": "shop"}, "is no name of an option of lnd."),
        (["alias=shop"], "lnd_config must be options of lnd.conf with their values."),
    ],
)
def test_settings_that_lnd_refuses(config: t.Any, text: str) -> None:
    """A value may be vaulted, and is in no text."""
    (problem,) = found(lnd_config=config)
    assert text in problem
    assert "secret" not in problem


def test_another_release_may_have_other_options() -> None:
    assert found(lnd_version="0.22.0-beta", lnd_config={"healtcheck.remotesigner.timeout": "10s"}) == []


def test_a_node_elsewhere_has_its_own_settings() -> None:
    assert found(lnd_shape="on_premises", lnd_alias="x" * 33) == []


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"-maxmempool": 1}, "acme: bitcoind_config, -maxmempool: is no name of an option of bitcoind."),
        (
            {"rpcpassword": "secret#1"},
            "acme: bitcoind_config, rpcpassword: a value has a #, with which bitcoind does not",
        ),
        ({"uacomment": "a\nb"}, "a value has several lines."),
    ],
)
def test_settings_that_bitcoind_refuses(config: dict[str, t.Any], text: str) -> None:
    (problem,) = found(bitcoind_config=config)
    assert text in problem
    assert "secret" not in problem


def test_settings_that_bitcoind_takes() -> None:
    assert found(bitcoind_config={"maxconnections": 40, "addnode": ["a:8333", "b:8333"], "txindex": True}) == []
    assert found(bitcoind_config={"maxmempool": "500 # more than usual"}) == []


def test_the_options_are_those_of_the_roles_release() -> None:
    assert yaml.safe_load((ROLES / "lnd/defaults/main.yml").read_text())["lnd_version"] == lnd_options.VERSION


class Lazy(dict[str, t.Any]):
    """Variables that are read when they are asked for, as Ansible's are."""

    def __getitem__(self, name: str) -> t.Any:
        value = super().__getitem__(name)
        if value == "lnd_name":
            raise LookupError(name)
        return value


def test_nothing_is_checked_of_a_value_that_only_the_role_knows() -> None:
    config = Lazy(
        {"alias": "lnd_name", "color": "{{ shop_colour }}", "maxpendingchannels": [1, "{% x %}"], "addpeer": None}
    )
    variables = Lazy(
        {"lnd_alias": "lnd_name", "lnd_config": config, "lnd_name": "acme", "other": 1, "lndhub_port": "lnd_name"}
    )
    known = with_known_settings(variables, (LookupError,), (*SETTINGS, "lndhub_port"))
    assert known["lnd_config"] == {"maxpendingchannels": [1], "addpeer": None}
    assert (known["lnd_alias"], known["other"]) == ("", 1)
    assert known["lndhub_port"] is UNKNOWN
    assert list(known) == ["lnd_alias", "lnd_config", "lnd_name", "other", "lndhub_port"]


def test_a_colour_that_yaml_took_for_a_comment() -> None:
    (problem,) = found(lnd_config=yaml.safe_load("color: #ff0000"))
    assert "quote it in YAML, where # begins a comment" in problem
