# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signer is not set up by a wrong kit. The kit is another's, and the firewall of the tenant's machine is written of it.

Which addresses a kit may have: tests/unit/plugins/module_utils/_lnd/test_bundle_parts.py.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from regtest import Regtest

WRONG: list[tuple[dict[str, t.Any], str]] = [
    ({"network": "mainnet"}, "for mainnet and lnd"),
    ({"provider_addresses": ["192.0.2.1 } tcp dport 22 accept #"]}, "is not a list of one or more IPv4 addresses and networks"),
    ({"provider_addresses": ["0.0.0.0/0"]}, "none wider than /16"),
    ({"provider_addresses": []}, "is not a list of one or more"),
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
