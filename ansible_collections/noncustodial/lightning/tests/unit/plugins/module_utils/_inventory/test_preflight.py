# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that the inventory shows by itself."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight import problems
from ansible_collections.noncustodial.lightning.tests.support.inventories import (
    EXTERNAL,
    HOSTS,
    ON_PREMISES,
    found,
)
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

SPECS: dict[str, t.Any] = {
    "lnd": {
        "argument_specs": {
            "main": {
                "options": {"lnd_port_offset": {}, "lnd_shape": {}, "lnd_alias": {}, "lnd_postgres_maxconnections": {}}
            },
            "remote_signer": {"options": {"lnd_remote_signer": {}}},
        }
    },
    "postgres": {"argument_specs": {"main": {"options": {"postgres_max_connections": {}}}, "nothing": {}}},
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"globex": {"ansible_host": "192.0.2.15", "lnd_port_offset": 1}},
        {"acme": {"lnd_shape": "on_premises", "lnd_port_offset": 0}},
        {"chain": {"postgres_max_connections": 200}},
        {"acme": {"ansible_host": "nodes.example", "lnd_source_addresses": ["192.0.2.14", "2001:db8::/64"]}},
        # Neither dials bitcoind.
        {"signer-acme": {"ansible_host": "signer.example"}, "acme": {"ansible_host": "acme.example", **ON_PREMISES}},
        {
            "gateway": {"lnd_seed_dest": "/desk/gateway.age"},
            "own-node": {"lnd_seed_dest": "/desk/own-node.age"},
            "acme": {"lnd_seed_dest": ""},
        },
        {"acme": {"lnd_postgres_host": "elsewhere"}, "chain": {"postgres_max_connections": 155}},
        {
            "chain": {
                "bitcoind_install_method": "package",
                "bitcoind_package": "bitcoin-knots",
                "bitcoind_network": "regtest",
            }
        },
        {
            "chain": {
                "bitcoind_install_method": "package",
                "bitcoind_package": "bitcoind",
                "bitcoind_network": "mainnet",
            }
        },
        # The method decides whether the package is of any meaning.
        {"chain": {"bitcoind_install_method": "release", "bitcoind_package": "bitcoin-knots"}},
    ],
)
def test_an_inventory_that_works(changes: dict[str, dict[str, t.Any]]) -> None:
    assert found(changes) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"globex": {"lnd_port_offset": 1}},
            [
                (
                    "The lnd of acme and the lnd of globex on 192.0.2.14 have the same ports: 9736, 10010. Give one"
                    " of them another lnd_port_offset."
                )
            ],
        ),
        (
            {"globex": {"lnd_port_offset": 275}, "acme": {"lnd_port_offset": 1}},
            ["The lnd of acme and the lnd of globex on 192.0.2.14 have the same ports: 10010."],
        ),
        (
            {"globex": {"lnd_name": "acme", "ansible_host": "192.0.2.15"}},
            ["acme and globex have the same database, lnd_acme on chain."],
        ),
        (
            {"globex": {"lnd_name": "a-b", "ansible_host": "192.0.2.15"}, "acme": {"lnd_name": "a_b"}},
            ["acme: lnd_name is 'a_b'", "acme and globex have the same database, lnd_a_b"],
        ),
        (
            {"globex": {"lnd_name": "acme"}},
            [
                "acme and globex on 192.0.2.14 have the same lnd_name, acme.",
                "acme and globex have the same database, lnd_acme on chain.",
            ],
        ),
        (
            {"gateway": {"lnd_seed_dest": "/desk/seed.age"}, "own-node": {"lnd_seed_dest": "/desk/seed.age"}},
            [
                (
                    "gateway and own-node have the same lnd_seed_dest, /desk/seed.age. Each has a seed of its own:"
                    " name the file by the host."
                )
            ],
        ),
        (
            {"globex": {"ansible_host": "192.0.2.12", "lnd_port_offset": 0}},
            [
                (
                    "The lnd of gateway and the lnd of globex on 192.0.2.12 have the same ports: 9735, 10009. Give"
                    " one of them another lnd_port_offset."
                )
            ],
        ),
        (
            {"signer-acme": {"ansible_host": "192.0.2.14"}},
            [
                "The signer signer-acme and acme of the group tenants",
                "The signer signer-acme and globex of the group tenants are on one machine, 192.0.2.14.",
            ],
        ),
        (
            {"acme": {"lnd_shape": "watchonly"}},
            ["acme: lnd_shape is 'watchonly'. Choose one of own_keys, watch_only, signer, external, on_premises"],
        ),
        (
            {"acme": {"lnd_port_offset": "one"}},
            ["acme: lnd_port_offset is 'one', and must be a whole number from 0 on."],
        ),
        ({"acme": {"lnd_port_offset": -1}}, ["acme: lnd_port_offset is -1, and must be a whole number from 0 on."]),
        (
            {"chain": {"postgres_max_connections": 199}},
            ["PostgreSQL on chain has postgres_max_connections 199, and acme, gateway, globex, own-node need 180"],
        ),
        (
            {"acme": {"lnd_postgres_maxconnections": 200}},
            ["PostgreSQL on chain has postgres_max_connections 400, and acme, gateway, globex, own-node need 540"],
        ),
        *(
            (
                {"chain": {"bitcoind_install_method": "package", "bitcoind_package": package, **network}},
                [
                    (
                        f"chain: bitcoind_package is {package}, and bitcoind_network {name}. Bitcoin Knots left"
                        " Bitcoin's chain"
                    )
                ],
            )
            for package, network, name in (
                ("bitcoin-knots", {}, "mainnet"),
                ("bitcoin-knots", {"bitcoind_network": "signet"}, "signet"),
                ("Bitcoin-Knots-nox", {"bitcoind_network": "testnet4"}, "testnet4"),
            )
        ),
    ],
)
def test_an_inventory_that_cannot_work(changes: dict[str, dict[str, t.Any]], expected: list[str]) -> None:
    texts = found(changes)
    assert len(texts) == len(expected), texts
    for text, beginning in zip(texts, expected, strict=True):
        assert text.startswith(beginning)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"ansible_host": "nodes.example"},
            (
                "acme: lnd_source_addresses must be addresses or networks; nodes.example, by default ansible_host, is"
                " none. bitcoind takes no names"
            ),
        ),
        (
            {"lnd_source_addresses": ["192.0.2.14", "db1.example"]},
            "acme: lnd_source_addresses must be addresses or networks; db1.example is none.",
        ),
        (
            {"lnd_source_addresses": ["10.0.0.1/24"]},
            "acme: lnd_source_addresses must be addresses or networks; 10.0.0.1/24 is none.",
        ),
        (
            {"lnd_source_addresses": ["10.0.0.0/0.0.0.255"]},
            "acme: lnd_source_addresses must be addresses or networks; 10.0.0.0/0.0.0.255 is none.",
        ),
        (
            {"lnd_source_addresses": ["fe80::1%eth0"]},
            "acme: lnd_source_addresses must be addresses or networks; fe80::1%eth0 is none.",
        ),
        (
            {"lnd_source_addresses": ["::ffff:c000:20e"]},
            "acme: lnd_source_addresses must be addresses or networks; ::ffff:c000:20e is none.",
        ),
        ({"lnd_source_addresses": [4]}, "acme: lnd_source_addresses must be addresses or networks; 4 is none."),
        (
            {"lnd_source_addresses": "192.0.2.14"},
            "acme: lnd_source_addresses must be a list of addresses or networks, and '192.0.2.14' is no list.",
        ),
        (
            {"bitcoind_node_addresses": ["db1.example"]},
            "acme: bitcoind_node_addresses must be addresses or networks; db1.example is none.",
        ),
        (
            {"postgres_node_addresses": ["db1.example"]},
            "acme: postgres_node_addresses must be addresses or networks; db1.example is none.",
        ),
    ],
)
def test_what_is_no_address(variables: dict[str, t.Any], expected: str) -> None:
    """One tenant's would keep bitcoind from starting, for all of them."""
    texts = found({"acme": variables})
    assert len(texts) == 1, texts
    assert texts[0].startswith(expected)


