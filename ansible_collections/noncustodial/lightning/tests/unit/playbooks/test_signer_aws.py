# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for AWS, whole, against a stand-in: the provider's image, and the tenant's machine, key, firewall, address and alarm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.unit import bundles, images
from ansible_collections.noncustodial.lightning.tests.unit.aws import REGION, StandIn

ROOT = Path(__file__).resolve().parents[6]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3GqhGlIGxvCJqy9nZ0hMG3JCmtJ1m9rq4yYpY8l2Ed acme"
ACME = "111122223333"


class Site:
    """An inventory, and playbooks run on it."""

    def __init__(self, aws: StandIn, folder: Path, group: str, host: str, variables: dict[str, t.Any]) -> None:
        self.aws, self.folder, self.group, self.host = aws, folder, group, host
        self.variables = {"ansible_python_interpreter": sys.executable, **variables}

    def run(self, playbook: str, *options: str, **changes: t.Any) -> dict[str, t.Any]:
        """What a playbook did: return code, text, and per host the counters of the recap."""
        inventory = self.folder / "hosts.yml"
        its = {**self.variables, **changes}
        inventory.write_text(yaml.safe_dump({"all": {"children": {self.group: {"hosts": {self.host: its}}}}}))
        self.aws.sent.clear()
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), f"playbooks/{playbook}.yml", *options],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_RESULT_FORMAT": "yaml", "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        text = done.stdout + done.stderr
        recap = [line for line in done.stdout.splitlines() if line.startswith(self.host)]
        counters = dict(part.split("=") for part in recap[-1].split(":")[1].split()) if recap else {}
        return {"rc": done.returncode, "text": text, "changed": int(counters.get("changed", -1))}

    def succeeds(self, playbook: str, *options: str, **changes: t.Any) -> dict[str, t.Any]:
        done = self.run(playbook, *options, **changes)
        assert done["rc"] == 0, done["text"]
        return done

    def fails(self, playbook: str, *options: str, **changes: t.Any) -> str:
        done = self.run(playbook, *options, **changes)
        assert done["rc"] == 2, done["text"]
        return " ".join(str(done["text"]).split())


@pytest.fixture
def provider(aws: StandIn, tmp_path: Path) -> Site:
    images.make(tmp_path / "image", blocks=3, size=8 * images.BLOCK)
    variables = {"signer_ami_path": str(tmp_path / "image"), "signer_ami_accounts": [ACME], "signer_ami_endpoint_url": aws.url}
    return Site(aws, tmp_path, "signer_amis", REGION, variables)


@pytest.fixture
def tenant(aws: StandIn, tmp_path: Path) -> Site:
    """A tenant with a subnet, to whom an image is shared."""
    ec2 = aws.client("ec2")
    (tmp_path / "kit.json").write_text(json.dumps(bundles.kit(provider_addresses=["192.0.2.14", "203.0.113.0/24"])))
    variables = {
        "signer_ec2_region": REGION,
        "signer_ec2_endpoint_url": aws.url,
        "signer_ec2_image_id": aws.image("Lightning signer 1.0.0, lnd 0.21.2-beta"),
        "signer_ec2_kit": str(tmp_path / "kit.json"),
        "signer_ec2_subnet_id": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "signer_ec2_ssh_key": KEY,
        "signer_ec2_admin_addresses": ["198.51.100.7"],
    }
    return Site(aws, tmp_path, "signers_ec2", "acme-signer", variables)


def test_image(provider: Site) -> None:
    done = provider.succeeds("signer_ami")
    assert done["changed"] == 2
    assert provider.succeeds("signer_ami")["changed"] == 0


def test_machine(tenant: Site) -> None:
    done = tenant.succeeds("signer_ec2", "--check")
    print(done["text"][-3000:])
    done = tenant.succeeds("signer_ec2")
    print(done["text"][-3000:])
    print(tenant.aws.actions)
    done = tenant.succeeds("signer_ec2", "--diff")
    print(done["text"][-6000:])
    assert done["changed"] == 0
