# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's machine, as its administrator reaches it."""

from __future__ import annotations

import pytest
from regtest import Regtest

from ansible_collections.noncustodial.lightning.tests.support.virtual import Bridged, Virtual


@pytest.fixture(scope="session")
def machine(regtest: Regtest) -> Virtual:
    """The machine that the scenario has started."""
    prefix = regtest.sh("chain", "hostname --all-ip-addresses").rpartition(".")[0]
    found = Virtual(regtest.state / "virtual/initech", Bridged(f"ncl-{regtest.name}-provider", f"{prefix}.20"))
    assert found.runs(), "the machine is off"
    return found
