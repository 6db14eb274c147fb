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
            env={**os.environ, "ANSIBLE_RESULT_FORMAT": "yaml", "ANSIBLE_PIPELINING": "1"},
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


def ingress(aws: StandIn) -> set[tuple[int, int, str]]:
    """What the security group lets in."""
    (group,) = aws.client("ec2").describe_security_groups(GroupNames=["acme-signer"])["SecurityGroups"]
    assert group["IpPermissionsEgress"] == []
    return {(rule["FromPort"], rule["ToPort"], one["CidrIp"]) for rule in group["IpPermissions"] for one in rule["IpRanges"]}


WANTED = {(10009, 10009, "192.0.2.14/32"), (10009, 10009, "203.0.113.0/24"), (22, 22, "198.51.100.7/32")}


def left(aws: StandIn) -> dict[str, int]:
    """What is there that costs money, or lets somebody in."""
    ec2, kms, alarms = aws.client("ec2"), aws.client("kms"), aws.client("cloudwatch")
    instances = [one for group in ec2.describe_instances()["Reservations"] for one in group["Instances"]]
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    return {
        "machines": sum(one["State"]["Name"] != "terminated" for one in instances),
        "volumes": len(ec2.describe_volumes()["Volumes"]),
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "alarms": len(alarms.describe_alarms()["MetricAlarms"]),
        "keys": sum(key["KeyState"] == "Enabled" for key in keys),
        "groups": sum(group["GroupName"] != "default" for group in groups),
        "logins": len(ec2.describe_key_pairs()["KeyPairs"]),
    }


def test_machine(tenant: Site) -> None:
    aws = tenant.aws
    nothing = left(aws)
    assert set(nothing.values()) == {0}

    # Check mode makes nothing.
    assert tenant.succeeds("signer_ec2", "--check")["changed"] == 4
    assert left(aws) == nothing

    # It is made, and what was asked for is what is wanted.
    done = tenant.succeeds("signer_ec2", signer_ec2_prices={"instance_hour": 0.012, "volume_gib_month": 0.1, "public_address_hour": 0.005})
    (sent,) = aws.of("ec2:RunInstances")
    assert ingress(aws) == WANTED
    made = left(aws)
    assert made == {"machines": 1, "volumes": 1, "addresses": 1, "alarms": 1, "keys": 1, "groups": 1, "logins": 1}
    print(json.dumps(sent, indent=1))
    print(done["text"])

    # Again nothing changes, but that a wider security group is narrowed.
    group = aws.client("ec2").describe_security_groups(GroupNames=["acme-signer"])["SecurityGroups"][0]["GroupId"]
    world = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    aws.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=world)
    done = tenant.succeeds("signer_ec2")
    assert done["changed"] == 1
    assert ingress(aws) == WANTED
    assert left(aws) == made

    tenant.succeeds("signer_ec2_teardown", "--limit", "acme-signer", "-e", "confirm=acme-signer")
    assert left(aws) == nothing


def test_a_signer_goes_only_if_it_is_named_twice(tenant: Site) -> None:
    tenant.succeeds("signer_ec2_teardown", "-e", "confirm=acme-signer")
    assert "say -e confirm=acme-signer" in tenant.fails("signer_ec2_teardown", "--limit", "acme-signer", "-e", "confirm=acme")
    assert tenant.aws.sent == []
