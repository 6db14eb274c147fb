# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories of those who use AWS, and playbooks run on them, whole, against a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.aws import REGION, StandIn
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3GqhGlIGxvCJqy9nZ0hMG3JCmtJ1m9rq4yYpY8l2Ed acme"
# What may reach a tenant's signer, by the kit and by the tenant's own choice.
WANTED_RULES = {(10009, 10009, "192.0.2.14/32"), (10009, 10009, "203.0.113.0/24"), (22, 22, "198.51.100.7/32")}


class Site:
    """An inventory, and playbooks run on it."""

    def __init__(self, aws: StandIn, folder: Path, group: str, host: str, variables: dict[str, t.Any]) -> None:
        self.aws, self.folder, self.group, self.host = aws, folder, group, host
        self.actions: set[str] = set()
        self.others: dict[str, dict[str, t.Any]] = {}
        self.variables = {"ansible_python_interpreter": sys.executable, **variables}

    @property
    def kit(self) -> Path:
        """The tenant's kit."""
        return self.folder / "kit.json"

    def start(self, playbook: str, *options: str, **changes: t.Any) -> subprocess.Popen[str]:
        """Begin a playbook."""
        inventory = self.folder / "hosts.yml"
        its = {**self.variables, **changes}
        groups = {
            self.group: {"hosts": {self.host: its}},
            **{name: {"vars": variables} for name, variables in self.others.items()},
        }
        inventory.write_text(yaml.safe_dump({"all": {"children": groups}}))
        self.aws.sent.clear()
        return subprocess.Popen(
            ["ansible-playbook", "-i", str(inventory), f"playbooks/{playbook}.yml", *options],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_RESULT_FORMAT": "yaml", "ANSIBLE_PIPELINING": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, playbook: str, *options: str, **changes: t.Any) -> dict[str, t.Any]:
        """Run a playbook; return its return code, its text, and per host the counters of the recap."""
        running = self.start(playbook, *options, **changes)
        text, _nothing = running.communicate()
        self.actions |= set(self.aws.actions)
        recap = [line for line in text.splitlines() if line.startswith(self.host)]
        counters = dict(part.split("=") for part in recap[-1].split(":")[1].split()) if recap else {}
        return {"rc": running.returncode, "text": text, "changed": int(counters.get("changed", -1))}

    def succeeds(self, playbook: str, *options: str, **changes: t.Any) -> dict[str, t.Any]:
        done = self.run(playbook, *options, **changes)
        assert done["rc"] == 0, done["text"]
        return done

    def fails(self, playbook: str, *options: str, **changes: t.Any) -> str:
        done = self.run(playbook, *options, **changes)
        assert done["rc"] == 2, done["text"]
        return " ".join(str(done["text"]).split())


def of_a_tenant(aws: StandIn, folder: Path) -> Site:
    """Return the site of a tenant with a subnet, to whom an image is shared."""
    ec2 = aws.client("ec2")
    kit = bundles.kit(provider_addresses=["192.0.2.14", "203.0.113.0/24"])
    (folder / "kit.json").write_text(json.dumps(kit))
    variables = {
        "signer_ec2_region": REGION,
        "signer_ec2_endpoint_url": aws.url,
        "signer_ec2_image_id": aws.image("Lightning signer 1.0.0, lnd 0.21.3-beta"),
        "signer_ec2_network": "regtest",
        "signer_ec2_kit": str(folder / "kit.json"),
        "signer_ec2_kit_fingerprint": fingerprint(kit),
        "signer_ec2_subnet_id": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "signer_ec2_ssh_key": SSH_KEY,
        "signer_ec2_admin_addresses": ["198.51.100.7"],
    }
    return Site(aws, folder, "signers_ec2", "acme-signer", variables)


def make_private(tenant: Site) -> None:
    """Make its subnet one without public addresses."""
    subnet = tenant.variables["signer_ec2_subnet_id"]
    tenant.aws.client("ec2").modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})


class Template(yaml.SafeLoader):
    """A YAML loader that turns CloudFormation's own tags into the names that they refer to."""


for _tag in ("!Ref", "!GetAtt", "!Sub"):
    Template.add_constructor(_tag, lambda loader, node: f"{node.tag} {loader.construct_scalar(node)}")


def resources(path: Path) -> dict[str, t.Any]:
    """Return the properties of the resources that a template makes."""
    found = yaml.load(path.read_text(), Template)["Resources"]  # noqa: S506 - it is a safe one
    return {name: one["Properties"] for name, one in found.items()}
