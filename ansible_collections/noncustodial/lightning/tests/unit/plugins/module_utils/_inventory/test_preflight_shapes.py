# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that the inventory shows by itself, with nodes that tenants run."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.inventories import (
    EXTERNAL,
    ON_PREMISES,
    found,
)


@pytest.mark.parametrize(
    ("changes", "groups"),
    [
        ({"acme": EXTERNAL}, {"hubs": ["acme"]}),
        # Its hub shares a machine with another's, and both keep out of each other's way.
        ({"acme": {**EXTERNAL, "lndhub_port": 9000}}, {"hubs": ["acme", "globex"]}),
        ({"acme": ON_PREMISES}, {}),
        # It has no machine here, and so no address that anything must know.
        ({"acme": {**ON_PREMISES, "ansible_host": "acme.example"}}, {"hubs": ["globex"]}),
    ],
)
def test_shapes_that_work(changes: dict[str, dict[str, t.Any]], groups: dict[str, list[str]]) -> None:
    assert found(changes, **groups) == []


@pytest.mark.parametrize(
    ("changes", "groups", "expected"),
    [
        (
            {"acme": EXTERNAL},
            {},
            ["acme is external and not in the group hubs. What you connect to an external node is its hub:"],
        ),
        (
            {"acme": ON_PREMISES},
            {"hubs": ["acme"]},
            ["acme is on_premises and in the group hubs. Its hubs are at the tenant's"],
        ),
        (
            {"acme": ON_PREMISES},
            {"hubs": ["acme"], "walls": ["acme"]},
            ["acme is on_premises and in the group hubs.", "acme is on_premises and in the group walls."],
        ),
        (
            {"acme": {**EXTERNAL, "lnd_port_offset": 1}},
            {"hubs": ["acme"]},
            [
                (
                    "acme is external and has an lnd_port_offset. Its lnd has no ports on a machine of yours: take it"
                    " out; the port of a hub is lndhub_port"
                )
            ],
        ),
        ({"acme": {**ON_PREMISES, "lnd_port_offset": 1}}, {}, ["acme is on_premises and has an lnd_port_offset."]),
        (
            {"acme": {**EXTERNAL, "signer_kit": "x", "signer_address": "y"}},
            {"hubs": ["acme"]},
            [
                (
                    "acme is external and has signer_address, signer_kit. A tenant that runs its own node has no"
                    " signer: take them out."
                )
            ],
        ),
        ({"acme": {**ON_PREMISES, "signer_port": 1}}, {}, ["acme is on_premises and has signer_port."]),
        (
            {"own-node": ON_PREMISES},
            {},
            ["own-node is on_premises and in the group own. Only a tenant runs its own node"],
        ),
        (
            {"gateway": EXTERNAL},
            {"hubs": []},
            ["gateway is external and in the group gateways.", "gateway is external and not in the group hubs."],
        ),
        (
            {"acme": ON_PREMISES},
            {"own": ["own-node", "acme"]},
            ["acme is on_premises and in the group own and tenants."],
        ),
        # A hub comes to PostgreSQL from its machine, also if its node is elsewhere.
        (
            {"acme": {**EXTERNAL, "ansible_host": "hubs.example"}},
            {"hubs": ["acme"]},
            [
                (
                    "acme: lnd_source_addresses must be addresses or networks; hubs.example, by default ansible_host,"
                    " is none."
                )
            ],
        ),
        (
            {"acme": EXTERNAL, "globex": {"lnd_port_offset": 0}},
            {"hubs": ["acme", "globex"]},
            ["The hub of acme and the hub of globex on 192.0.2.14 have the same ports: 8443."],
        ),
    ],
)
def test_shapes_that_cannot_work(
    changes: dict[str, dict[str, t.Any]], groups: dict[str, list[str]], expected: list[str]
) -> None:
    texts = found(changes, **groups)
    assert len(texts) == len(expected), texts
    for text, beginning in zip(texts, expected, strict=True):
        assert text.startswith(beginning)
