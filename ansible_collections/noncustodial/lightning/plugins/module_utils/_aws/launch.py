# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a launch of a signer needs, looked at before anything is made that costs money."""

from __future__ import annotations

import ipaddress
import typing as t

from .._lnd import agreement, kit, versions
from .._lnd.errors import InvalidInput, Refused
from . import description
from .errors import Gone, NotPossible

if t.TYPE_CHECKING:
    from .client import Client

# MiB of memory that lnd needs beside the system when it opens its wallet.
_MEMORY = 900
# The widest network, as in a kit.
_WIDEST = 16
_CURES = agreement.Cures(
    tenant="Ask the provider for your own kit, or correct tenant (signer_ec2_tenant)",
    widest="Ask the provider for the addresses that dial. If so many are meant, set kit_widest (signer_ec2_kit_widest)",
    fingerprint=(
        "Compare it with the one that the provider has, by the way by which your signing key goes, such as a call, and not by the one by which the kit came. "
        "If they are the same, set kit_fingerprint (signer_ec2_kit_fingerprint). Otherwise the kit was altered on its way"
    ),
)


def read_launch(client: Client, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Kit, subnet, image and kind of machine, if they go together.

    Raises:
        InvalidInput: the kit is none, or an address is wrong.
        Refused: they do not go together.
        AwsError: among others NotPossible, if that kind of machine is not to be had there.
    """
    found = kit.read(options["kit"])
    if found["network"] != options["network"]:
        raise Refused(
            f"The kit {options['kit']} is for {found['network']}, and network says {options['network']}",
            "Ask the provider for a kit of the right network, or correct network",
        )
    agreement.check_widest(options["kit_widest"])
    agreement.check(found, agreement.Agreement(options["tenant"], options["kit_fingerprint"]), [], options["kit_widest"], _CURES)
    admins = networks(options["admin_addresses"])
    subnet = _one(client, "DescribeSubnets", "Subnets", SubnetIds=[options["subnet_id"]])
    if subnet["MapPublicIpOnLaunch"] and not options["public"]:
        raise Refused(
            f"The subnet {options['subnet_id']} gives each machine a public address, and this one is to have none",
            "Choose a private subnet, or switch that off for this one (MapPublicIpOnLaunch)",
        )
    image = _image(client, options["image_id"])
    told = _told(image)
    _check_version(image, told, found)
    _check_disk(image, options["volume_gib"])
    machine = _machine(client, options["instance_type"], subnet["AvailabilityZone"])
    check_machine(image, machine, options["instance_type"])
    return {
        "tenant": found["tenant"],
        "kit_fingerprint": kit.fingerprint(found),
        "network": found["network"],
        "provider_addresses": networks(found["provider_addresses"]),
        "admin_addresses": admins,
        "vpc_id": subnet["VpcId"],
        "availability_zone": subnet["AvailabilityZone"],
        "image_name": image["Name"],
        "root_device": image["RootDeviceName"],
        "updates_itself": told.updates_itself,
    }


def networks(addresses: t.Iterable[str]) -> list[str]:
    """Addresses as AWS wants them, networks with a mask.

    Raises:
        InvalidInput: one is none, there is none at all, or one is everybody.
    """
    found = []
    for address in addresses:
        try:
            network = ipaddress.IPv4Network(address, strict=False)
        except ValueError as error:
            raise InvalidInput(f"{address} is neither an IPv4 address nor an IPv4 network", "Correct admin_addresses") from error
        if network.prefixlen < _WIDEST:
            raise InvalidInput(
                f"{address} is wider than /{_WIDEST}, and would open ssh to strangers", "Name the addresses from which you log in"
            )
        found.append(str(network))
    if not found:
        raise InvalidInput("admin_addresses is empty, and nobody could log in", "Name the addresses from which you log in")
    return sorted(set(found))


def _one(client: Client, operation: str, key: str, **arguments: t.Any) -> dict[str, t.Any]:
    found = client.pages("ec2", operation, key, **arguments)
    if not found:
        what = ", ".join(next(iter(arguments.values())))
        raise Gone(client.region, f"ec2:{operation}", "nothing", f"there is no {what}")
    return found[0]


def _image(client: Client, image_id: str) -> dict[str, t.Any]:
    """The image, once it can be launched."""
    image = _one(client, "DescribeImages", "Images", ImageIds=[image_id])
    if image["State"] != "available":
        raise Refused(f"The image {image_id} is {image['State']}", "Wait until it is available, or ask the provider for another")
    return image


def _told(image: t.Mapping[str, t.Any]) -> description.Told:
    told = description.read(image.get("Description", ""))
    if told is None:
        raise Refused(
            f"{image['ImageId']} ({image['Name']}) is no image of a signer: its description names no lnd",
            "Ask the provider for the id of its image in this region",
        )
    return told


def _check_version(image: t.Mapping[str, t.Any], told: description.Told, found: t.Mapping[str, t.Any]) -> None:
    """A signer is never older than its node."""
    if versions.parse(told.lnd_version) < versions.parse(found["lnd_version"]):
        raise Refused(
            f"{image['ImageId']} ({image['Name']}) has lnd {told.lnd_version}, and the kit wants {found['lnd_version']} or newer",
            "Ask the provider for the id of its present image in this region",
        )


def _check_disk(image: t.Mapping[str, t.Any], volume_gib: int) -> None:
    volumes = {one["DeviceName"]: one["Ebs"]["VolumeSize"] for one in image["BlockDeviceMappings"] if "Ebs" in one}
    least = volumes.get(image["RootDeviceName"], 0)
    if volume_gib < least:
        raise Refused(
            f"A disk of {volume_gib} GiB is too small for {image['ImageId']}, which fills {least} GiB", "Choose a larger volume_gib"
        )


def _machine(client: Client, instance_type: str, zone: str) -> dict[str, t.Any]:
    filters = [{"Name": "instance-type", "Values": [instance_type]}]
    offered = client.pages(
        "ec2", "DescribeInstanceTypeOfferings", "InstanceTypeOfferings", LocationType="availability-zone", Filters=filters
    )
    zones = sorted(one["Location"] for one in offered)
    if zone not in zones:
        cure = (
            f"Choose a subnet in {', '.join(zones)}, or another instance_type"
            if zones
            else "Choose another instance_type, or another region"
        )
        detail = f"no {instance_type} is to be had in {zone}"
        raise NotPossible(client.region, "ec2:DescribeInstanceTypeOfferings", "nothing", detail, cure)
    return _one(client, "DescribeInstanceTypes", "InstanceTypes", InstanceTypes=[instance_type])


def check_machine(image: t.Mapping[str, t.Any], machine: t.Mapping[str, t.Any], name: str) -> None:
    """Refuse a kind of machine that does not fit the image.

    Args:
        image: as AWS describes it.
        machine: the kind, as AWS describes it.
        name: of the kind.

    Raises:
        Refused: it says what the kind lacks.
    """
    memory = machine["MemoryInfo"]["SizeInMiB"]
    if memory < _MEMORY:
        raise Refused(f"{name} has {memory} MiB of memory, and opening a wallet needs {_MEMORY}", "Choose a larger instance_type")
    architectures = machine["ProcessorInfo"]["SupportedArchitectures"]
    if image["Architecture"] not in architectures:
        raise Refused(f"{name} is {', '.join(architectures)}, and the image is {image['Architecture']}", "Choose another instance_type")
    if machine.get("NitroTpmSupport", "supported") != "supported":
        raise Refused(f"{name} has no TPM, by which the wallet's password is bound to the machine", "Choose a newer kind of instance_type")
