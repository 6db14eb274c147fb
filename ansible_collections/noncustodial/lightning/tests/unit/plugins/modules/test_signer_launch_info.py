# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a launch kit, image, subnet and kind of machine must go together; the error names the one that does not."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.aws import StandIn

NAME = "signer_launch_info"
IMAGE = "Lightning signer 1.0.0, lnd 0.21.3-beta"


@pytest.fixture
def options(aws: StandIn, tmp_path: Path) -> dict[str, t.Any]:
    kit = tmp_path / "kit.json"
    made = bundles.kit(provider_addresses=["203.0.113.9/24", "192.0.2.14"])
    kit.write_text(json.dumps(made))
    return {
        **aws.options,
        "kit": str(kit),
        "kit_fingerprint": fingerprint(made),
        "network": "regtest",
        "image_id": aws.image(IMAGE),
        "subnet_id": aws.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"],
        "instance_type": "t3.micro",
        "admin_addresses": ["198.51.100.7"],
    }


def test_all_goes_together(aws: StandIn, succeeds: t.Any, options: dict[str, t.Any]) -> None:
    aws.sent.clear()
    result = succeeds(NAME, check=True, **options)
    assert result["changed"] is False
    assert (result["tenant"], result["network"]) == ("acme", "regtest")
    assert result["provider_addresses"] == ["192.0.2.14/32", "203.0.113.0/24"]
    assert result["admin_addresses"] == ["198.51.100.7/32"]
    assert result["availability_zone"].startswith("eu-central-1")
    assert (result["image_name"], result["root_device"]) == ("noncustodial-signer-1.0.0", "/dev/xvda")
    assert result["updates_itself"] is False
    assert all(action.startswith("ec2:Describe") for action in aws.actions)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subnet_id": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound to ec2:DescribeSubnets"),
        ({"image_id": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound to ec2:DescribeImages"),
        ({"instance_type": "t9.micro"}, "no t9.micro is to be had in eu-central-1"),
        (
            {"instance_type": "t3.nano"},
            "t3.nano has 512 MiB of memory, and opening a wallet needs 900. Choose a larger",
        ),
        ({"instance_type": "t4g.small"}, "t4g.small is arm64, and the image is x86_64"),
        ({"admin_addresses": []}, "nobody could log in"),
        ({"admin_addresses": ["0.0.0.0/0"]}, "0.0.0.0/0 is wider than /16, and would open ssh to strangers"),
        ({"admin_addresses": ["home"]}, "home is neither an address nor a network"),
        (
            {"network": "mainnet"},
            "is on mainnet. Nothing was changed. Ask the provider for a kit for mainnet, or correct network",
        ),
        ({"volume_gib": 1}, "A disk of 1 GiB is too small for ami-"),
        ({"kit": "/nowhere/kit.json"}, "There is no file /nowhere/kit.json (the kit)"),
    ],
)
def test_wrong_options(
    aws: StandIn, fails: t.Any, options: dict[str, t.Any], changes: dict[str, t.Any], told: str
) -> None:
    assert told in fails(NAME, **{**options, **changes})


def test_a_zone_without_that_kind_of_machine(
    aws: StandIn, fails: t.Any, options: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others of the region have it, and are named."""
    zone = aws.client("ec2").describe_subnets(SubnetIds=[options["subnet_id"]])["Subnets"][0]["AvailabilityZone"]
    aws.without("t3.micro", zone, monkeypatch)
    message = fails(NAME, **options)
    assert f"no t3.micro is to be had in {zone}. Choose a subnet in eu-central-1" in message


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ({"description": "Debian 13"}, "is no image of a signer: its description names no lnd"),
        (
            {"description": "Lightning signer 0.9, lnd 0.20.0-beta"},
            "Ask the provider for the id of its present image in this region: ami-",
        ),
        ({"description": f"{IMAGE} and more"}, "is no image of a signer"),
        ({"description": IMAGE, "state": "pending"}, "is pending. Wait until it is available"),
    ],
)
def test_wrong_images(aws: StandIn, fails: t.Any, options: dict[str, t.Any], image: dict[str, str], told: str) -> None:
    assert told in fails(NAME, **{**options, "image_id": aws.image(**image)})


def test_a_kit_with_something_more_in_it(aws: StandIn, fails: t.Any, options: dict[str, t.Any]) -> None:
    """The kit becomes user data, which anybody can read who may describe the machine: nothing goes there that is not
    known to be harmless.
    """
    Path(options["kit"]).write_text(json.dumps({**bundles.kit(), "password": "hunter2"}))
    message = fails(NAME, **options)
    assert "password is not known" in message
    assert "hunter2" not in message


def test_not_allowed(aws: StandIn, fails: t.Any, options: dict[str, t.Any]) -> None:
    aws.fails("ec2:DescribeInstanceTypeOfferings", "UnauthorizedOperation", "You are not authorized")
    assert "Allow ec2:DescribeInstanceTypeOfferings to the user or role" in fails(NAME, **options)


def test_one_that_updates_itself_is_known(aws: StandIn, succeeds: t.Any, options: dict[str, t.Any]) -> None:
    assert succeeds(NAME, **{**options, "image_id": aws.image(f"{IMAGE}, updates itself")})["updates_itself"] is True


@pytest.mark.parametrize("kind", ["t2.micro"])
def test_a_kind_of_machine_without_a_tpm(fails: t.Any, options: dict[str, t.Any], kind: str) -> None:
    assert f"{kind} has no TPM" in fails(NAME, **{**options, "instance_type": kind})
