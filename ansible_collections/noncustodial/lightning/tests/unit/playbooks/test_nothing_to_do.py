# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook that has no host to work on fails, unless nothing is fine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

PLAYBOOKS = sorted(path for path in (COLLECTION / "playbooks").glob("*.yml") if not path.name.startswith("_"))
# One works on the controller, or on one host that is named; the other must neither take time nor be stopped.
WITHOUT_PREFLIGHT = ("signer_image.yml", "revoke.yml")
# Hosts that the run itself adds to the inventory.
ADDED = {"signer_builders"}


@pytest.mark.parametrize(
    "path", [path for path in PLAYBOOKS if path.name not in WITHOUT_PREFLIGHT], ids=lambda path: path.name
)
def test_preflight_knows_the_hosts_of_all_plays(path: Path) -> None:
    preflight, *plays = yaml.safe_load(path.read_text())
    assert preflight["ansible.builtin.import_playbook"] == "_preflight.yml"
    pattern = preflight["vars"]["_common_preflight_pattern"]
    hosts = {play["hosts"] for play in plays if "hosts" in play}
    # What works at AWS from the controller, or on a machine of the image, has no machines to look at.
    if path.name.startswith(("signer_ami", "signer_ec2", "signer_upgrade")):
        assert all("hosts" in play for play in plays)
    else:
        assert plays[0]["ansible.builtin.import_playbook"] == "_machines.yml"
        assert plays[0]["vars"] == preflight["vars"]
    if "{{" in pattern:
        assert hosts == {pattern}
    else:
        # In own:&hubs, hubs only selects.
        parts = {part for one in hosts for part in one.split(":") if not part.startswith("&")}
        assert parts - ADDED == set(pattern.split(":"))


@pytest.mark.parametrize(
    ("playbook", "options", "code", "text"),
    [
        (
            "onboard_tenant",
            ["-iinventories/example", "--limit=chain1"],
            2,
            "of tenants this run has no host. Check the",
        ),
        ("onboard_tenant", ["-iinventories/example", "--limit=chain1", "-enothing_is_fine=true"], 0, ""),
        ("verify", ["-iinventories/signer"], 2, "of bitcoind:gateways:own:tenants:hubs:walls this run has no host"),
        (
            "restore_hub",
            ["-iinventories/example", "-econfirm=acme"],
            2,
            "of name-the-hub-by-limit this run has no host",
        ),
        (
            "offboard_tenant",
            ["-iinventories/example", "-econfirm=acme"],
            2,
            "of name-the-tenant-by-limit this run has no host",
        ),
        ("verify", [], 2, "The inventory has no host"),
        ("verify", ["--limit=!acme"], 4, "The inventory has no host"),
        ("verify", ["--limit=acme"], 4, "The inventory has no host"),
        ("verify", ["-enothing_is_fine=true"], 0, ""),
        ("verify", ["-enothing_is_fine=true", "--limit=!acme"], 0, ""),
        ("verify", ["--syntax-check"], 0, ""),
        ("revoke", ["-iinventories/signer", "-emode=emergency"], 2, "Nothing was changed. If that is what you want"),
        ("revoke", ["-iinventories/signer", "-econfirm=signer", "-emode=now"], 2, "say -e mode=orderly or -e mode=em"),
        ("revoke", ["-iinventories/signer", "-econfirm=globex", "-emode=emergency"], 2, "which has signer"),
        ("revoke", ["-iinventories/example", "-econfirm=acme", "-emode=emergency"], 2, "which has none"),
        ("revoke", ["-iinventories/example", "-econfirm=acme", "-emode=emergency", "-lchain1"], 4, "by no other limit"),
        ("revoke", ["--syntax-check"], 0, ""),
        ("signer_image", ["-esigner_image_host=nobody"], 4, "There is no host nobody in this run"),
    ],
)
def test_a_run_without_a_host(playbook: str, options: list[str], code: int, text: str) -> None:
    done = subprocess.run(
        ["ansible-playbook", f"playbooks/{playbook}.yml", *options],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, text in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
