# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk becomes a snapshot: only blocks that are not zero are sent, once, and an interrupted one goes on or is
removed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support import image_folders
from ansible_collections.noncustodial.lightning.tests.support.aws import StandIn
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

NAME = "signer_snapshot"
PUT = "ebs:PutSnapshotBlock"


def stored(aws: StandIn, snapshot_id: str, size: int) -> bytes:
    """Return the disk that a snapshot holds."""
    ebs = aws.client("ebs")
    disk = bytearray(size)
    for block in ebs.list_snapshot_blocks(SnapshotId=snapshot_id)["Blocks"]:
        index = block["BlockIndex"]
        answer = ebs.get_snapshot_block(SnapshotId=snapshot_id, BlockIndex=index, BlockToken=block["BlockToken"])
        disk[index * image_folders.BLOCK_BYTES : (index + 1) * image_folders.BLOCK_BYTES] = answer["BlockData"].read()
    return bytes(disk)


def snapshots(aws: StandIn) -> list[str]:
    return [one["SnapshotId"] for one in aws.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return image_folders.make(tmp_path / "image")


@pytest.fixture
def options(aws: StandIn, image: Path) -> dict[str, t.Any]:
    return {**aws.options, "path": str(image)}


def test_the_disk_arrives_as_it_is(aws: StandIn, succeeds: t.Any, options: dict[str, t.Any], image: Path) -> None:
    result = succeeds(NAME, **options, tags={"Owner": "ops"})
    assert result["changed"] is True
    assert result["actions"] == ["start", "upload", "complete"]
    assert (result["complete"], result["percent"], result["volume_size"]) == (True, 100, 1)
    # Only those of the 40 blocks with content; the holes between them are not sent.
    assert aws.actions.count(PUT) == 12
    disk = (image / "signer.raw").read_bytes()
    assert stored(aws, result["snapshot_id"], len(disk)) == disk
    told = {tag["Key"]: tag["Value"] for tag in aws.of("ebs:StartSnapshot")[0]["Tags"]}
    assert told == {
        "Name": "noncustodial-signer",
        "Owner": "ops",
        "noncustodial:image": "noncustodial-signer",
        "noncustodial:sha256": result["sha256"],
        "noncustodial:version": "1.0.0",
    }
    assert aws.of("ebs:CompleteSnapshot")[0]["HTTP_X_AMZ_CHANGEDBLOCKSCOUNT"] == "12"
    assert not list(image.glob("*.sent"))


def test_again_is_unchanged(aws: StandIn, succeeds: t.Any, options: dict[str, t.Any]) -> None:
    first = succeeds(NAME, **options)
    aws.sent.clear()
    again = succeeds(NAME, **options)
    assert again["changed"] is False
    assert again["snapshot_id"] == first["snapshot_id"]
    assert aws.actions == ["ec2:DescribeSnapshots"]


def test_check_mode_sends_nothing(aws: StandIn, succeeds: t.Any, options: dict[str, t.Any]) -> None:
    result = succeeds(NAME, check=True, **options)
    assert result["changed"] is True
    assert result["actions"] == ["start", "upload", "complete"]
    assert {action.partition(":")[2][:8] for action in aws.actions} <= {"Describe", "GetEbsEn"}
    assert snapshots(aws) == []


def test_another_disk_is_another_snapshot(
    aws: StandIn, succeeds: t.Any, options: dict[str, t.Any], image: Path
) -> None:
    first = succeeds(NAME, **options)
    image_folders.make(image, content=b"y", version="1.0.1")
    assert succeeds(NAME, **options)["snapshot_id"] != first["snapshot_id"]


def test_a_cut_upload_goes_on(
    aws: StandIn, fails: t.Any, succeeds: t.Any, options: dict[str, t.Any], image: Path
) -> None:
    """The line breaks after five blocks: they are not sent again, and the snapshot is the same one."""
    aws.fails(PUT, "ServiceUnavailable", status=503, after=5)
    assert "Run again" in fails(NAME, **options, attempts=1, parallel=1)
    (begun,) = snapshots(aws)
    aws.recovers()
    aws.sent.clear()
    result = succeeds(NAME, **options)
    assert result["snapshot_id"] == begun
    assert result["actions"] == ["upload", "complete"]
    assert aws.actions.count(PUT) == 7
    disk = (image / "signer.raw").read_bytes()
    assert stored(aws, begun, len(disk)) == disk


RUN = """
import json, sys
from ansible_collections.noncustodial.lightning.tests.support.module_runs import run
run("signer_snapshot", **json.loads(sys.argv[1]))
"""


def test_a_killed_upload_goes_on(aws: StandIn, succeeds: t.Any, options: dict[str, t.Any], image: Path) -> None:
    """It could not tidy up; what AWS had acknowledged by then is known all the same."""
    stalled = aws.stalls(PUT, after=5)
    with subprocess.Popen([sys.executable, "-c", RUN, json.dumps({**options, "parallel": 1})], cwd=ROOT) as killed:
        assert stalled.wait(30)
        killed.kill()
    (begun,) = snapshots(aws)
    # The one that waited gets there, as it may: it is sent again.
    aws.recovers()
    aws.sent.clear()
    result = succeeds(NAME, **options)
    assert result["snapshot_id"] == begun
    assert aws.actions.count(PUT) == 7
    disk = (image / "signer.raw").read_bytes()
    assert stored(aws, begun, len(disk)) == disk


def test_a_limit_of_time_shows_progress(aws: StandIn, succeeds: t.Any, options: dict[str, t.Any]) -> None:
    percents = []
    for _pass in range(4):
        result = succeeds(NAME, **options, time_limit=0.001, parallel=4)
        assert result["changed"] is True
        percents.append(result["percent"])
        if result["complete"]:
            break
    assert percents == [33, 66, 100]
    assert len(snapshots(aws)) == 1


def test_an_answer_that_is_lost_once_is_asked_for_again(
    aws: StandIn, succeeds: t.Any, options: dict[str, t.Any]
) -> None:
    aws.fails(PUT, "InternalServerException", status=500, after=3, times=1)
    aws.fails("ebs:CompleteSnapshot", "RequestThrottledException", times=1)
    assert succeeds(NAME, **options)["complete"] is True


def test_another_machine_begins_in_a_new_snapshot_and_leaves_one(
    aws: StandIn, fails: t.Any, succeeds: t.Any, options: dict[str, t.Any], image: Path
) -> None:
    """Without the note of what was sent. Moto calls a snapshot completed from its start, to which AWS would take no
    more.
    """
    aws.fails(PUT, "ServiceUnavailable", status=503, after=5)
    fails(NAME, **options, attempts=1, parallel=1)
    (begun,) = snapshots(aws)
    next(image.glob("*.sent")).unlink()
    aws.recovers()
    result = succeeds(NAME, **options)
    assert result["actions"] == ["remove", "start", "upload", "complete"]
    assert snapshots(aws) == [result["snapshot_id"]]
    assert begun != result["snapshot_id"]


@pytest.mark.parametrize(
    ("action", "code", "told"),
    [
        ("ebs:PutSnapshotBlock", "AccessDeniedException", "Allow ebs:PutSnapshotBlock to the user or role"),
        ("ebs:CompleteSnapshot", "ValidationException", "ValidationException"),
        ("ec2:CreateTags", "UnauthorizedOperation", "Allow ec2:CreateTags to the user or role"),
        ("ebs:StartSnapshot", "ServiceQuotaExceededException", "have the quota raised"),
        ("ebs:StartSnapshot", "ConcurrentLimitExceededException", "have the quota raised"),
        ("ec2:DescribeSnapshots", "UnauthorizedOperation", "Allow ec2:DescribeSnapshots"),
        ("ec2:DescribeSnapshots", "AuthFailure", "Log in again"),
    ],
)
def test_what_would_fail_again_leaves_nothing(
    aws: StandIn, fails: t.Any, options: dict[str, t.Any], image: Path, action: str, code: str, told: str
) -> None:
    aws.fails(action, code)
    message = fails(NAME, **options, attempts=1)
    assert f"AWS in eu-central-1 answered {code} to {action}" in message
    assert told in message
    aws.recovers()
    assert snapshots(aws) == []
    assert not list(image.glob("*.sent"))


def test_what_could_not_be_removed_is_named(aws: StandIn, fails: t.Any, options: dict[str, t.Any]) -> None:
    aws.fails(PUT, "AccessDeniedException")
    aws.fails("ec2:DeleteSnapshot", "UnauthorizedOperation")
    message = fails(NAME, **options)
    (left,) = snapshots(aws)
    assert f"The snapshot {left} that was begun is still there, and must be removed by hand" in message


def test_progress_that_cannot_be_noted(aws: StandIn, fails: t.Any, options: dict[str, t.Any], image: Path) -> None:
    (image / "signer.raw.eu-central-1.sent").mkdir()
    message = fails(NAME, **options)
    assert "signer.raw.eu-central-1.sent: Is a directory. Check the directory of the image" in message
    assert "The snapshot that was begun was removed again" in message
    assert snapshots(aws) == []


def test_no_credentials(aws: StandIn, fails: t.Any, options: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "Log in again, or name another profile" in fails(NAME, **options)


def test_no_such_profile(fails: t.Any, options: dict[str, t.Any]) -> None:
    assert "There is no profile nobody" in fails(NAME, **options, profile="nobody")


def test_nobody_answers(fails: t.Any, options: dict[str, t.Any]) -> None:
    message = fails(NAME, **{**options, "endpoint_url": "http://127.0.0.1:9"}, attempts=1)
    assert "EndpointConnectionError to ec2:DescribeSnapshots" in message


def test_encryption_by_default(aws: StandIn, fails: t.Any, options: dict[str, t.Any]) -> None:
    """Seen before anything is sent: what is encrypted with AWS's own key can be shared with nobody."""
    aws.client("ec2").enable_ebs_encryption_by_default()
    assert "Switch encryption by default off for this region" in fails(NAME, **options)
    assert snapshots(aws) == []


def broken(image: Path, what: str) -> None:
    """Make a bad image of a good one."""
    disk, manifest = image / "signer.raw", image / "manifest.json"
    if what == "none":
        disk.unlink()
    elif what == "cut":
        disk.write_bytes(disk.read_bytes()[:-512])
    elif what == "altered":
        disk.write_bytes(b"".join([disk.read_bytes()[:-1], b"!"]))
    elif what == "qcow2":
        disk.write_bytes(b"QFI\xfb" + disk.read_bytes()[4:])
    elif what == "text":
        disk.write_text("no disk\n")
    elif what == "no manifest":
        manifest.unlink()
    elif what == "no JSON":
        manifest.write_text(manifest.read_text()[:-1])
    elif what == "no raw":
        manifest.write_text(json.dumps({"version": "1", "lnd_version": "2", "files": {}}))
    else:
        manifest.write_text(manifest.read_text().replace('"sha256": "', '"sha256": "x'))


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("none", "Cannot read the disk"),
        ("cut", "It was cut, or not wholly copied"),
        ("altered", "and its manifest says"),
        ("qcow2", "is no raw disk but a qcow2 image. Convert it"),
        ("text", "it has no GUID partition table"),
        ("no manifest", "There is no file"),
        ("no JSON", "is not JSON"),
        ("no raw", "is no manifest of an image with a raw disk"),
        ("no sum", "gives no SHA-256"),
    ],
)
def test_what_is_no_image_is_not_sent(
    aws: StandIn, fails: t.Any, options: dict[str, t.Any], image: Path, what: str, told: str, check: bool
) -> None:
    broken(image, what)
    assert told in fails(NAME, check=check, **options)
    assert not [action for action in aws.actions if action.startswith("ebs:")]


