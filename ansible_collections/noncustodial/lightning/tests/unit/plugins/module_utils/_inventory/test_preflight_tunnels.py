# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels in an inventory."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support import inventories


def found(**endpoints: t.Any) -> list[str]:
    """Return the problems of an inventory in which hosts have these endpoints."""
    return inventories.found({host: {"signer_tunnel_endpoint": value} for host, value in endpoints.items()})


@pytest.mark.parametrize("value", ["", "192.0.2.14:51820", "[2001:db8::14]:51820"])
def test_endpoints_that_can_be_dialled(value: str) -> None:
    assert found(acme=value) == []


@pytest.mark.parametrize("value", ["node.example:51820", "192.0.2.14", "192.0.2.14:0", "127.0.0.1:51820", 51820, "::"])
def test_endpoints_that_no_signer_could_dial(value: t.Any) -> None:
    (problem,) = found(acme=value)
    assert "Set it to the address and the UDP port at which the tenant reaches the machine of its node" in problem


def test_only_a_watch_only_node_has_a_signer() -> None:
    (problem,) = found(gateway="192.0.2.14:51820")
    assert "only a tenant's watch-only node has a signer that could dial it" in problem
    node = {"signer_tunnel_endpoint": "192.0.2.14:51820", "lnd_shape": "external"}
    assert any("only a tenant's watch-only node has a signer" in one for one in inventories.found({"acme": node}))


def test_two_tunnels_of_a_machine_have_two_ports() -> None:
    shared = {"ansible_host": "192.0.2.14", "signer_tunnel_endpoint": "192.0.2.14:51820"}
    other = {**shared, "lnd_port_offset": 1}
    said = "The tunnels of acme and globex on 192.0.2.14 have the same port: 51820."
    assert [one for one in inventories.found({"acme": shared, "globex": other}) if said in one]
    other["signer_tunnel_endpoint"] = "192.0.2.14:51821"
    assert [one for one in inventories.found({"acme": shared, "globex": other}) if "tunnels" in one] == []
