# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of the signer's image in a network that has only IPv6, from the first login to signatures."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import (
    PORT,
    Machine,
    Network,
    neighbour_reaches,
)
from ansible_collections.noncustodial.lightning.tests.support.ports import open_to_this_host
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Owner, Provider, user_data

pytestmark = pytest.mark.image

SUBNET = "fd7e:6e63:6c36::/64"


@pytest.fixture(scope="module")
def network() -> t.Iterator[Network]:
    """The network in place of the one of IPv4 that the other tests have."""
    made = Network(SUBNET)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, network: Network, provider: Provider) -> t.Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("six"), network, user_data(provider.kit("acme")))
    try:
        yield made
    finally:
        made.remove()


def test_it_signs_where_there_is_only_ipv6(machine: Machine, provider: Provider, owner: Owner) -> None:
    """It has no address of IPv4, and its certificate and its bundle have the one that the provider dials."""
    assert machine.inside("ip", "-4", "-oneline", "address", "show", "scope", "global").stdout == ""
    command = f"sudo signer-init --address {machine.address} --seed-recipient {owner.recipient}"
    done = machine.run(f"{command} --without-tpm 'a copy of the disk has the keys'")
    assert done.returncode == 0, done.stdout + done.stderr
    opened = provider.open(machine.sudo_cat, "acme")
    assert opened["endpoint"] == machine.endpoint == f"[{machine.address}]:{PORT}"
    provider.check(machine.endpoint, opened)


def test_only_the_provider_reaches_it(machine: Machine, network: Network) -> None:
    """This host has the provider's address; a neighbour in the same network is refused."""
    assert open_to_this_host(machine.address, 1) == {22, PORT}
    assert not neighbour_reaches(network, machine.address, PORT)
    # The same question, where the answer is known to be yes.
    assert neighbour_reaches(network, machine.address, 22)


def test_it_signs_again_by_itself_after_a_power_cut(machine: Machine, provider: Provider) -> None:
    machine.reboot(power_cut=True)
    until("lnd", lambda: machine.status()["done"], 120)
    provider.check(machine.endpoint, provider.open(machine.sudo_cat, "acme"))
