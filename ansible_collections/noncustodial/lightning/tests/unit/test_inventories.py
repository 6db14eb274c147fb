# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories that people copy: what stands there as a comment, to be uncommented, is YAML of its own."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

COPIED = ("example", "node", "signer", "signer_aws")
SETTINGS = {
    "node/group_vars/all.yml": {"handover_kit_fingerprint"},
    "node/hosts.yml": {"hubs"},
    "signer/group_vars/signers.yml": {"signer_kit_fingerprint"},
    "signer_aws/group_vars/signers_ec2.yml": {"signer_ec2_kit_fingerprint"},
}


def uncommented(text: str) -> dict[str, object]:
    """Return the settings that a text has as comments: a name at the beginning of a line, and the lines below it."""
    found: dict[str, object] = {}
    for block in re.findall(r"^ *# [a-z_0-9]+:(?: \S+)?\n(?: *#  +.*\n)*", text, re.MULTILINE):
        found.update(yaml.safe_load(re.sub(r"^ *# ", "", block, flags=re.MULTILINE)))
    return found


@pytest.mark.parametrize(("file", "names"), SETTINGS.items())
def test_what_is_to_be_uncommented_stands_alone(file: str, names: set[str]) -> None:
    assert names <= set(uncommented((ROOT / "inventories" / file).read_text()))


def test_no_other_setting_hides_in_a_sentence() -> None:
    texts = {path: path.read_text() for name in COPIED for path in (ROOT / "inventories" / name).rglob("*.yml")}
    hidden = r"^ *#.*[.!] [a-z_0-9]+:( XXXX.*)?$"
    assert [str(path) for path, text in texts.items() if re.search(hidden, text, re.MULTILINE)] == []
