# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot becomes an image that only the named tenants can launch; old images are removed."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support import image_folders
from ansible_collections.noncustodial.lightning.tests.support.aws import StandIn

NAME = "signer_ami"
ACME, GLOBEX = "111122223333", "012345678901"


class Line:
    """Images of one line, version by version, as a provider makes them."""

    def __init__(self, aws: StandIn, succeeds: t.Any, folder: Path) -> None:
        self._aws, self._succeeds, self.folder = aws, succeeds, folder

    def snapshot(self, version: str, content: bytes | None = None) -> dict[str, t.Any]:
        """Return the options for an image of a version whose disk is at AWS."""
        size = 4 * image_folders.BLOCK_BYTES
        image_folders.make(self.folder, blocks=1, version=version, content=content or version[-1].encode(), size=size)
        result = self._succeeds("signer_snapshot", **self._aws.options, path=str(self.folder))
        self._aws.sent.clear()
        return {**self._aws.options, "path": str(self.folder), "snapshot_id": result["snapshot_id"], "accounts": [ACME]}

    def register(self, version: str, **options: t.Any) -> dict[str, t.Any]:
        """Make an image of a version, and return the result."""
        return t.cast("dict[str, t.Any]", self._succeeds(NAME, **{**self.snapshot(version), **options}))


@pytest.fixture
def line(aws: StandIn, succeeds: t.Any, tmp_path: Path) -> Line:
    return Line(aws, succeeds, tmp_path / "image")


def shared(aws: StandIn, result: dict[str, t.Any]) -> tuple[list[str], list[str]]:
    """Return the accounts that may launch an image, and those that may read its snapshot."""
    ec2 = aws.client("ec2")
    image = ec2.describe_image_attribute(ImageId=result["image_id"], Attribute="launchPermission")["LaunchPermissions"]
    snapshot = ec2.describe_snapshot_attribute(SnapshotId=result["snapshot_id"], Attribute="createVolumePermission")
    return tuple(sorted(one["UserId"] for one in found) for found in (image, snapshot["CreateVolumePermissions"]))  # type: ignore[return-value]


def there(aws: StandIn) -> tuple[list[str], int]:
    """Return the names of images, and the number of our snapshots."""
    ec2 = aws.client("ec2")
    snapshots = ec2.describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["noncustodial:image"]}])["Snapshots"]
    return sorted(image["Name"] for image in ec2.describe_images(Owners=["self"])["Images"]), len(snapshots)


def test_what_is_asked_of_a_machine(aws: StandIn, line: Line, succeeds: t.Any) -> None:
    options = line.snapshot("1.0.0")
    result = succeeds(NAME, **options)
    assert result["changed"] is True
    assert result["actions"] == ["register", "share", "share_snapshot"]
    assert (result["name"], result["lnd_version"]) == ("noncustodial-signer-1.0.0", "0.21.3-beta")
    (sent,) = aws.of("ec2:RegisterImage")
    assert {key: value for key, value in sent.items() if key != "Version"} == {
        "Name": "noncustodial-signer-1.0.0",
        "Description": "Lightning signer 1.0.0, lnd 0.21.3-beta",
        "Architecture": "x86_64",
        "VirtualizationType": "hvm",
        "BootMode": "uefi",
        "TpmSupport": "v2.0",
        "ImdsSupport": "v2.0",
        "EnaSupport": "true",
        "RootDeviceName": "/dev/xvda",
        "BlockDeviceMapping.1.DeviceName": "/dev/xvda",
        "BlockDeviceMapping.1.Ebs.SnapshotId": options["snapshot_id"],
        "BlockDeviceMapping.1.Ebs.VolumeType": "gp3",
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination": "true",
    }
    assert shared(aws, result) == ([ACME], [ACME])


def test_again_is_unchanged(aws: StandIn, line: Line, succeeds: t.Any) -> None:
    options = line.snapshot("1.0.0")
    first = succeeds(NAME, **options)
    aws.sent.clear()
    again = succeeds(NAME, **options)
    assert (again["changed"], again["actions"], again["image_id"]) == (False, [], first["image_id"])
    assert all(action.startswith("ec2:Describe") for action in aws.actions)


def test_check_mode_predicts(aws: StandIn, line: Line, succeeds: t.Any) -> None:
    options = line.snapshot("1.0.0")
    result = succeeds(NAME, check=True, **options)
    assert (result["changed"], result["image_id"], result["accounts"]) == (True, None, [ACME])
    assert result["images"] == ["noncustodial-signer-1.0.0"]
    assert all(action.startswith("ec2:Describe") for action in aws.actions)
    assert there(aws) == ([], 1)


def test_who_has_left_loses_access(aws: StandIn, line: Line, succeeds: t.Any) -> None:
    options = line.snapshot("1.0.0")
    succeeds(NAME, **{**options, "accounts": [ACME, GLOBEX]})
    result = succeeds(NAME, **{**options, "accounts": [GLOBEX]})
    assert result["actions"] == ["share", "share_snapshot"]
    assert (result["diff"]["before"]["accounts"], result["diff"]["after"]["accounts"]) == ([GLOBEX, ACME], [GLOBEX])
    assert shared(aws, result) == ([GLOBEX], [GLOBEX])


def test_the_newest_stay(aws: StandIn, line: Line) -> None:
    """Each with its snapshot. The images of another line are not touched."""
    line.register("1.0.0", family="other", name="other-1.0.0")
    for version in ("1.0.1", "1.0.2", "1.0.3"):
        line.register(version)
    result = line.register("1.0.4", keep=2)
    assert result["actions"] == ["register", "share", "share_snapshot", "deregister", "deregister"]
    assert there(aws)[0] == ["noncustodial-signer-1.0.3", "noncustodial-signer-1.0.4", "other-1.0.0"]
    assert aws.actions.count("ec2:DeleteSnapshot") == 2
    assert there(aws)[1] == 3