def test_a_host_without_an_address() -> None:
    assert found({"db1": {}}, own=["db1"])[0].startswith(
        "db1: lnd_source_addresses must be addresses or networks; db1, by default ansible_host,"
    )


@pytest.mark.parametrize("name", ["acme.example", "Acme", "a_b", "1acme", "-acme", "a" * 29, "", "acme\n"])
@pytest.mark.parametrize("host", ["gateway", "acme", "signer-acme"])
def test_a_name_that_no_node_can_have(host: str, name: str) -> None:
    texts = found({host: {"lnd_name": name}})
    assert len(texts) == 1, texts
    assert texts[0].startswith(
        f"{host}: lnd_name is {name!r}, and users and databases are named by it. Set lnd_name to a letter and"
    )


def test_a_user_is_named_by_the_longest_name() -> None:
    """useradd takes 32 characters."""
    assert found({"acme": {"lnd_name": "a" * 28}}) == []
    assert len("lnd-" + "a" * 28) == 32


@pytest.mark.parametrize("name", ["acme_inc", "Acme", "acme.example", "acme-", "a" * 64])
def test_a_name_that_no_tenant_can_have(name: str) -> None:
    texts = found({"acme": {"tenant_name": name}})
    assert len(texts) == 1, texts
    assert texts[0].startswith(
        f"acme: tenant_name is {name!r}, and the tenant would refuse a kit for it. Set tenant_name to"
    )


