# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for AWS, whole, against a stand-in: the provider's image, and the tenant's machine, key, firewall, address and alarm."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.unit import bundles, images, policies
from ansible_collections.noncustodial.lightning.tests.unit.aws import REGION, StandIn

ROOT = Path(__file__).resolve().parents[6]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3GqhGlIGxvCJqy9nZ0hMG3JCmtJ1m9rq4yYpY8l2Ed acme"
ACME, GLOBEX = "111122223333", "012345678901"


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
        groups = {self.group: {"hosts": {self.host: its}}, **{name: {"vars": variables} for name, variables in self.others.items()}}
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
        """What a playbook did: return code, text, and per host the counters of the recap."""
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


@pytest.fixture
def provider(aws: StandIn, tmp_path: Path) -> Site:
    publisher = images.make_key(tmp_path / "publisher")
    publish(tmp_path)
    variables = {
        "signer_ami_path": str(tmp_path / "image"),
        "signer_ami_publisher": publisher,
        "signer_ami_accounts": [ACME],
        "signer_ami_endpoint_url": aws.url,
    }
    return Site(aws, tmp_path, "signer_amis", REGION, variables)


def publish(folder: Path, version: str = "1.0.0", content: bytes = b"x") -> None:
    """A signed image."""
    images.make(folder / "image", blocks=3, size=8 * images.BLOCK, version=version, content=content)
    images.sign(folder / "image", folder / "publisher")


@pytest.fixture
def tenant(aws: StandIn, tmp_path: Path) -> Site:
    """A tenant with a subnet, to whom an image is shared."""
    ec2 = aws.client("ec2")
    (tmp_path / "kit.json").write_text(json.dumps(bundles.kit(provider_addresses=["192.0.2.14", "203.0.113.0/24"])))
    variables = {
        "signer_ec2_region": REGION,
        "signer_ec2_endpoint_url": aws.url,
        "signer_ec2_image_id": aws.image("Lightning signer 1.0.0, lnd 0.21.2-beta"),
        "signer_ec2_network": "regtest",
        "signer_ec2_kit": str(tmp_path / "kit.json"),
        "signer_ec2_subnet_id": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "signer_ec2_ssh_key": KEY,
        "signer_ec2_admin_addresses": ["198.51.100.7"],
    }
    return Site(aws, tmp_path, "signers_ec2", "acme-signer", variables)


def test_image(provider: Site) -> None:
    """Twice the same, then the next version, which is the only one that stays."""
    aws = provider.aws
    done = provider.succeeds("signer_ami", signer_ami_progress_every=0.01, signer_ami_parallel=1)
    assert "Snapshot, 0 % of the disk sent" in done["text"]
    assert re.search(r"Snapshot, [1-9][0-9] % of the disk sent", done["text"])
    ec2 = aws.client("ec2")
    (image,) = ec2.describe_images(Owners=["self"])["Images"]
    told = f"noncustodial-signer-1.0.0 in eu-central-1 is {image['ImageId']}, with lnd 0.21.2-beta. It can be launched by {ACME}"
    assert told in " ".join(done["text"].split())
    assert ec2.describe_image_attribute(ImageId=image["ImageId"], Attribute="launchPermission")["LaunchPermissions"] == [{"UserId": ACME}]
    assert provider.succeeds("signer_ami")["changed"] == 0

    publish(provider.folder, "1.0.1", b"y")
    provider.succeeds("signer_ami", signer_ami_keep=1, signer_ami_accounts=[GLOBEX])
    assert [one["Name"] for one in ec2.describe_images(Owners=["self"])["Images"]] == ["noncustodial-signer-1.0.1"]
    policies.check("provider", provider.actions)


def test_an_image_for_nobody_is_not_sent(provider: Site) -> None:
    assert "so the image would be shared with nobody" in provider.fails("signer_ami", signer_ami_accounts=[])
    assert "has 12345, and an AWS account is twelve digits" in provider.fails("signer_ami", signer_ami_accounts=["12345"])
    assert provider.aws.sent == []


def test_an_image_that_its_publisher_has_not_signed_is_not_sent(provider: Site) -> None:
    assert "signer_ami_publisher is empty" in provider.fails("signer_ami", signer_ami_publisher="")
    images.make(provider.folder / "image", content=b"evil")
    message = provider.fails("signer_ami")
    assert "manifest.json is not the file that SHA256SUMS names. It was altered. Do not use this image." in message
    assert provider.aws.sent == []


