# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of a tenant's signer at AWS: machine, key, firewall, address and alarm, and their removal."""

from __future__ import annotations

import base64
import json
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support import bundles, policies
from ansible_collections.noncustodial.lightning.tests.support.aws import StandIn
from ansible_collections.noncustodial.lightning.tests.support.aws_sites import (
    WANTED_RULES,
    Site,
    make_private,
    of_a_tenant,
    resources,
)


@pytest.fixture
def tenant(aws: StandIn, tmp_path: Path) -> Site:
    return of_a_tenant(aws, tmp_path)


def ingress(aws: StandIn) -> set[tuple[int, int, str]]:
    """Return the sources that the security group lets in."""
    (group,) = aws.client("ec2").describe_security_groups(GroupNames=["acme-signer"])["SecurityGroups"]
    assert group["IpPermissionsEgress"] == []
    return {
        (rule["FromPort"], rule["ToPort"], one["CidrIp"]) for rule in group["IpPermissions"] for one in rule["IpRanges"]
    }


def left(aws: StandIn) -> dict[str, int]:
    """Return the number of resources that cost money, or let somebody in."""
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
    """Check the launch by the request, because moto forgets half of it."""
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
    assert not [
        name for name in sent if name.startswith(("BlockDeviceMapping.2", "NetworkInterface.2", "IamInstanceProfile"))
    ]
    # The machine's user data is only the kit, as it is.
    text = base64.b64decode(sent["UserData"]).decode()
    assert text.startswith("#cloud-config\n")
    file, told = yaml.safe_load(text).pop("write_files")
    assert file == {"path": "/etc/signer/kit.json", "permissions": "0600", "content": tenant.kit.read_text()}
    assert told == {
        "path": "/etc/signer/kit_fingerprint",
        "permissions": "0600",
        "content": fingerprint(json.loads(tenant.kit.read_text())),
    }


def check_alarm(tenant: Site) -> None:
    (alarm,) = tenant.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (machine,) = [
        one for group in tenant.aws.client("ec2").describe_instances()["Reservations"] for one in group["Instances"]
    ]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["TreatMissingData"]) == (
        "AWS/EC2",
        "StatusCheckFailed",
        "breaching",
    )
    assert alarm["Dimensions"] == [{"Name": "InstanceId", "Value": machine["InstanceId"]}]


def test_machine(tenant: Site) -> None:
    aws = tenant.aws
    nothing = left(aws)
    assert set(nothing.values()) == {0}

    # Check mode makes nothing.
    assert tenant.succeeds("signer_ec2", "--check")["changed"] == 4
    assert left(aws) == nothing

    # It is made, and what was asked for is what is wanted. Before that the cost is shown.
    prices = {
        "instance_hour": {"t3.micro": 0.012},
        "volume_gib_month": 0.1,
        "public_address_hour": 0.005,
        "key_month": 1,
        "alarm_month": 0.1,
    }
    done = tenant.succeeds("signer_ec2", signer_ec2_prices=prices, signer_ec2_prices_date="2026-11-25")
    told = " ".join(done["text"].split())
    cost = (
        "About 13.91 USD a month before tax, by prices of 2026-11-25: machine 8.76, disk 0.40, address 3.65, key 1.00,"
        " alarm 0.10"
    )
    assert told.index(cost) < told.index("A key of yours encrypts the disk")
    check_launch(tenant)
    check_alarm(tenant)
    assert ingress(aws) == WANTED_RULES
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
    assert ingress(aws) == WANTED_RULES
    assert left(aws) == made

    # A failure leaves what was there before: the machine may hold a wallet.
    aws.fails("ec2:DescribeKeyPairs", "UnauthorizedOperation", "You are not authorized")
    assert "What is there already is kept; signer_ec2_teardown removes all of it" in tenant.fails("signer_ec2")
    aws.recovers()
    assert left(aws) == made

    # Its end, first only predicted, then refused on the way; the next run goes on, and after that there is nothing to
    # do.
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
    assert ingress(aws) == WANTED_RULES
    assert aws.client("kms").describe_key(KeyId="alias/acme-signer")["KeyMetadata"]["KeyId"] == key
    policies.check("tenant", tenant.actions)