def test_a_host_whose_name_is_neither() -> None:
    """The host's own names are enough."""
    hosts = {"Acme_1": {"ansible_host": "192.0.2.16", "lnd_name": "acme-1", "tenant_name": "1acme"}}
    assert found(hosts, tenants=["Acme_1"]) == []
    texts = found({"Acme_1": {"ansible_host": "192.0.2.16"}}, tenants=["Acme_1"])
    assert [text.partition(", and")[0] for text in texts] == [
        "Acme_1: lnd_name is 'Acme_1'",
        "Acme_1: tenant_name is 'Acme_1'",
    ]


def test_a_node_without_a_unit_has_any_name() -> None:
    assert found({"acme": {**ON_PREMISES, "lnd_name": "Acme.Inc"}}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"gateway": {"lnd_version": "0.22.0-beta"}},
        {"acme": {"lnd_version": "0.22.0-beta"}, "globex": {"lnd_version": "0.22.0-beta"}},
        {"acme": {"lnd_version": "0.21.3-beta"}},
        {"acme": {"lnd_version": "0.22.0-beta", **ON_PREMISES}},
    ],
)
def test_versions_that_do_not_meet(changes: dict[str, dict[str, t.Any]]) -> None:
    assert found(changes) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"acme": {"lnd_version": "0.22.0-beta"}},
            "192.0.2.14 have one lnd, and different lnd_version: acme 0.22.0-beta, globex 0.21.3-beta.",
        ),
        (
            {"acme": {"lnd_version": "0.20.1-beta"}, "globex": {"lnd_version": "0.22.0-beta"}},
            "192.0.2.14 have one lnd, and different lnd_version: acme 0.20.1-beta, globex 0.22.0-beta.",
        ),
        (
            {"own-node": {"ansible_host": "192.0.2.12", "lnd_port_offset": 1, "lnd_version": "0.22.0-beta"}},
            "192.0.2.12 have one lnd, and different lnd_version: gateway 0.21.3-beta, own-node 0.22.0-beta.",
        ),
    ],
)
def test_versions_that_meet_on_a_machine(changes: dict[str, dict[str, t.Any]], expected: str) -> None:
    """The newer one would be everybody's, and newer than the other tenant's signer."""
    assert found(changes) == [f"The nodes on {expected} Give them the same, or machines of their own."]


def test_a_host_that_is_signer_and_provider() -> None:
    texts = found({}, signers=["acme"])
    assert any(
        text.startswith("acme is in the groups signers and tenants. The provider must not have a tenant's keys")
        for text in texts
    )