def test_a_name_that_is_taken_is_told_before_anything_is_sent(provider: Site) -> None:
    provider.succeeds("signer_ami")
    publish(provider.folder, content=b"y")
    assert "There is an image noncustodial-signer-1.0.0 already" in provider.fails("signer_ami")
    assert not [action for action in provider.aws.actions if action.startswith("ebs:")]


def family(process: int) -> list[int]:
    """A process and all that it has started. Ansible's workers are in process groups of their own."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(one for child in children for one in family(int(child)))]


def test_an_import_that_is_killed_goes_on(provider: Site) -> None:
    """As by a power cut: of the three blocks only what was not acknowledged is sent again, into the same snapshot."""
    waits = provider.aws.stalls("ebs:PutSnapshotBlock", after=2)
    running = provider.start("signer_ami", signer_ami_parallel=1)
    assert waits.wait(60), "the third block was not sent"
    for process in family(running.pid):
        os.kill(process, signal.SIGKILL)
    running.communicate()
    provider.aws.recovers()
    provider.succeeds("signer_ami")
    assert "ebs:StartSnapshot" not in provider.aws.actions
    assert provider.aws.actions.count("ebs:PutSnapshotBlock") == 1
    snapshots = provider.aws.client("ec2").describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["noncustodial:image"]}])["Snapshots"]
    assert len(snapshots) == 1


@pytest.mark.parametrize(
    ("action", "code", "told"),
    [
        ("ebs:StartSnapshot", "AccessDeniedException", "Allow ebs:StartSnapshot to the user or role that runs this"),
        ("ebs:CompleteSnapshot", "ServiceQuotaExceededException", "have the quota raised (Service Quotas in AWS's console)"),
    ],
)
def test_what_is_refused_to_the_provider_is_named_and_leaves_nothing(provider: Site, action: str, code: str, told: str) -> None:
    provider.aws.fails(action, code)
    message = provider.fails("signer_ami")
    assert f"AWS in eu-central-1 answered {code} to {action}" in message
    assert told in message
    provider.aws.recovers()
    assert provider.aws.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_check_mode_of_an_image(provider: Site) -> None:
    assert provider.succeeds("signer_ami", "--check")["changed"] == 1
    assert all(action.startswith(("ec2:Describe", "ec2:Get")) for action in provider.aws.actions)


@pytest.fixture
def building(provider: Site) -> Site:
    """The provider, with a builder that is this machine, and a file for its second disk."""
    ec2 = provider.aws.client("ec2")
    built = provider.folder / "image"
    (provider.folder / "disk").touch()
    provider.variables |= {
        "signer_ami_path": str(provider.folder),
        "signer_ami_builder_image_id": provider.aws.image("Debian 13", name="debian-13"),
        "signer_ami_builder_subnet_id": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "signer_ami_builder_group_id": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "signer_ami_builder_key_name": "builder",
        "signer_ami_builder_path": str(built),
        "signer_ami_builder_device": str(provider.folder / "disk"),
    }
    provider.others = {"signer_builders": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    return provider


def machines(aws: StandIn) -> list[str]:
    """States of all machines."""
    return [one["State"]["Name"] for group in aws.client("ec2").describe_instances()["Reservations"] for one in group["Instances"]]


def test_an_image_from_a_builder(building: Site) -> None:
    """What it has written becomes the image, it is gone, and another run finds the image and starts none."""
    aws = building.aws
    building.others["signer_builders"]["signer_ami_builder_builds"] = False
    building.succeeds("signer_ami_builder")
    (sent,) = aws.of("ec2:RunInstances")
    assert base64.b64decode(sent["UserData"]) == b"#cloud-config\npower_state: {mode: poweroff, delay: 60}\n"
    assert sent["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert sent["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"
    assert (building.folder / "disk").read_bytes().rstrip(b"\0") == (building.folder / "image/signer.raw").read_bytes().rstrip(b"\0")
    (registered,) = aws.of("ec2:RegisterImage")
    (made,) = aws.client("ec2").describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["noncustodial:sha256"]}])["Snapshots"]
    assert registered["BlockDeviceMapping.1.Ebs.SnapshotId"] == made["SnapshotId"]
    assert machines(aws) == ["terminated"]
    assert building.succeeds("signer_ami_builder")["changed"] == 0
    policies.check("builder", building.actions)


def test_check_mode_of_a_builder(building: Site) -> None:
    building.others["signer_builders"]["signer_ami_builder_builds"] = False
    building.succeeds("signer_ami_builder", "--check")
    assert all(action.startswith("ec2:Describe") for action in building.aws.actions)


def test_a_quota_that_stops_a_builder_is_named(building: Site) -> None:
    building.aws.fails("ec2:RunInstances", "VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit")
    message = building.fails("signer_ami_builder")
    assert "more vCPU capacity than your current limit" in message
    assert "have it raised (Service Quotas in AWS's console)" in message
    assert machines(building.aws) == []


def test_a_builder_that_fails_is_gone(building: Site) -> None:
    (building.folder / "image/signer.raw").unlink()
    building.others["signer_builders"]["signer_ami_builder_builds"] = False
    building.fails("signer_ami_builder")
    assert machines(building.aws) == ["terminated"]
    assert "ec2:RegisterImage" not in building.aws.actions


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


def check_launch(tenant: Site) -> None:
    """Moto forgets half of it."""
    (sent,) = tenant.aws.of("ec2:RunInstances")
    key = tenant.aws.client("kms").describe_key(KeyId="alias/acme-signer")["KeyMetadata"]
    wanted = {
        "ImageId": tenant.variables["signer_ec2_image_id"],
        "InstanceType": "t3.micro",
        "KeyName": "acme-signer",
        "DisableApiTermination": "true",
        "InstanceInitiatedShutdownBehavior": "stop",
        "MetadataOptions.HttpTokens": "required",
        "MetadataOptions.HttpPutResponseHopLimit": "1",
        "NetworkInterface.1.SubnetId": tenant.variables["signer_ec2_subnet_id"],
        "BlockDeviceMapping.1.DeviceName": "/dev/xvda",
        "BlockDeviceMapping.1.Ebs.VolumeType": "gp3",
        "BlockDeviceMapping.1.Ebs.VolumeSize": "4",
        "BlockDeviceMapping.1.Ebs.Encrypted": "true",
        "BlockDeviceMapping.1.Ebs.KmsKeyId": key["Arn"],
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination": "true",
    }
    assert {name: sent.get(name) for name in wanted} == wanted
    assert not [name for name in sent if name.startswith(("BlockDeviceMapping.2", "NetworkInterface.2", "IamInstanceProfile"))]
    # All that the machine is told is the kit, as it is.
    text = base64.b64decode(sent["UserData"]).decode()
    assert text.startswith("#cloud-config\n")
    (file,) = yaml.safe_load(text).pop("write_files")
    assert file == {"path": "/etc/signer/kit.json", "permissions": "0600", "content": tenant.kit.read_text()}


def check_alarm(tenant: Site) -> None:
    (alarm,) = tenant.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (machine,) = [one for group in tenant.aws.client("ec2").describe_instances()["Reservations"] for one in group["Instances"]]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["TreatMissingData"]) == ("AWS/EC2", "StatusCheckFailed", "breaching")
    assert alarm["Dimensions"] == [{"Name": "InstanceId", "Value": machine["InstanceId"]}]


def test_machine(tenant: Site) -> None:
    aws = tenant.aws
    nothing = left(aws)
    assert set(nothing.values()) == {0}

    # Check mode makes nothing.
    assert tenant.succeeds("signer_ec2", "--check")["changed"] == 4
    assert left(aws) == nothing

    # It is made, and what was asked for is what is wanted. Before that the cost is told.
    prices = {
        "instance_hour": {"t3.micro": 0.012},
        "volume_gib_month": 0.1,
        "public_address_hour": 0.005,
        "key_month": 1,
        "alarm_month": 0.1,
    }
    done = tenant.succeeds("signer_ec2", signer_ec2_prices=prices, signer_ec2_prices_date="2026-11-25")
    told = " ".join(done["text"].split())
    cost = "About 13.91 USD a month before tax, by prices of 2026-11-25: machine 8.76, disk 0.40, address 3.65, key 1.00, alarm 0.10"
    assert told.index(cost) < told.index("A key of yours encrypts the disk")
    check_launch(tenant)
    check_alarm(tenant)
    assert ingress(aws) == WANTED
    made = left(aws)
    assert made == {"machines": 1, "volumes": 1, "addresses": 1, "alarms": 1, "keys": 1, "groups": 1, "logins": 1}
    key = aws.client("kms").describe_key(KeyId="alias/acme-signer")["KeyMetadata"]["KeyId"]

    # Again nothing changes, but that a wider security group is narrowed.
    group = aws.client("ec2").describe_security_groups(GroupNames=["acme-signer"])["SecurityGroups"][0]["GroupId"]
    for port in (22, 10009):
        world = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        aws.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=world)
    aws.client("ec2").authorize_security_group_egress(GroupId=group, IpPermissions=[{**world[0], "IpProtocol": "-1"}])
    done = tenant.succeeds("signer_ec2")
    assert done["changed"] == 1
    assert ingress(aws) == WANTED
    assert left(aws) == made

    # A failure leaves what was there before: the machine may hold a wallet.
    aws.fails("ec2:DescribeKeyPairs", "UnauthorizedOperation", "You are not authorized")
    assert "What is there already is kept; signer_ec2_teardown removes all of it" in tenant.fails("signer_ec2")
    aws.recovers()
    assert left(aws) == made

    # Its end, first only foretold, then refused on the way; the next run goes on, and after that there is nothing to do.
    ending = ("--limit", "acme-signer", "-e", "confirm=acme-signer")
    tenant.succeeds("signer_ec2_teardown", "--check", *ending)
    assert left(aws) == made
    aws.fails("ec2:TerminateInstances", "UnauthorizedOperation", "You are not authorized")
    message = tenant.fails("signer_ec2_teardown", *ending)
    assert "The machine and its disk are gone: " in message
    assert "You are not authorized" in message
    assert "compare yours with the policy in the docs on AWS" in message
    aws.recovers()
    tenant.succeeds("signer_ec2_teardown", *ending)
    assert left(aws) == nothing
    assert tenant.succeeds("signer_ec2_teardown", *ending)["changed"] == 0

    # Another one of the same name in the days after takes the key back.
    tenant.succeeds("signer_ec2")
    assert left(aws) == made
    assert ingress(aws) == WANTED
    assert aws.client("kms").describe_key(KeyId="alias/acme-signer")["KeyMetadata"]["KeyId"] == key
    policies.check("tenant", tenant.actions)


@pytest.mark.parametrize(
    ("action", "code", "message", "step"),
    [
        ("kms:CreateKey", "LimitExceededException", "You have reached the limit of keys", "A key of yours encrypts the disk"),
        ("ec2:RunInstances", "VcpuLimitExceeded", "more vCPU capacity than your limit", "The machine"),
        ("cloudwatch:PutMetricAlarm", "AccessDenied", "not authorized to perform", "An alarm when AWS finds the machine unwell"),
    ],
)
def test_what_is_refused_to_the_tenant_is_named_and_leaves_nothing(tenant: Site, action: str, code: str, message: str, step: str) -> None:
    """However late it is: nothing stays that costs money."""
    nothing = left(tenant.aws)
    tenant.aws.fails(action, code, message)
    told = tenant.fails("signer_ec2")
    assert f"{step}: " in told
    assert message in told
    assert "have it raised (Service Quotas in AWS's console)" in told
    assert "What was made until then was removed again" in told
    tenant.aws.recovers()
    assert left(tenant.aws) == nothing


def test_a_signer_goes_only_if_it_is_named_twice(tenant: Site) -> None:
    tenant.succeeds("signer_ec2_teardown", "-e", "confirm=acme-signer")
    assert "say -e confirm=acme-signer" in tenant.fails("signer_ec2_teardown", "--limit", "acme-signer", "-e", "confirm=acme")
    assert tenant.aws.sent == []


def test_what_only_the_tenant_can_say_is_asked_for(tenant: Site) -> None:
    message = tenant.fails("signer_ec2", signer_ec2_image_id="", signer_ec2_admin_addresses=[])
    assert "Nothing was made at AWS. Set signer_ec2_image_id, signer_ec2_admin_addresses." in message
    assert tenant.aws.sent == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"signer_ec2_instance_type": "t9.micro"}, "no t9.micro is to be had in eu-central-1"),
        ({"signer_ec2_network": "mainnet"}, "is for regtest, and network says mainnet"),
        ({"signer_ec2_volume_gib": 1}, "A disk of 1 GiB is too small"),
        ({"signer_ec2_public": False}, "gives each machine a public address, and this one is to have none. Choose a private subnet"),
    ],
)
def test_what_does_not_go_together_makes_nothing(tenant: Site, changes: dict[str, t.Any], told: str) -> None:
    assert told in tenant.fails("signer_ec2", **changes)
    assert all(action.startswith("ec2:Describe") for action in tenant.aws.actions)


def test_a_kit_for_a_newer_lnd_makes_nothing(tenant: Site) -> None:
    tenant.kit.write_text(json.dumps(bundles.kit(lnd_version="0.22.0-beta")))
    assert "has lnd 0.21.2-beta, and the kit wants 0.22.0-beta or newer" in tenant.fails("signer_ec2")
    assert all(action.startswith("ec2:Describe") for action in tenant.aws.actions)


def test_what_is_refused_to_the_template_is_named(tenant: Site) -> None:
    tenant.aws.fails("ec2:DescribeSubnets", "UnauthorizedOperation", "You are not authorized")
    assert "Allow ec2:DescribeSubnets to the user or role" in tenant.fails(
        "signer_ec2_template", signer_ec2_template=str(tenant.folder / "x")
    )
    assert not (tenant.folder / "x").exists()


def make_private(tenant: Site) -> None:
    """Its subnet gives no public addresses."""
    subnet = tenant.variables["signer_ec2_subnet_id"]
    tenant.aws.client("ec2").modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})


def test_a_private_machine_that_updates_itself(tenant: Site) -> None:
    """It may reach the mirrors, and nothing else; nobody reaches it from outside."""
    image = tenant.aws.image("Lightning signer 1.0.0, lnd 0.21.2-beta, updates itself", name="another")
    path = tenant.folder / "signer.yml"
    tenant.succeeds("signer_ec2_template", signer_ec2_image_id=image, signer_ec2_template=str(path))
    mirrors = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}
    assert resources(path)["Firewall"]["SecurityGroupEgress"] == [mirrors]
    make_private(tenant)
    done = tenant.succeeds("signer_ec2", signer_ec2_image_id=image, signer_ec2_public=False)
    (group,) = tenant.aws.client("ec2").describe_security_groups(GroupNames=["acme-signer"])["SecurityGroups"]
    (rule,) = group["IpPermissionsEgress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 80, 80)
    assert [one["CidrIp"] for one in rule["IpRanges"]] == ["0.0.0.0/0"]
    assert left(tenant.aws)["addresses"] == 0
    (machine,) = [one for all_of in tenant.aws.client("ec2").describe_instances()["Reservations"] for one in all_of["Instances"]]
    assert f"the provider dials it at {machine['PrivateIpAddress']}:10009" in " ".join(done["text"].split())


class Template(yaml.SafeLoader):
    """CloudFormation's own tags, as what they name."""