def test_a_snapshot_that_another_image_needs_stays(aws: StandIn, line: Line, succeeds: t.Any) -> None:
    """Two versions of one disk."""
    line.register("1.0.0")
    image_folders.write_manifest(line.folder, "1.0.1")
    snapshot = succeeds("signer_snapshot", **aws.options, path=str(line.folder))
    assert snapshot["changed"] is False
    options = {**aws.options, "path": str(line.folder), "snapshot_id": snapshot["snapshot_id"], "accounts": [ACME]}
    assert "deregister" in succeeds(NAME, **options, keep=1)["actions"]
    assert there(aws) == (["noncustodial-signer-1.0.1"], 1)


def test_a_name_stands_for_one_content(aws: StandIn, line: Line, fails: t.Any) -> None:
    line.register("1.0.0")
    options = line.snapshot("1.0.0", content=b"z")
    message = fails(NAME, **options)
    assert "There is an image noncustodial-signer-1.0.0 already" in message
    assert "Raise the version of the image" in message
    assert message == fails(NAME, check=True, **options)
    assert all(action.startswith("ec2:Describe") for action in aws.actions)


def test_a_cut_between_register_and_share_goes_on(aws: StandIn, line: Line, succeeds: t.Any, fails: t.Any) -> None:
    options = line.snapshot("1.0.0")
    aws.fails("ec2:ModifyImageAttribute", "UnauthorizedOperation")
    assert "Allow ec2:ModifyImageAttribute" in fails(NAME, **options)
    aws.recovers()
    result = succeeds(NAME, **options)
    assert result["actions"] == ["share", "share_snapshot"]
    assert there(aws) == (["noncustodial-signer-1.0.0"], 1)


@pytest.mark.parametrize(
    ("action", "code", "told"),
    [
        ("ec2:RegisterImage", "UnauthorizedOperation", "Allow ec2:RegisterImage to the user or role that runs this"),
        ("ec2:RegisterImage", "AmiQuotaExceeded", "have the quota raised"),
        ("ec2:DescribeImages", "UnauthorizedOperation", "Allow ec2:DescribeImages"),
    ],
)
def test_what_fails_is_named(aws: StandIn, line: Line, fails: t.Any, action: str, code: str, told: str) -> None:
    options = line.snapshot("1.0.0")
    aws.fails(action, code)
    message = fails(NAME, **options)
    assert f"AWS in eu-central-1 answered {code} to {action}" in message
    assert told in message
    aws.recovers()
    assert there(aws) == ([], 1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"accounts": []}, "would be shared with nobody. Name the AWS account"),
        ({"accounts": ["12345"]}, "an AWS account is twelve digits"),
        ({"keep": 0}, "Give at least 1"),
        ({"name": "a;b"}, "AWS takes no image of the name"),
        ({"snapshot_id": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound to ec2:DescribeSnapshotAttribute"),
    ],
)
def test_wrong_options(aws: StandIn, line: Line, fails: t.Any, options: dict[str, t.Any], told: str) -> None:
    assert told in fails(NAME, **{**line.snapshot("1.0.0"), **options})
    assert "ec2:RegisterImage" not in aws.actions


def test_before_an_upload_it_is_told_whether_the_name_can_be_had(
    aws: StandIn, line: Line, succeeds: t.Any, fails: t.Any
) -> None:
    """Without a snapshot nothing is made."""
    options = {**line.snapshot("1.0.0"), "snapshot_id": None}
    assert succeeds(NAME, check=True, **options)["actions"] == ["register", "share", "share_snapshot"]
    assert "snapshot_id is missing, without which only check mode can go" in fails(NAME, **options)
    assert "ec2:RegisterImage" not in aws.actions
    line.register("1.0.0")
    assert succeeds(NAME, check=True, **options)["image_id"]
    other = {**line.snapshot("1.0.0", content=b"z"), "snapshot_id": None}
    assert "There is an image noncustodial-signer-1.0.0 already" in fails(NAME, check=True, **other)


def test_one_that_a_cut_run_has_left_without_tags_is_not_in_the_way(aws: StandIn, line: Line, succeeds: t.Any) -> None:
    options = {**line.snapshot("1.0.0"), "snapshot_id": None}
    aws.client("ec2").register_image(Name="noncustodial-signer-1.0.0")
    assert "register" not in succeeds(NAME, check=True, **options)["actions"]


def test_what_updates_itself_says_so(aws: StandIn, line: Line, succeeds: t.Any) -> None:
    """A tenant's security group must let it."""
    options = line.snapshot("1.0.0")
    image_folders.write_manifest(line.folder, "1.0.0", unattended=True)
    succeeds(NAME, **options)
    (sent,) = aws.of("ec2:RegisterImage")
    assert sent["Description"] == "Lightning signer 1.0.0, lnd 0.21.3-beta, updates itself"


def test_an_unsigned_image_is_not_registered(aws: StandIn, line: Line, fails: t.Any, tmp_path: Path) -> None:
    options = line.snapshot("1.0.0")
    key = image_folders.make_key(tmp_path / "publisher")
    image_folders.sign(line.folder, tmp_path / "publisher")
    image_folders.write_manifest(line.folder, "1.0.1")
    assert "manifest.json is not the file that SHA256SUMS names" in fails(NAME, **options, publisher=key)
    assert aws.actions == []