def test_hubs_need_connections_too() -> None:
    texts = found(
        {"chain": {"postgres_max_connections": 209}, "acme": {"lndhub_postgres_maxconnections": 10}}, hubs=["acme"]
    )
    assert len(texts) == 1
    assert "need 190" in texts[0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"acme": {"lndhub_port": 443}},
        # Elsewhere everybody has all ports.
        {"own-node": {"lndhub_port": 8444}},
        {"acme": {"lndhub_postgres_maxconnections": 6}},
        {"acme": EXTERNAL},
    ],
)
def test_hubs_that_work(changes: dict[str, dict[str, t.Any]]) -> None:
    assert found(changes, hubs=["own-node", "acme", "globex"]) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"globex": {"lndhub_port": 8444}},
            [
                (
                    "The hub of acme and the hub of globex on 192.0.2.14 have the same ports: 8444. Give one of them"
                    " another lndhub_port."
                )
            ],
        ),
        (
            {"acme": {"lndhub_port": "8445"}},
            ["The hub of acme and the hub of globex on 192.0.2.14 have the same ports: 8445."],
        ),
        (
            {"acme": {"lndhub_port": 10011}},
            ["The lnd of globex and the hub of acme on 192.0.2.14 have the same ports: 10011."],
        ),
        (
            {"acme": {"lndhub_port": 9736}},
            ["The lnd of acme and the hub of acme on 192.0.2.14 have the same ports: 9736."],
        ),
        ({"acme": {"lndhub_port": "https"}}, ["acme: lndhub_port is 'https', and must be a whole number from 0 on."]),
        (
            {"acme": {"lndhub_service": {"answer_within": "15s"}}},
            ["acme: lndhub_service, answer_within is '15s', and must be a number of seconds without a unit"],
        ),
        (
            {"acme": {"lndhub_service": "15s"}},
            ["acme: lndhub_service must be settings of the hub's service with their values."],
        ),
        (
            {"acme": {"lndhub_postgres_maxconnections": 5}},
            ["acme: lndhub_postgres_maxconnections is 5. 5 of them are for migrations"],
        ),
        # Their nodes have different databases only because these nodes are not the provider's.
        (
            {
                host: {"lnd_name": "shop", **EXTERNAL, "lndhub_port": port}
                for host, port in (("acme", 8444), ("globex", 8445))
            },
            [
                (
                    "The hubs of acme and globex have the same database, hub_shop on chain. They would share their"
                    " users' money"
                )
            ],
        ),
    ],
)
def test_hubs_that_cannot_work(changes: dict[str, dict[str, t.Any]], expected: list[str]) -> None:
    texts = found(changes, hubs=["own-node", "acme", "globex"])
    assert len(texts) == len(expected), texts
    for text, beginning in zip(texts, expected, strict=True):
        assert text.startswith(beginning)


@pytest.mark.parametrize("host", ["gateway", "chain", "signer-acme"])
def test_a_hub_without_a_node(host: str) -> None:
    assert (
        f"{host} is in the group hubs and in none of own, tenants. A hub belongs to the lnd node of its own host: put"
        " it there." in found({}, hubs=[host])
    )