@pytest.mark.parametrize(
    ("action", "code", "message", "step"),
    [
        (
            "kms:CreateKey",
            "LimitExceededException",
            "You have reached the limit of keys",
            "A key of yours encrypts the disk",
        ),
        ("ec2:RunInstances", "VcpuLimitExceeded", "more vCPU capacity than your limit", "The machine"),
        (
            "cloudwatch:PutMetricAlarm",
            "AccessDenied",
            "not authorized to perform",
            "An alarm when AWS finds the machine unwell",
        ),
    ],
)
def test_what_is_refused_to_the_tenant_is_named_and_leaves_nothing(
    tenant: Site, action: str, code: str, message: str, step: str
) -> None:
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
    unnamed = tenant.fails("signer_ec2_teardown", "-e", "confirm=acme-signer")
    assert "of name-the-signer-by-limit this run has no host" in unnamed
    assert "say -e confirm=acme-signer" in tenant.fails(
        "signer_ec2_teardown", "--limit", "acme-signer", "-e", "confirm=acme"
    )
    assert tenant.aws.sent == []


def test_what_only_the_tenant_can_say_is_asked_for(tenant: Site) -> None:
    message = tenant.fails("signer_ec2", signer_ec2_image_id="", signer_ec2_admin_addresses=[])
    assert "Nothing was made at AWS. Set signer_ec2_image_id, signer_ec2_admin_addresses." in message
    assert tenant.aws.sent == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"signer_ec2_instance_type": "t9.micro"}, "no t9.micro is to be had in eu-central-1"),
        ({"signer_ec2_network": "mainnet"}, "is for regtest, and this lnd is on mainnet"),
        ({"signer_ec2_volume_gib": 1}, "A disk of 1 GiB is too small"),
        (
            {"signer_ec2_public": False},
            "assigns a public address to each machine, and this one must have none. Choose a private subnet",
        ),
    ],
)
def test_what_does_not_go_together_makes_nothing(tenant: Site, changes: dict[str, t.Any], told: str) -> None:
    assert told in tenant.fails("signer_ec2", **changes)
    assert all(action.startswith("ec2:Describe") for action in tenant.aws.actions)


def test_a_kit_for_a_newer_lnd_makes_nothing(tenant: Site) -> None:
    tenant.kit.write_text(json.dumps(json.loads(tenant.kit.read_text()) | {"lnd_version": "0.22.0-beta"}))
    assert "kit is for lnd 0.22.0-beta, and this lnd is 0.21.3-beta, which is older" in tenant.fails("signer_ec2")
    assert all(action.startswith("ec2:Describe") for action in tenant.aws.actions)


def test_a_private_machine_that_updates_itself(tenant: Site) -> None:
    """It may reach the mirrors, and nothing else; nobody reaches it from outside."""
    image = tenant.aws.image("Lightning signer 1.0.0, lnd 0.21.3-beta, updates itself", name="another")
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
    (machine,) = [
        one for all_of in tenant.aws.client("ec2").describe_instances()["Reservations"] for one in all_of["Instances"]
    ]
    assert f"the provider dials it at {machine['PrivateIpAddress']}:10009" in " ".join(done["text"].split())


def test_a_kit_that_was_not_compared_makes_nothing(tenant: Site) -> None:
    """The kit's addresses would open the security group."""
    said = tenant.fails("signer_ec2", signer_ec2_kit_fingerprint="")
    assert (
        f"has the fingerprint {fingerprint(json.loads(tenant.kit.read_text()))}, which was not compared with the"
        " provider yet" in said
    )
    tenant.kit.write_text(json.dumps(bundles.kit(provider_addresses=["203.0.113.66"])))
    assert "and what was compared with the provider is" in tenant.fails("signer_ec2")
