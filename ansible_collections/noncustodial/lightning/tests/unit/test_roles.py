# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles say the same in their specifications and their defaults, and two roles that must agree on a default do."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._node import database_connections

COLLECTION = Path(__file__).resolve().parents[2]
ROLES = COLLECTION / "roles"
ROOT = COLLECTION.parents[2]
NAMES = sorted(path.name for path in ROLES.iterdir() if (path / "meta" / "argument_specs.yml").is_file())


def load(role: str, file: str) -> dict[str, t.Any]:
    path = ROLES / role / file
    return (yaml.safe_load(path.read_text()) or {}) if path.is_file() else {}


def specified(role: str) -> dict[str, dict[str, t.Any]]:
    """All options of all entry points. One that two have means the same in both."""
    options: dict[str, dict[str, t.Any]] = {}
    for entry in load(role, "meta/argument_specs.yml")["argument_specs"].values():
        for name, option in (entry.get("options") or {}).items():
            assert options.setdefault(name, option) == option, name
    return options


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_specified(role: str) -> None:
    assert set(load(role, "defaults/main.yml")) <= set(specified(role))


@pytest.mark.parametrize("role", NAMES)
def test_a_specified_default_is_the_real_one(role: str) -> None:
    real = load(role, "defaults/main.yml")
    wrong = {
        name: option["default"] for name, option in specified(role).items() if "default" in option and real.get(name) != option["default"]
    }
    assert wrong == {}


@pytest.mark.parametrize("role", NAMES)
def test_a_plain_default_is_documented(role: str) -> None:
    """A default that is computed has a sentence instead."""
    real = load(role, "defaults/main.yml")
    missing = [name for name, value in real.items() if "{{" not in str(value) and not {"default", "required"} & set(specified(role)[name])]
    assert missing == []


@pytest.mark.parametrize("role", NAMES)
def test_every_option_has_a_type_and_a_description(role: str) -> None:
    assert [name for name, option in specified(role).items() if "type" not in option or not option.get("description")] == []


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("example/group_vars/bitcoind.yml", "bitcoind_version"),
        ("example/group_vars/all.yml", "lnd_version"),
        ("signer/group_vars/signers.yml", "lnd_version"),
        ("node/group_vars/all.yml", "bitcoind_version"),
        ("node/group_vars/all.yml", "lnd_version"),
    ],
)
def test_the_examples_install_the_roles_version(file: str, name: str) -> None:
    """The one whose builders are pinned, and that is tested."""
    example = yaml.safe_load((ROOT / "inventories" / file).read_text())
    assert example[name] == load(name.partition("_")[0], "defaults/main.yml")[name]


@pytest.mark.parametrize(
    ("server", "client"),
    [("bitcoind_zmq_block_port", "lnd_bitcoind_zmq_block_port"), ("bitcoind_zmq_tx_port", "lnd_bitcoind_zmq_tx_port")],
)
def test_lnd_looks_where_bitcoind_publishes(server: str, client: str) -> None:
    assert load("bitcoind", "defaults/main.yml")[server] == load("lnd", "defaults/main.yml")[client]


def test_a_tenant_takes_no_wider_networks_than_the_code_says() -> None:
    for role in ("signer", "handover"):
        assert load(role, "defaults/main.yml")[f"{role}_kit_widest"] == kit.WIDEST_BY_DEFAULT
        assert (
            load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"][f"{role}_kit_widest"]["default"]
            == kit.WIDEST_BY_DEFAULT
        )


@pytest.mark.parametrize(
    ("line", "is_core"),
    [
        ("Bitcoin Core daemon version v31.1.0", True),
        ("Bitcoin Core daemon version v31.1.0 bitcoind", True),
        ("Bitcoin Core RPC daemon version v29.0.0rc2", True),
        ("Bitcoin Core daemon version v31.99.0-0f6a1b2c3d4e-dirty", True),
        # What Debian's package of November 2026 says, and the one that BIP 110 was first tried in.
        ("Bitcoin Knots daemon version v29.4.3.knots20260508", False),
        ("Bitcoin Core daemon version v29.3.0.knots20260210+bip110-v0.4.1", False),
        ("Bitcoin Core daemon version v31.1.0 of somebody", False),
        ("Bitcoin Core version v31.1.0", False),
    ],
)
def test_bitcoind_is_bitcoin_core(line: str, is_core: bool) -> None:
    """As the role's assertion asks."""
    assert bool(re.match(load("bitcoind", "vars/main.yml")["bitcoind_core"] + "$", line)) is is_core