WALLS = {"hubs": ["own-node", "acme", "globex"], "walls": ["own-node", "acme", "globex"]}
COMMAND = {"wall_wallet_provider": "command", "wall_wallet_command": ["/srv/shop"]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"acme": {"wall_wallet_port": 443}, "globex": {"wall_wallet_address": "globex.example"}},
        # Elsewhere everybody has all ports, and another address has other cookies.
        {"own-node": {"wall_wallet_port": 9444, "wall_wallet_service": {"name": "acme"}}},
        {"acme": COMMAND, "globex": {"wall_wallet_provider": "container", "wall_wallet_image": "localhost/shop"}},
        # Only a program that is not ours listens on a port of loopback.
        {"acme": {"wall_wallet_service_port": 9445}},
        {"acme": {"wall_wallet_provider": "none", "wall_wallet_port": 9445}},
    ],
)
def test_walls_that_work(changes: dict[str, dict[str, t.Any]]) -> None:
    assert found(changes, **WALLS) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"globex": {"wall_wallet_port": 9444}},
            [
                (
                    "The wall & wallet of acme and the wall & wallet of globex on 192.0.2.14 have the same ports: 9444."
                    " Give one of them another"
                )
            ],
        ),
        (
            {"acme": {"wall_wallet_port": 8445}},
            ["The hub of globex and the wall & wallet of acme on 192.0.2.14 have the same ports: 8445."],
        ),
        (
            {"acme": {"wall_wallet_port": "10010"}},
            ["The lnd of acme and the wall & wallet of acme on 192.0.2.14 have the same ports: 10010."],
        ),
        (
            {"acme": {**COMMAND, "wall_wallet_service_port": 9445}},
            ["The wall & wallet of acme and the wall & wallet of globex on 192.0.2.14 have the same ports: 9445."],
        ),
        (
            {"acme": {"wall_wallet_port": "https"}},
            ["acme: wall_wallet_port is 'https', and must be a whole number from 0 on."],
        ),
        (
            {"acme": {"wall_wallet_provider": "shop"}},
            ["acme: wall_wallet_provider is 'shop'. Choose one of reference, command, container, none."],
        ),
        (
            {"acme": {"wall_wallet_provider": "command"}},
            ["acme: wall_wallet_provider is command, which this collection does not bring. Set wall_wallet_command."],
        ),
        (
            {"acme": {"wall_wallet_provider": "container"}},
            ["acme: wall_wallet_provider is container, which this collection does not bring. Set wall_wallet_image."],
        ),
        (
            {"acme": {"wall_wallet_service": {"name": "shop"}}, "globex": {"wall_wallet_service": {"name": "shop"}}},
            [
                (
                    "acme and globex have wall & wallet at one address, 192.0.2.14, and the same name for their"
                    " cookies, shop."
                )
            ],
        ),
        # Machines apart, which end users see as one.
        (
            {
                "own-node": {"wall_wallet_address": "shops.example", "lnd_name": "acme"},
                "acme": {"wall_wallet_address": "shops.example"},
            },
            [
                "acme and own-node have the same database, lnd_acme",
                "The hubs of acme and own-node have the same database",
                (
                    "acme and own-node have wall & wallet at one address, shops.example, and the same name for their"
                    " cookies, acme."
                ),
            ],
        ),
        (
            {"acme": {"wall_wallet_service": {"name": "Shop 1"}}},
            ["acme: the name in wall_wallet_service is 'Shop 1', and cookies are named by it."],
        ),
    ],
)
def test_walls_that_cannot_work(changes: dict[str, dict[str, t.Any]], expected: list[str]) -> None:
    texts = found(changes, **WALLS)
    assert len(texts) == len(expected), texts
    for text, beginning in zip(texts, expected, strict=True):
        assert text.startswith(beginning)


def test_a_wall_without_a_hub() -> None:
    assert found({}, hubs=["acme"], walls=["acme", "globex"]) == [
        "globex is in the group walls and not in hubs. Wall & wallet stand on the hub of their own host: put it there."
    ]


def test_an_inventory_without_a_database() -> None:
    assert found({}, postgres=[]) == []


def role_specs() -> dict[str, t.Any]:
    """Return the specifications of the collection's roles."""
    files = (COLLECTION / "roles").glob("*/meta/argument_specs.yml")
    return {path.parts[-3]: yaml.safe_load(path.read_text()) for path in files}


def unknown(changes: dict[str, dict[str, t.Any]], where: str = "") -> list[str]:
    """Return the problems of an inventory for which the roles' specifications are known."""
    hosts = {host: {**HOSTS.get(host, {}), **changes.get(host, {})} for host in {**HOSTS, **changes}}
    return problems(hosts, {}, SPECS, lambda name: where)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"lnd_alias": "acme", "postgres_max_connections": 400},
        # Of another entry point than main.
        {"lnd_remote_signer": {}},
        # Another's: of no role's name, or what a role has registered.
        {
            "lndhub_alias": "acme",
            "lnd": 1,
            "own_lnd_alias": 1,
            "ansible_lnd_alias": 1,
            "bitcoind_prune": 0,
            "_lnd_backup_key": {},
        },
        # Not like enough to a role's name, and of no role's variable.
        {"lan_alias": 1, "lndd_colour": 1, "postgresql_size": 1},
    ],
)
def test_a_variable_that_is_known_or_not_ours(variables: dict[str, t.Any]) -> None:
    assert unknown({"acme": variables}) == []


