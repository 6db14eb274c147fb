# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories that cannot work are refused before any machine is asked.

Each rule has its test in tests/unit/plugins/module_utils/_inventory/test_preflight.py (a host that is signer and
provider among them).
"""

from __future__ import annotations

import json
import typing as t

from regtest import Regtest

WRONG = [
    (
        "lnd_port_offset",
        1,
        "The lnd of acme and the lnd of globex on 10.231.",
        "have the same ports: 9736, 10010. Give one of them another lnd_port_offset",
    ),
    (
        "lnd_name",
        "one",
        "acme and globex have the same database, lnd_one on chain",
        "give one of them another lnd_name",
    ),
    (
        "postgres_max_connections",
        100,
        "PostgreSQL on chain has postgres_max_connections 100",
        "Raise postgres_max_connections to",
    ),
    (
        "lnd_postgres_maxconnection",
        20,
        "acme, chain, gateway, globex, own-node: lnd_postgres_maxconnection is no variable of any role",
        "Did you mean lnd_postgres_maxconnections?",
    ),
    (
        "wall_wallet_port",
        9000,
        "The wall & wallet of acme and the wall & wallet of globex on 10.231.",
        "Give one of them another wall_wallet_port",
    ),
    (
        "bitcoind_network",
        "mainnet",
        "chain: bitcoind_package is bitcoin-knots, and bitcoind_network mainnet",
        "Set bitcoind_install_method to release",
    ),
]


def refused(regtest: Regtest, variables: dict[str, t.Any]) -> str:
    """Run a playbook with these variables for all hosts, and return the text with which the preflight refuses them."""
    run = regtest.play("provision_tenant", f"--extra-vars={json.dumps(variables)}")
    assert run.status != 0
    assert "Nothing was changed. The inventory does not work" in run.text
    assert run.output.count("PLAY [") == 1, "nothing comes after the preflight"
    return run.text


def test_a_wrong_inventory(regtest: Regtest) -> None:
    """All that is wrong is reported at once."""
    text = refused(regtest, {name: value for name, value, _cause, _cure in WRONG})
    assert [(cause, cure) for _name, _value, cause, cure in WRONG if cause not in text or cure not in text] == [], text


def test_what_is_no_number(regtest: Regtest) -> None:
    """Without it, nothing else can be known to be wrong."""
    text = refused(regtest, {"lnd_port_offset": "one"})
    assert "lnd_port_offset is 'one', and must be a whole number" in text


def test_an_option_of_another_type(regtest: Regtest) -> None:
    run = regtest.play("onboard_tenant", "--limit=acme", "--extra-vars=tenant_channel_capacity=much")
    assert run.status != 0
    assert "tenant_channel_capacity" in run.text, run.output


def test_a_seed_that_is_brought_to_no_certain_place(regtest: Regtest) -> None:
    run = regtest.play("signer", "--extra-vars=lnd_seed_dest=seed.age", inventory="acme")
    assert run.status != 0
    assert "lnd_seed_dest is seed.age, and must be an absolute path" in run.text, run.output
    assert not any(run.changed.values())


def test_a_bound_of_memory_that_systemd_would_pass_over(regtest: Regtest) -> None:
    run = regtest.play("signer", "--extra-vars=lnd_memory_max=4GB", inventory="acme")
    assert run.status != 0
    assert "lnd_memory_max is 4GB. Write it as systemd does: 4G" in run.text, run.output
    assert not any(run.changed.values())