def test_the_nodes_may_call_what_lnd_calls() -> None:
    """All methods of bitcoind that the pinned lnd has been seen to ask for, and getnetworkinfo, which 0.22 asks for at each start."""
    methods = load("bitcoind", "vars/main.yml")["bitcoind_node_methods"]
    assert methods == sorted(set(methods))
    assert {"getnetworkinfo", "getdeploymentinfo", "getblockchaininfo", "getblockhash", "sendrawtransaction"} <= set(methods)


def test_what_preflight_reads_has_defaults() -> None:
    assert {"lnd_postgres_maxconnections", "lnd_version"} <= set(load("lnd", "defaults/main.yml"))
    assert {"postgres_max_connections", "postgres_reserved_connections"} <= set(load("postgres", "defaults/main.yml"))
    assert {"lndhub_postgres_maxconnections"} <= set(load("lndhub", "defaults/main.yml"))


@pytest.mark.parametrize("size", [1, 20, 100])
def test_a_role_may_have_the_connections_that_preflight_adds_up(size: int) -> None:
    limit = load("postgres", "vars/main.yml")["postgres_node_connection_limit"]
    assert int(jinja2.Template(limit).render(postgres_node_maxconnections=size)) == database_connections(size)


def test_the_reserve_that_preflight_adds_up_is_kept_free() -> None:
    """For superusers, by the setting that every release of PostgreSQL has: reserved_connections is of 16 and newer, and comes on top."""
    template = jinja2.Template((ROLES / "postgres/templates/postgresql.conf.j2").read_text())
    settings = template.render(load("postgres", "defaults/main.yml") | {"postgres_max_connections": 77, "postgres_reserved_connections": 7})
    assert "\nmax_connections = 77\nsuperuser_reserved_connections = 7\n" in settings
    assert "\nreserved_connections" not in settings


def test_preflight_knows_every_role() -> None:
    """Another's variables are refused by their prefix; the internal role has none that an inventory sets."""
    task = yaml.safe_load((ROLES / "_common/tasks/preflight.yml").read_text())[0]
    assert task["vars"]["_common_preflight_roles"] == [name for name in NAMES if not name.startswith("_")]


def mappings(value: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every mapping within, tasks among them."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(part)


def kept(tasks: t.Any) -> t.Iterator[str]:
    """Names that tasks add to a host's variables, where they stay until the process ends."""
    for mapping in mappings(tasks):
        if isinstance(mapping.get("register"), str):
            yield mapping["register"]
        yield from mapping.get("ansible.builtin.set_fact") or ()


PREFIXES = tuple(f"{role}_" for role in NAMES if not role.startswith("_"))
FOLDERS = (ROLES, COLLECTION / "playbooks", ROOT / "molecule", ROOT / "inventories/regtest", ROOT / "bench")
TASKS = [path for folder in FOLDERS for path in sorted(folder.rglob("*.yml"))]
KEEPERS = [path for path in TASKS if any(kept(yaml.safe_load(path.read_text())))]


@pytest.mark.parametrize("path", KEEPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_tasks_keep_is_no_unknown_variable(path: Path) -> None:
    """The preflight of a second playbook in one process sees it, and refuses what begins like a role's variable."""
    names = kept(yaml.safe_load(path.read_text()))
    assert [name for name in names if name.startswith(PREFIXES)] == []


@pytest.mark.parametrize("path", sorted((COLLECTION / "playbooks").glob("*.yml")), ids=lambda path: path.name)
def test_no_play_outvotes_the_inventory(path: Path) -> None:
    """A play's variables win over group_vars, so that a value that somebody may want to change must be a role's default."""
    plain = [name for play in yaml.safe_load(path.read_text()) for name, value in play.get("vars", {}).items() if "{{" not in str(value)]
    assert plain == []


def test_no_task_reads_variables_from_a_file() -> None:
    """Those would stay, too."""
    assert [path for path in TASKS if "include_vars" in path.read_text()] == []
