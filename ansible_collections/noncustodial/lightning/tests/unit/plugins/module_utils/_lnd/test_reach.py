# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which channels are ways to a node, by lnd's own rule for invoices."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.reach import Way


@pytest.mark.parametrize(
    ("way", "usable"),
    [
        (Way("a:0", private=False, active=True), True),
        (Way("a:0", private=False, active=False), False),
        (Way("a:0", private=True, active=True, peer_announced=True, policy_known=True), True),
        (Way("a:0", private=True, active=True, peer_announced=False, policy_known=True), False),
        (Way("a:0", private=True, active=True, peer_announced=True, policy_known=False), False),
        (Way("a:0", private=True, active=False, peer_announced=True, policy_known=True), False),
    ],
)
def test_usable(way: Way, usable: bool) -> None:
    assert way.usable is usable
