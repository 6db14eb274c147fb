# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is missing on the controller is found before anything is done, with its cure."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.plays import play, tasks_of


def test_what_is_missing_on_the_controller(tmp_path: Path) -> None:
    (tmp_path / "kit.json").write_text("{}")
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAA")
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    key = {"_common_kit_variables": "signer", "_common_bundle_dest": "bundle.json"}
    refused = {
        "initech": ("opened", {}, "initech was never provisioned from this controller"),
        "acme": (
            "opened",
            {"tenant_kit": str(tmp_path / "kit.json")},
            "There is no bundle /nowhere/acme.json of acme.",
        ),
        "globex": ("seen", {}, "globex is not on board"),
        "empty": ("signed", {"_common_signing_key": ""}, "signer_signing_key is empty, and no private key"),
        "gone": ("signed", {"_common_signing_key": "/nowhere/id"}, "signer_signing_key is /nowhere/id, and no private"),
        "public": ("signed", {"_common_signing_key": str(tmp_path / "id.pub")}, "id.pub, and no private key can be"),
        "nowhere": (
            "signed",
            {"_common_signing_key": str(tmp_path / "id"), "_common_bundle_dest": ""},
            "signer_bundle_dest is empty.",
        ),
    }
    hosts = {host: (key if group == "signed" else {}) | its for host, (group, its, _text) in refused.items()}
    hosts["good"] = {**key, "_common_signing_key": str(tmp_path / "id")}
    groups = {
        group: [host for host, (its, *_rest) in refused.items() if its == group]
        for group in ("opened", "seen", "signed")
    }
    groups["signed"].append("good")
    common = {
        "tenant_gateway": "good",
        "tenant_prover": "good",
        **{f"tenant_{name}": "/nowhere/{{ tenant_name }}.json" for name in ("kit", "bundle", "report")},
    }
    tasks = [
        tasks_of("tenant", "bundle", "opened"),
        tasks_of("tenant", "on_board", "seen"),
        tasks_of("common", "signing_key", "signed"),
    ]
    played = play(tmp_path, tasks, hosts, variables=common, groups=groups)
    assert played.failed == set(refused), played.output
    assert [text for _group, _its, text in refused.values() if text not in played.text] == [], played.output
