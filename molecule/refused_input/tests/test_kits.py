# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signer is not set up by a wrong kit, nor with a firewall that locks its administrator out. The kit is another's,
and the firewall is written of it.

Which addresses a kit may have: tests/unit/plugins/module_utils/_bundle/test_kit.py.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from regtest import Regtest

WRONG: list[tuple[dict[str, t.Any], str]] = [
    (
        {"provider_addresses": ["192.0.2.1 } tcp dport 22 accept #"]},
        "is neither an address nor a network of /16, of IPv6 /48, or narrower",
    ),
    # By whoever has it in hand on its way.
    ({"provider_addresses": ["203.0.113.66"]}, "and what was compared with the provider is"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_a_wrong_kit(regtest: Regtest, tmp_path: Path, changes: dict[str, t.Any], words: str) -> None:
    kit = tmp_path / "kit.json"
    kit.write_text(json.dumps(json.loads((regtest.state / "provider/kits/acme.json").read_text()) | changes))
    before = regtest.sh("signer-acme", "nft list ruleset; sha256sum /etc/nftables.conf /etc/signer/*")
    run = regtest.play("signer", f"--extra-vars=signer_kit={kit}", inventory="acme")
    assert run.status != 0
    assert words in run.text, run.output
    assert run.changed == {"signer-acme": 0}
    assert regtest.sh("signer-acme", "nft list ruleset; sha256sum /etc/nftables.conf /etc/signer/*") == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signer_admin_addresses": ["192.0.2.0/24"]}, "only to 192.0.2.0/24"),
        # A command of sudo's does not get the origin of its user's login.
        ({"signer_admin_addresses": ["192.0.2.0/24"], "ansible_become": True}, "only to 192.0.2.0/24"),
        ({"signer_ssh_port": "2222"}, "to port 22, and its firewall would open ssh at port 2222"),
    ],
)
def test_a_firewall_that_locks_out(regtest: Regtest, changes: dict[str, t.Any], words: str) -> None:
    before = regtest.sh("signer-acme", "nft list ruleset; sha256sum /etc/nftables.conf")
    run = regtest.play("signer", f"--extra-vars={json.dumps(changes)}", inventory="acme")
    assert run.status != 0
    assert "You would lock yourself out" in run.text, run.output
    assert words in run.text
    assert run.changed == {"signer-acme": 0}
    assert regtest.sh("signer-acme", "nft list ruleset; sha256sum /etc/nftables.conf") == before
