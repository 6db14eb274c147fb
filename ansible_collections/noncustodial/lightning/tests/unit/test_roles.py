# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles' specifications and defaults agree, and so do two roles that must have the same default."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml
from jinja2 import nodes

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory import preflight
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.hub import hub
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import database_connections, node
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.wall import wall
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

ROLES = COLLECTION / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if (path / "meta" / "argument_specs.yml").is_file())
# The variables of the role `common` are internal, so that their names begin with an underscore.
PUBLIC = [name for name in NAMES if name != "common"]


def load(role: str, file: str) -> dict[str, t.Any]:
    path = ROLES / role / file
    return (yaml.safe_load(path.read_text()) or {}) if path.is_file() else {}


def specified(role: str) -> dict[str, dict[str, t.Any]]:
    """Return all options of all entry points. An option that two have means the same in both."""
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
        name: option["default"]
        for name, option in specified(role).items()
        if "default" in option and real.get(name) != option["default"]
    }
    assert wrong == {}


@pytest.mark.parametrize("role", NAMES)
def test_a_plain_default_is_documented(role: str) -> None:
    """A default that is computed has a sentence instead."""
    real = load(role, "defaults/main.yml")
    missing = [
        name
        for name, value in real.items()
        if "{{" not in str(value) and not {"default", "required"} & set(specified(role)[name])
    ]
    assert missing == []


@pytest.mark.parametrize("role", NAMES)
def test_every_option_has_a_type_and_a_description(role: str) -> None:
    assert [
        name for name, option in specified(role).items() if "type" not in option or not option.get("description")
    ] == []


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
    for role in ("signer", "handover", "signer_ec2"):
        assert load(role, "defaults/main.yml")[f"{role}_kit_widest"] == kit.DEFAULT_WIDEST_PREFIX_LENGTH
        assert (
            load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"][f"{role}_kit_widest"]["default"]
            == kit.DEFAULT_WIDEST_PREFIX_LENGTH
        )


@pytest.mark.parametrize(
    ("line", "is_core"),
    [
        ("Bitcoin Core daemon version v31.1.0", True),
        ("Bitcoin Core daemon version v31.1.0 bitcoind", True),
        ("Bitcoin Core RPC daemon version v29.0.0rc2", True),
        ("Bitcoin Core daemon version v31.99.0-0f6a1b2c3d4e-dirty", True),
        # Debian's package of November 2026, and the one in which BIP 110 was first tried.
        ("Bitcoin Knots daemon version v29.4.3.knots20260508", False),
        ("Bitcoin Core daemon version v29.3.0.knots20260210+bip110-v0.4.1", False),
        ("Bitcoin Core daemon version v31.1.0 of somebody", False),
        ("Bitcoin Core version v31.1.0", False),
    ],
)
def test_bitcoind_is_bitcoin_core(line: str, is_core: bool) -> None:
    """The role's assertion requires it."""
    assert bool(re.match(load("bitcoind", "vars/main.yml")["bitcoind_core"] + "$", line)) is is_core


def test_the_nodes_may_call_what_lnd_calls() -> None:
    """All methods of bitcoind that the pinned lnd has been seen to ask for, and getnetworkinfo, which 0.22 asks for at
    each start.
    """
    methods = load("bitcoind", "vars/main.yml")["bitcoind_node_methods"]
    assert methods == sorted(set(methods))
    assert {"getnetworkinfo", "getdeploymentinfo", "getblockchaininfo", "getblockhash", "sendrawtransaction"} <= set(
        methods
    )


def test_what_is_read_from_the_inventory_has_the_roles_defaults() -> None:
    """A role's defaults are not among a host's variables, where preflight and other roles read."""
    its, on, lnd = node("acme", {}), hub("acme", {}), load("lnd", "defaults/main.yml")
    assert lnd["lnd_network"] == its.network
    assert lnd["lnd_version"] == its.version
    assert lnd["lnd_postgres_maxconnections"] == its.postgres_maxconnections
    assert lnd["lnd_backup_host"] == its.backup_host
    assert load("lndhub", "defaults/main.yml")["lndhub_postgres_maxconnections"] == on.postgres_maxconnections
    assert load("wall_wallet", "defaults/main.yml")["wall_wallet_provider"] == wall("acme", {}).provider
    assert preflight.POSTGRES.items() <= load("postgres", "defaults/main.yml").items()


@pytest.mark.parametrize("size", [1, 20, 100])
def test_a_role_may_have_the_connections_that_preflight_adds_up(size: int) -> None:
    limit = load("postgres", "vars/main.yml")["postgres_node_connection_limit"]
    assert int(jinja2.Template(limit).render(postgres_node_maxconnections=size)) == database_connections(size)