@pytest.mark.parametrize(
    ("changes", "where", "expected"),
    [
        (
            {"acme": {"lnd_postgres_maxconnection": 20}},
            "",
            ["acme: lnd_postgres_maxconnection is no variable of any role. Did you mean lnd_postgres_maxconnections? "],
        ),
        (
            {"globex": {"lnd_port_ofset": 1}, "acme": {"lnd_port_ofset": 1}},
            "/site/group_vars/tenants.yml:3",
            [
                (
                    "acme, globex: lnd_port_ofset (/site/group_vars/tenants.yml:3) is no variable of any role. Did"
                    " you mean lnd_port_offset? "
                )
            ],
        ),
        (
            {"chain": {"postgres_colour": "red"}},
            "",
            [
                (
                    "chain: postgres_colour is no variable of any role. Take it out. A variable of your own must not"
                    " begin with postgres_."
                )
            ],
        ),
        # A host of no group, and two variables.
        (
            {"spare": {"postgres_max_connection": 1, "lnd_shap": "signer"}},
            "",
            [
                (
                    "spare: lnd_shap is no variable of any role. Did you mean lnd_shape? A variable of your own must"
                    " not begin with lnd_."
                ),
                "spare: postgres_max_connection is no variable of any role. Did you mean postgres_max_connections? ",
            ],
        ),
        # The role's name itself is mistyped.
        (
            {"acme": {"lndd_alias": "a", "ldn_shape": "signer", "postgress_max_connections": 1}},
            "",
            [
                "acme: ldn_shape is no variable of any role. Did you mean lnd_shape? A variable of your own must have",
                "acme: lndd_alias is no variable of any role. Did you mean lnd_alias? ",
                "acme: postgress_max_connections is no variable of any role. Did you mean postgres_max_connections? ",
            ],
        ),
    ],
)
def test_a_variable_that_no_role_knows(changes: dict[str, dict[str, t.Any]], where: str, expected: list[str]) -> None:
    texts = unknown(changes, where)
    assert len(texts) == len(expected), texts
    for text, beginning in zip(texts, expected, strict=True):
        assert text.startswith(beginning)


@pytest.mark.parametrize(
    "name",
    [
        "postgresql_max_connections",
        "postgresql_listen_addresses",
        "postgresql_shared_buffers",
        "bitcoin_network",
        "bitcoin_version",
        "tenants_gateway",
    ],
)
def test_a_variable_of_a_role_of_others(name: str) -> None:
    assert problems({"acme": {name: 1}}, {}, role_specs()) == []


def test_what_an_earlier_play_of_the_same_run_has_registered() -> None:
    assert problems({"acme": {"_lnd_config": {}, "_tenant_gateway": {}}}, {}, role_specs()) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tennant_gateway", "tenant_gateway"),
        ("ldn_alias", "lnd_alias"),
        ("bitcond_version", "bitcoind_version"),
        ("postgers_max_connections", "postgres_max_connections"),
    ],
)
def test_a_slip_of_the_prefix(name: str, meant: str) -> None:
    texts = problems({"acme": {name: 1}}, {}, role_specs())
    assert len(texts) == 1
    assert f"Did you mean {meant}" in texts[0]


def test_a_wrong_number_hides_no_unknown_variable() -> None:
    hosts = {"acme": {"lnd_port_offset": "one", "lnd_alia": "acme"}}
    texts = problems(hosts, {"tenants": ["acme"]}, SPECS)
    assert len(texts) == 2
    assert "lnd_alia is no variable" in texts[0]
    assert "lnd_port_offset is 'one'" in texts[1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"acme": {"lnd_port_offset": 60000}},
            (
                "acme: lnd_port_offset is 60000, and there are no such ports: 69735 of peers, 70009 of gRPC, 68443 of"
                " its hub, 69443 of its wall & wallet. Set lnd_port_offset to at most 55526;"
            ),
        ),
        ({"acme": {"lnd_port_offset": 55527}}, "acme: lnd_port_offset is 55527, and there are no such ports: 65536 of"),
        ({"signer-acme": {"signer_port": 0}}, "signer-acme: signer_port is 0, and must be a port from 1 to 65535."),
        ({"acme": {"lndhub_port": 70000}}, "acme: lndhub_port is 70000, and must be a port from 1 to 65535."),
        ({"chain": {"bitcoind_zmq_tx_port": "zmq"}}, "chain: bitcoind_zmq_tx_port is 'zmq', and must be a port from 1"),
    ],
)
def test_ports_that_no_machine_has(changes: dict[str, dict[str, t.Any]], expected: str) -> None:
    texts = found(changes, hubs=["acme"], walls=["acme"])
    assert len(texts) == 1, texts
    assert texts[0].startswith(expected)


def test_the_last_port() -> None:
    assert found({"acme": {"lnd_port_offset": 55526}, "globex": {"ansible_host": "192.0.2.15"}}) == []