def unsigned(image: Path, what: str, folder: Path) -> None:
    """Remove from a signed image the files that make it its publisher's."""
    sums, signature = image / "SHA256SUMS", image / "SHA256SUMS.sig"
    if what == "no list":
        sums.unlink()
    elif what == "no signature":
        signature.unlink()
    elif what == "no signature at all":
        signature.write_text("none\n")
    elif what == "a list that was altered":
        sums.write_text(sums.read_text().replace("  signer.raw", "  signer.rav"))
    elif what == "somebody else":
        image_folders.make_key(folder / "stranger")
        image_folders.sign(image, folder / "stranger")
    elif what == "another use of the key":
        image_folders.sign(image, folder / "publisher", "bundle@noncustodial.lightning")
    elif what == "another disk":
        image_folders.make(image, content=b"evil")
    else:
        # The disk of a signed image with the list of an older, signed one.
        image_folders.make(image, content=b"older")
        image_folders.sign(image, folder / "publisher")
        image_folders.make(image)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("no list", "There is no file"),
        (
            "no signature",
            (
                "SHA256SUMS.sig (the publisher's signature of that list). Fetch it with the image, or have the image"
                " signed"
            ),
        ),
        ("no signature at all", "is not the pinned key's signature"),
        ("a list that was altered", "is not the pinned key's signature"),
        ("somebody else", "it was altered, or another key signed it. Do not use this image"),
        ("another use of the key", "is not the pinned key's signature"),
        ("another disk", "manifest.json is not the file that SHA256SUMS names. It was altered"),
        ("the list of another image", "manifest.json is not the file that SHA256SUMS names. It was altered"),
    ],
)
def test_what_its_publisher_has_not_signed_is_not_sent(
    aws: StandIn, fails: t.Any, options: dict[str, t.Any], image: Path, tmp_path: Path, what: str, told: str
) -> None:
    key = image_folders.make_key(tmp_path / "publisher")
    image_folders.sign(image, tmp_path / "publisher")
    unsigned(image, what, tmp_path)
    assert told in fails(NAME, **options, publisher=key)
    assert aws.actions == []


def test_what_its_publisher_has_signed_is_sent(
    succeeds: t.Any, fails: t.Any, options: dict[str, t.Any], image: Path, tmp_path: Path
) -> None:
    key = image_folders.make_key(tmp_path / "publisher")
    image_folders.sign(image, tmp_path / "publisher")
    # An empty key is a mistake, and does not switch it off.
    for wrong in ("ssh-rsa AAAA", ""):
        assert "not one line with an ssh-ed25519 public key" in fails(NAME, **options, publisher=wrong)
    assert succeeds(NAME, **options, publisher=key)["complete"]