def test_the_reserve_that_preflight_adds_up_is_kept_free() -> None:
    """The reserve is for superusers, by the setting that every release of PostgreSQL has: reserved_connections is of 16
    and newer, and is added to it.
    """
    template = jinja2.Template((ROLES / "postgres/templates/postgresql.conf.j2").read_text())
    settings = template.render(
        load("postgres", "defaults/main.yml") | {"postgres_max_connections": 77, "postgres_reserved_connections": 7}
    )
    assert "\nmax_connections = 77\nsuperuser_reserved_connections = 7\n" in settings
    assert "\nreserved_connections" not in settings


def test_preflight_knows_every_role() -> None:
    """Another's variables are refused by their prefix; the internal role has none that an inventory sets."""
    task = yaml.safe_load((ROLES / "common/tasks/preflight.yml").read_text())[0]
    assert task["vars"]["_common_preflight_roles"] == PUBLIC


def mappings(value: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Yield every mapping within a value, tasks among them."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(part)


def kept(tasks: t.Any) -> t.Iterator[str]:
    """Yield the names that tasks add to a host's variables, where they stay until the process ends."""
    for mapping in mappings(tasks):
        if isinstance(mapping.get("register"), str):
            yield mapping["register"]
        yield from mapping.get("ansible.builtin.set_fact") or ()


PREFIXES = tuple(f"{role}_" for role in PUBLIC)
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
    """A play's variables win over group_vars, so that a value that somebody may want to change must be a role's
    default. What begins with an underscore is no inventory's, and on the controller nobody becomes root.
    """
    plain = [
        name
        for play in yaml.safe_load(path.read_text())
        for name, value in play.get("vars", {}).items()
        if "{{" not in str(value) and not name.startswith("_") and name != "ansible_become"
    ]
    assert plain == []


def test_no_task_reads_variables_from_a_file() -> None:
    """Variables from a file would stay, too."""
    assert [path for path in TASKS if "include_vars" in path.read_text()] == []


def on_the_controller(tasks: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Yield the tasks and plays that work on the controller."""
    for mapping in mappings(tasks):
        if mapping.get("delegate_to") in ("localhost", "127.0.0.1") or mapping.get("connection") == "local":
            yield mapping


DELEGATING = [
    path
    for folder in (ROLES, COLLECTION / "playbooks")
    for path in sorted(folder.rglob("*.yml"))
    if any(on_the_controller(yaml.safe_load(path.read_text())))
]


@pytest.mark.parametrize("path", DELEGATING, ids=lambda path: str(path.relative_to(COLLECTION)))
def test_nobody_becomes_another_user_on_the_controller(path: Path) -> None:
    """An inventory may have ansible_become for all hosts; the variable goes before the keyword, so that a task needs
    both.
    """
    wrong = [
        one["name"]
        for one in on_the_controller(yaml.safe_load(path.read_text()))
        if one.get("become") is not False or one.get("vars", {}).get("ansible_become") is not False
    ]
    assert wrong == []


@pytest.mark.parametrize("path", TASKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_operators_stays_the_text_that_it_is(path: Path) -> None:
    """Before ansible-core 2.19 a text that looks like a dictionary, such as a kit, becomes one, which then is no JSON,
    but for filters such as string.
    """
    texts = [
        text for one in mappings(yaml.safe_load(path.read_text())) for text in one.values() if isinstance(text, str)
    ]
    # By a variable, and not our own.
    bare = re.compile(r"{{ lookup\('ansible\.builtin\.file', \w+(, rstrip=false)?\) }}\s*")
    assert [text for text in texts if bare.fullmatch(text)] == []


# The variables of each role: those that it takes, and those that it computes.
VARIABLES = {role: {*specified(role), *load(role, "defaults/main.yml"), *load(role, "vars/main.yml")} for role in NAMES}
# Variables of other roles that a role may name.
OTHERS = {
    # A signer is an lnd, which the role lnd makes first, in the same play.
    "signer": {"lnd_network", "lnd_version"},
    # A value may refer to hostvars, which only a task has.
    "bitcoind": {"lnd_bitcoind_host"},
    "wall_wallet": {"lndhub_service", "lndhub_limits"},
    "lndhub": {"lnd_postgres_address", "lnd_backup_host", "lnd_backup_address"},
    # A key of the file that describes the image, and a reason in a unit.
    "signer_image": {"lnd_version", "lnd_memory_max"},
}
# Keys of a task whose text is an expression without braces.
EXPRESSIONS = ("when", "that", "until", "failed_when", "changed_when")


def templates(value: t.Any, key: str = "") -> t.Iterator[str]:
    """Yield the templates within a part of a YAML file."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from templates(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from templates(part, key)
    elif isinstance(value, str):
        yield f"{{{{ {value} }}}}" if key in EXPRESSIONS else value


def parse(template: str) -> nodes.Template:
    """Return a template's syntax. To Ansible a backslash is only itself."""
    return jinja2.Environment(autoescape=True).parse(template.replace("\\", "\\\\"))


def named(template: str) -> t.Iterator[str]:
    """Yield the names in a template that may be variables, of the host itself or in hostvars of another."""
    parsed = parse(template)
    yield from (part.name for part in parsed.find_all(nodes.Name))
    yield from (str(part.value) for part in parsed.find_all(nodes.Const))
    for part in parsed.find_all(nodes.Getattr):
        if "hostvars" in {name.name for name in part.find_all(nodes.Name)}:
            yield part.attr


def files(role: str) -> t.Iterator[tuple[str, list[str], set[str]]]:
    """Yield each file of a role that has templates: its name, its templates, and the names of its values."""
    for path in sorted((ROLES / role).rglob("*")):
        if path.suffix == ".j2":
            yield path.name, [path.read_text()], set()
        elif path.suffix == ".yml" and path.parent.name in ("tasks", "defaults", "vars", "handlers"):
            content = yaml.safe_load(path.read_text())
            yield path.name, [*templates(content)], {str(name) for mapping in mappings(content) for name in mapping}


@pytest.mark.parametrize("role", NAMES)
def test_a_role_names_only_variables_of_its_own(role: str) -> None:
    """It gets a value of another role from a filter such as lnd_node, or from the play."""
    others = (names for other, names in VARIABLES.items() if other not in (role, "common"))
    foreign = set().union(*others) - VARIABLES[role] - OTHERS.get(role, set())
    found = {name: {word for text in texts for word in named(text)} & foreign for name, texts, _given in files(role)}
    assert {name: words for name, words in found.items() if words} == {}


# The names that playbooks pass to a role's tasks.
GIVEN = {
    str(name)
    for path in sorted((COLLECTION / "playbooks").rglob("*.yml"))
    for mapping in mappings(yaml.safe_load(path.read_text()))
    for name in mapping
}


@pytest.mark.parametrize("role", NAMES)
def test_a_variable_that_a_role_names_exists(role: str) -> None:
    """Its own are specified or computed, or given by a task or a playbook; a template gets some as keys of a text."""
    texts = [text for _name, its, _given in files(role) for text in its]
    known = VARIABLES[role].union(GIVEN, *(given for _name, _texts, given in files(role)))
    longer = tuple(f"{other}_" for other in NAMES if other.startswith(f"{role}_"))
    used, keys = set(), set()
    for text in texts:
        parsed = parse(text)
        used |= {part.name for part in parsed.find_all(nodes.Name)}
        keys |= {part.value for part in parsed.find_all(nodes.Const)}
    ours = {name for name in used if name.startswith(f"{role}_") and not (longer and name.startswith(longer))}
    assert ours - known - keys == set()


def test_the_steps_in_which_scenarios_interrupt_exist() -> None:
    """They are known by the names of their tasks, and a scenario that waits for another one finds out late."""
    steps = {
        step
        for path in (ROOT / "molecule").glob("*/interrupt.py")
        for step in re.findall(r'Interruption\("([^"]+)"', path.read_text())
    }
    tasks = "\n".join(path.read_text() for path in ROLES.rglob("tasks/*.yml"))
    assert len(steps) > 3
    assert [step for step in sorted(steps) if f"name: {step}\n" not in tasks] == []


LND_MODULES = tuple(
    f"noncustodial.lightning.{name}"
    for name in yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())["action_groups"]["lnd"]
)


def connecting(tasks: t.Any) -> t.Iterator[str]:
    """Yield the names of the tasks that write an lnd's connection among the module's own options."""
    for task in mappings(tasks):
        for name in LND_MODULES:
            if node("any", {}).connection.keys() & (task.get(name) or {}).keys():
                yield task["name"]


def test_an_lnds_connection_is_in_module_defaults() -> None:
    files_of_tasks = [path for path in TASKS if path.parent.name == "tasks" or path.parent.name == "playbooks"]
    assert {
        path.name: wrong for path in files_of_tasks if (wrong := [*connecting(yaml.safe_load(path.read_text()))])
    } == {}
    written = {"name": "Read it", "noncustodial.lightning.lnd_info": {"lnddir": "/var/lib/lnd/acme"}}
    assert [*connecting([{"block": [written]}])] == ["Read it"]