TWICE: dict[str, dict[str, t.Any]] = {
    "database": {"ansible_host": "192.0.2.11"},
    "globex": {"lnd_postgres_host": "database", "lnd_name": "acme", "ansible_host": "192.0.2.15"},
}


@pytest.mark.parametrize(("servers", "more"), [(["chain"], 0), (["chain", "database"], 1)])
def test_one_postgresql_under_two_names(servers: list[str], more: int) -> None:
    """Two nodes on one database lose money, whatever its machine is called."""
    texts = found(TWICE, postgres=servers)
    assert (
        "acme and globex have the same database, lnd_acme on chain. Two nodes on one database lose money" in texts[-1]
    )
    assert len(texts) == 1 + more
    if more:
        assert texts[0].startswith("chain and database of the group postgres are one machine, 192.0.2.11.")


WAYS = [
    {"ansible_port": 2222},
    *(
        {"ansible_ssh_common_args": arguments}
        for arguments in (
            "-J other.example",
            "-o StrictHostKeyChecking=no -Jother.example",
            "-o proxyjump=other.example",
            "-o 'ProxyCommand ssh -W %h:%p other.example'",
            '-oProxyCommand="ssh -W %h:%p other.example"',
            "-p 2222",
            "-oPort=2222",
            "-o HostName=10.0.0.7",
        )
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_two_machines_behind_one_address(way: dict[str, t.Any]) -> None:
    changes = TWICE | {"database": {"ansible_host": "192.0.2.11", **way}}
    assert found(changes, postgres=["chain", "database"]) == []
    # Port 22 is what Ansible takes anyway.
    changes["database"] = {"ansible_host": "192.0.2.11", "ansible_port": 22}
    assert len(found(changes, postgres=["chain", "database"])) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        "-o StrictHostKeyChecking=accept-new",
        "-i ~/.ssh/provider -o ControlMaster=auto -4C",
        "-o ProxyJump=none",
        "-p 22",
        "-o UserKnownHostsFile='~/known hosts' -F /dev/null",
        "-o",
    ],
)
def test_one_machine_with_other_options_of_ssh(arguments: str) -> None:
    changes = TWICE | {"database": {"ansible_host": "192.0.2.11", "ansible_ssh_common_args": arguments}}
    assert len(found(changes, postgres=["chain", "database"])) == 2


def test_one_jump_in_two_forms() -> None:
    first, second = "-J other.example", "-C -o ProxyJump=other.example"
    changes = {
        "chain": {"ansible_ssh_common_args": first},
        "database": {"ansible_host": "192.0.2.11", "ansible_ssh_common_args": second},
    }
    assert len(found(TWICE | changes, postgres=["chain", "database"])) == 2


@pytest.mark.parametrize("way", WAYS)
def test_nodes_hubs_and_walls_of_two_machines_behind_one_address(way: dict[str, t.Any]) -> None:
    """They may have the same names and ports, and another lnd."""
    there = {"lnd_port_offset": 1, "lnd_version": "0.21.2-beta", "wall_wallet_service": {"name": "globex"}}
    names = {"hubs": ["acme", "globex"], "walls": ["acme", "globex"]}
    assert found({"globex": there | way}, **names) == []
    # Each of these is one.
    told = found({"globex": there}, **names)
    assert [text.partition(" on ")[0] for text in told if "same ports" in text] == [
        "The lnd of acme and the lnd of globex",
        "The hub of acme and the hub of globex",
        "The wall & wallet of acme and the wall & wallet of globex",
    ]
    assert len([text for text in told if "have one lnd, and different lnd_version" in text]) == 1


@pytest.mark.parametrize("way", [{}, *WAYS])
def test_a_signer_behind_the_providers_address(way: dict[str, t.Any]) -> None:
    """Whoever has the address may have the machine."""
    told = found({"signer-acme": {"ansible_host": "192.0.2.14"} | way})
    assert {text.split()[4] for text in told if text.startswith("The signer signer-acme and ")} == {"acme", "globex"}


def test_the_connections_of_one_postgresql_are_added_up() -> None:
    database = {"ansible_host": "192.0.2.11"}
    texts = found(
        {"database": database, "globex": {"lnd_postgres_host": "database"}, "chain": {"postgres_max_connections": 199}}
    )
    assert len(texts) == 1, texts
    assert "need 180" in texts[0]
