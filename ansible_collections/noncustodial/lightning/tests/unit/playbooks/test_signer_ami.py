# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of the provider's image at AWS: it is sent from here, or built by a machine there."""

from __future__ import annotations

import base64
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support import image_folders, policies
from ansible_collections.noncustodial.lightning.tests.support.aws import REGION, StandIn
from ansible_collections.noncustodial.lightning.tests.support.aws_sites import Site

ACME, GLOBEX = "111122223333", "012345678901"


@pytest.fixture
def provider(aws: StandIn, tmp_path: Path) -> Site:
    publisher = image_folders.make_key(tmp_path / "publisher")
    publish(tmp_path)
    variables = {
        "signer_ami_path": str(tmp_path / "image"),
        "signer_ami_publisher": publisher,
        "signer_ami_accounts": [ACME],
        "signer_ami_endpoint_url": aws.url,
    }
    return Site(aws, tmp_path, "signer_amis", REGION, variables)


def publish(folder: Path, version: str = "1.0.0", content: bytes = b"x") -> None:
    """Make a signed image."""
    image_folders.make(folder / "image", blocks=3, size=8 * image_folders.BLOCK_BYTES, version=version, content=content)
    image_folders.sign(folder / "image", folder / "publisher")


def test_image(provider: Site) -> None:
    """Twice the same, then the next version, which is the only one that stays."""
    aws = provider.aws
    done = provider.succeeds("signer_ami", signer_ami_progress_every=0.01, signer_ami_parallel=1)
    assert "Snapshot, % of the disk sent: 0" in done["text"]
    assert re.search(r"Snapshot, % of the disk sent: [1-9][0-9]\b", done["text"])
    ec2 = aws.client("ec2")
    (image,) = ec2.describe_images(Owners=["self"])["Images"]
    told = (
        f"noncustodial-signer-1.0.0 in eu-central-1 is {image['ImageId']}, with lnd 0.21.3-beta. It can be launched by"
        f" {ACME}"
    )
    assert told in " ".join(done["text"].split())
    assert ec2.describe_image_attribute(ImageId=image["ImageId"], Attribute="launchPermission")[
        "LaunchPermissions"
    ] == [{"UserId": ACME}]
    assert provider.succeeds("signer_ami")["changed"] == 0

    publish(provider.folder, "1.0.1", b"y")
    provider.succeeds("signer_ami", signer_ami_keep=1, signer_ami_accounts=[GLOBEX])
    assert [one["Name"] for one in ec2.describe_images(Owners=["self"])["Images"]] == ["noncustodial-signer-1.0.1"]
    policies.check("provider", provider.actions)


def test_an_image_for_nobody_is_not_sent(provider: Site) -> None:
    assert "so the image would be shared with nobody" in provider.fails("signer_ami", signer_ami_accounts=[])
    assert "has 12345, and an AWS account is twelve digits" in provider.fails(
        "signer_ami", signer_ami_accounts=["12345"]
    )
    assert provider.aws.sent == []


def test_an_image_that_its_publisher_has_not_signed_is_not_sent(provider: Site) -> None:
    assert "signer_ami_publisher is empty" in provider.fails("signer_ami", signer_ami_publisher="")
    image_folders.make(provider.folder / "image", content=b"evil")
    message = provider.fails("signer_ami")
    assert "manifest.json is not the file that SHA256SUMS names. It was altered. Do not use this image." in message
    assert provider.aws.sent == []


def test_a_name_that_is_taken_is_told_before_anything_is_sent(provider: Site) -> None:
    provider.succeeds("signer_ami")
    publish(provider.folder, content=b"y")
    assert "There is an image noncustodial-signer-1.0.0 already" in provider.fails("signer_ami")
    assert not [action for action in provider.aws.actions if action.startswith("ebs:")]


def family(process: int) -> list[int]:
    """Return a process and all that it has started. Ansible's workers are in process groups of their own."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(one for child in children for one in family(int(child)))]


def test_an_import_that_is_killed_goes_on(provider: Site) -> None:
    """The state is that of a power cut: of the three blocks only the unacknowledged ones are sent again, into the same
    snapshot.
    """
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
    snapshots = provider.aws.client("ec2").describe_snapshots(
        Filters=[{"Name": "tag-key", "Values": ["noncustodial:image"]}]
    )["Snapshots"]
    assert len(snapshots) == 1


@pytest.mark.parametrize(
    ("action", "code", "told"),
    [
        ("ebs:StartSnapshot", "AccessDeniedException", "Allow ebs:StartSnapshot to the user or role that runs this"),
        (
            "ebs:CompleteSnapshot",
            "ServiceQuotaExceededException",
            "have the quota raised (Service Quotas in AWS's console)",
        ),
    ],
)
def test_what_is_refused_to_the_provider_is_named_and_leaves_nothing(
    provider: Site, action: str, code: str, told: str
) -> None:
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
    """Return the states of all machines."""
    return [
        one["State"]["Name"]
        for group in aws.client("ec2").describe_instances()["Reservations"]
        for one in group["Instances"]
    ]


def test_an_image_from_a_builder(building: Site) -> None:
    """The builder's disk becomes the image, the builder is gone, and another run finds the image and starts none."""
    aws = building.aws
    building.others["signer_builders"]["signer_ami_builder_builds"] = False
    building.succeeds("signer_ami_builder")
    (sent,) = aws.of("ec2:RunInstances")
    assert base64.b64decode(sent["UserData"]) == b"#cloud-config\npower_state: {mode: poweroff, delay: 60}\n"
    assert sent["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert sent["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"
    assert (building.folder / "disk").read_bytes().rstrip(b"\0") == (
        building.folder / "image/signer.raw"
    ).read_bytes().rstrip(b"\0")
    (registered,) = aws.of("ec2:RegisterImage")
    (made,) = aws.client("ec2").describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["noncustodial:sha256"]}])[
        "Snapshots"
    ]
    assert registered["BlockDeviceMapping.1.Ebs.SnapshotId"] == made["SnapshotId"]
    assert machines(aws) == ["terminated"]
    assert building.succeeds("signer_ami_builder")["changed"] == 0
    policies.check("builder", building.actions)


def test_check_mode_of_a_builder(building: Site) -> None:
    building.others["signer_builders"]["signer_ami_builder_builds"] = False
    building.succeeds("signer_ami_builder", "--check")
    assert all(action.startswith("ec2:Describe") for action in building.aws.actions)


def test_a_quota_that_stops_a_builder_is_named(building: Site) -> None:
    building.aws.fails(
        "ec2:RunInstances", "VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit"
    )
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
