# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are no name and no address, in variables that take one."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight_names import (
    LISTS,
    VARIABLES,
)
from ansible_collections.noncustodial.lightning.tests.support.inventories import found
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("lnd_address", "node example", "'node example', and must be a name or an address."),
        ("lnd_address", "node.example/path", "'node.example/path', and must be a name or an address: write it without"),
        ("lnd_address", "-node.example", "'-node.example', and must be a name or an address."),
        ("lnd_address", "192.0.2.300", "'192.0.2.300', and must be a name or an address."),
        ("lnd_address", 192.0, "'192.0', and must be a name or an address."),
        ("lnd_bitcoind_address", None, "'', and must be a name or an address."),
        ("lnd_address", "192.0.2.0/24", "'192.0.2.0/24', and must be a name or an address: write it without"),
        ("lnd_bitcoind_address", "", "'', and must be a name or an address."),
        ("wall_wallet_address", "*", "'*', and must be a name or an address."),
        ("handover_address", "node\n.example", "'node\\n.example', and must be a name or an address."),
        ("signer_address", "signer.example\n", "'signer.example\\n', and must be a name or an address."),
        ("bitcoind_listen_addresses", ["127.0.0.1", "10.0.0.0/8"], "'10.0.0.0/8', and must be a name or an address: "),
        ("wall_wallet_listen", ["192.0.2.1", ""], "'', and must be a name or an address."),
        ("postgres_listen_addresses", ["192.0.2.11,192.0.2.12"], "'192.0.2.11,192.0.2.12', and must be a name or an"),
        ("lnd_tls_names", ["https://signer.example"], "'https://signer.example', and must be a name or an address: "),
        ("lnd_tls_names", ["signer.example:10009"], "'signer.example:10009', and must be a name or an address: write"),
        ("lnd_tls_names", ["fd00::1%x,DNS:other"], "'fd00::1%x,DNS:other', and must be a name or an address: write"),
        ("lndhub_metrics_addresses", ["fd00::1%x; allow all"], "'fd00::1%x; allow all', and must be an address, a"),
        ("lndhub_metrics_addresses", ["monitor.example"], "'monitor.example', and must be an address, a network or"),
        ("lndhub_metrics_addresses", ["10.0.0.0/33"], "'10.0.0.0/33', and must be an address, a network or all"),
    ],
)
def test_what_is_neither_a_name_nor_an_address(name: str, value: t.Any, reason: str) -> None:
    texts = found({"acme": {name: value}})
    assert len(texts) == 1, texts
    assert texts[0].startswith(f"acme: {name} is {reason}")


@pytest.mark.parametrize("name", LISTS)
def test_a_text_that_should_be_a_list(name: str) -> None:
    """A template would take each of its characters for an address."""
    texts = found({"acme": {name: "192.0.2.1"}})
    assert texts[0] == f"acme: {name} must be a list, and '192.0.2.1' is none. Write it as [192.0.2.1]."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lnd_address", ""),
        ("lnd_address", "node.example"),
        ("lnd_address", "node.example."),
        ("lnd_address", "signer_1"),
        ("lnd_address", "xn--bcher-kva.example"),
        ("lnd_p2p_listen", []),
        ("lnd_p2p_listen", ["192.0.2.1", "::"]),
        ("lndhub_listen", ["192.0.2.1", "::"]),
        ("postgres_listen_addresses", ["*"]),
        ("lnd_tls_names", ["*.example.org", "node", "192.0.2.1", "2001:db8::1"]),
        ("lndhub_metrics_addresses", ["10.0.0.1/8", "2001:db8::/32", "all"]),
    ],
)
def test_what_is_taken(name: str, value: t.Any) -> None:
    assert found({"acme": {name: value}}) == []


def test_the_variables_are_the_roles() -> None:
    """Each has the type by which it is checked."""
    options: dict[str, t.Any] = {}
    for path in (COLLECTION / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            options |= entry.get("options") or {}
    assert {name: options[name]["type"] for name in VARIABLES} == {
        name: "list" if name in LISTS else "str" for name in VARIABLES
    }
