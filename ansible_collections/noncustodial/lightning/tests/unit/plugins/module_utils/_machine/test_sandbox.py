# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox of our services: strict unless a reason is given."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.sandbox import drop_in

NETLINK = {"directive": "RestrictAddressFamilies", "value": "AF_NETLINK", "reason": "It looks up interfaces."}


def test_strict() -> None:
    lines = drop_in([]).splitlines()
    assert lines[1] == "[Service]"
    assert "NoNewPrivileges=yes" in lines
    assert "CapabilityBoundingSet=" in lines
    assert {"LimitCORE=0", "MemorySwapMax=0"} < set(lines)
    assert [line for line in lines if line.startswith("SystemCallFilter=")] == [
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
    ]
    assert [line for line in lines[1:] if line.startswith("#")] == []


def test_relaxed_with_its_reason() -> None:
    lines = drop_in([NETLINK, {"directive": "StateDirectory", "value": ["a", "b"], "reason": "Its data."}]).splitlines()
    place = lines.index("RestrictAddressFamilies=AF_NETLINK")
    assert lines[place - 1] == "# It looks up interfaces."
    assert "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6" not in lines
    assert lines[-3:] == ["# Its data.", "StateDirectory=a", "StateDirectory=b"]


def test_nothing_is_relaxed_without_a_reason() -> None:
    with pytest.raises(ValueError, match=r"RestrictAddressFamilies.*without a reason"):
        drop_in([{**NETLINK, "reason": ""}])
