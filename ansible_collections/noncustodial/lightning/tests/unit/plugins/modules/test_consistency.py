# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs that could drift apart: spec and documentation, action group and fragment, documented return values and the
rules for them.
"""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.noncustodial.lightning.plugins.module_utils._aws.argspec import AWS_SPEC
from ansible_collections.noncustodial.lightning.plugins.module_utils._hub.api import HUB_SPEC
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.argspec import CONNECTION_SPEC
from ansible_collections.noncustodial.lightning.plugins.module_utils._postgres.module import SERVER_SPEC
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

PLUGINS = COLLECTION / "plugins"
PACKAGE = "ansible_collections.noncustodial.lightning.plugins"
NAMES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
FRAGMENT = "noncustodial.lightning."
# The options of each fragment of documentation, which is also an action group.
CONNECTIONS = {"lnd": CONNECTION_SPEC, "lndhub": HUB_SPEC, "postgres": SERVER_SPEC, "aws": AWS_SPEC}

Values = dict[str, t.Any]


class Stop(Exception):
    """An exception that ends a module as soon as its spec is known."""


def fragment(name: str) -> Values:
    stem, _dot, part = name.removeprefix(FRAGMENT).partition(".")
    loaded = importlib.import_module(f"{PACKAGE}.doc_fragments.{stem}").ModuleDocFragment
    return t.cast(Values, yaml.safe_load(getattr(loaded, part.upper() or "DOCUMENTATION")))


def documentation(name: str) -> Values:
    """Return a module's documentation, with its fragments."""
    own: Values = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{name}").DOCUMENTATION)
    options: Values = {}
    attributes: Values = {}
    named = own.get("extends_documentation_fragment", [])
    for extended in [named] if isinstance(named, str) else named:
        options.update(fragment(extended).get("options", {}))
        attributes.update(fragment(extended).get("attributes", {}))
    for option, told in (own.get("options") or {}).items():
        options[option] = {**options.get(option, {}), **told}
    return {**own, "options": options, "attributes": {**attributes, **own.get("attributes", {})}}


def spec(name: str, monkeypatch: pytest.MonkeyPatch) -> Values:
    """Return the argument spec that a module passes to Ansible."""
    given: Values = {}

    def take(_self: object, argument_spec: Values, **_options: t.Any) -> None:
        given.update(argument_spec)
        raise Stop

    monkeypatch.setattr(basic.AnsibleModule, "__init__", take)
    with pytest.raises(Stop):
        importlib.import_module(f"{PACKAGE}.modules.{name}").main()
    return given


def assert_same(documented: Values, options: Values, where: str) -> None:
    assert set(documented) == set(options), where
    for option, told in documented.items():
        rule, place = options[option], f"{where}.{option}"
        assert told.get("type", "str") == rule.get("type", "str"), place
        assert bool(told.get("required")) is bool(rule.get("required")), place
        assert told.get("default") == rule.get("default"), place
        assert told.get("elements") == rule.get("elements"), place
        assert list(told.get("choices") or []) == list(rule.get("choices") or []), place
        assert_same(told.get("suboptions") or {}, rule.get("options") or {}, place)


@pytest.mark.parametrize(
    "path", [path for kind in ("modules", "filter", "lookup") for path in sorted((PLUGINS / kind).glob("*.py"))]
)
def test_author(path: Path) -> None:
    """One form, which sanity accepts."""
    assert "\nauthor:\n  - noncustodial.lightning contributors (!UNKNOWN)\n" in path.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_documentation_is_the_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(documentation(name)["options"], spec(name, monkeypatch), name)


@pytest.mark.parametrize("name", NAMES)
def test_every_module_tells_of_check_mode_and_diff(name: str) -> None:
    assert {"check_mode", "diff_mode"} <= set(documentation(name)["attributes"])


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_never_logged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option whose name contains the word for a secret sets no_log itself, either way."""
    for option, rule in spec(name, monkeypatch).items():
        if any(word in option for word in ("password", "passphrase", "secret")):
            assert "no_log" in rule, option


@pytest.mark.parametrize(("name", "connection"), CONNECTIONS.items())
def test_fragment_is_the_connection_spec(name: str, connection: Values) -> None:
    assert_same(fragment(f"{FRAGMENT}{name}")["options"], connection, name)


def test_every_action_group_is_held() -> None:
    assert set(yaml.safe_load((PLUGINS.parent / "meta/runtime.yml").read_text())["action_groups"]) == set(CONNECTIONS)


@pytest.mark.parametrize(("group", "connection"), CONNECTIONS.items())
def test_action_group_is_who_connects(group: str, connection: Values, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = yaml.safe_load((PLUGINS.parent / "meta/runtime.yml").read_text())["action_groups"][group]
    connecting = [name for name in NAMES if set(connection) <= set(spec(name, monkeypatch))]
    assert [entry for entry in listed if isinstance(entry, str)] == connecting