for _tag in ("!Ref", "!GetAtt", "!Sub"):
    Template.add_constructor(_tag, lambda loader, node: f"{node.tag} {loader.construct_scalar(node)}")


def resources(path: Path) -> dict[str, t.Any]:
    """The properties of what a template makes."""
    found = yaml.load(path.read_text(), Template)["Resources"]  # noqa: S506 - it is a safe one
    return {name: one["Properties"] for name, one in found.items()}


def test_template(tenant: Site) -> None:
    """It makes what the playbook makes, and cfn-lint has nothing to say of it."""
    path, private = tenant.folder / "signer.yml", tenant.folder / "private.yml"
    tenant.succeeds("signer_ec2_template", signer_ec2_template=str(path))
    assert all(action.startswith("ec2:Describe") for action in tenant.aws.actions)
    make_private(tenant)
    tenant.succeeds("signer_ec2_template", signer_ec2_template=str(private), signer_ec2_public=False)
    lint = subprocess.run(["cfn-lint", "--regions", REGION, "--", str(path), str(private)], capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout) == (0, ""), lint.stdout + lint.stderr
    its = resources(path)
    assert {(rule["FromPort"], rule["ToPort"], rule["CidrIp"]) for rule in its["Firewall"]["SecurityGroupIngress"]} == WANTED
    assert its["Firewall"]["SecurityGroupEgress"] == [{"IpProtocol": "-1", "CidrIp": "127.0.0.1/32"}]
    machine = its["Machine"]
    assert (machine["DisableApiTermination"], machine["MetadataOptions"]["HttpTokens"]) == (True, "required")
    (disk,) = machine["BlockDeviceMappings"]
    assert (disk["Ebs"]["Encrypted"], disk["Ebs"]["KmsKeyId"]) == (True, "!GetAtt DiskKey.Arn")
    (file,) = yaml.safe_load(base64.b64decode(machine["UserData"]))["write_files"]
    assert file["content"] == tenant.kit.read_text()
    assert set(its) - set(resources(private)) == {"Address"}
    assert resources(private)["Machine"]["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
