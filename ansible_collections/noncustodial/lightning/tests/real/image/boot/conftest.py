# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of machines under QEMU: a provider on this host, and machines, which end with the tests that made them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Provider
from ansible_collections.noncustodial.lightning.tests.support.virtual import Forwarded, Make, Virtual


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    return Provider(tmp_path_factory.mktemp("provider"), [Forwarded.provider])


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Make]:
    """A function that makes a machine of a name, with a seed; it is not switched on yet."""
    machines: list[Virtual] = []

    def one(name: str, seed: dict[str, str]) -> Virtual:
        machines.append(Virtual(tmp_path_factory.mktemp(name), Forwarded(), seed))
        return machines[-1]

    try:
        yield one
    finally:
        for machine in machines:
            machine.power_off()
