# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the signer's image: a network for machines that are started from it, and a provider there who waits for
bundles.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.image_containers import Network
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Owner, Provider


@pytest.fixture(scope="module")
def network() -> t.Iterator[Network]:
    made = Network()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, network: Network) -> Provider:
    return Provider(tmp_path_factory.mktemp("provider"), [network.provider])


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Owner:
    return Owner(tmp_path_factory.mktemp("owner"))
