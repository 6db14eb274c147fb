# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements of a signer's launch, checked before anything is made that costs money."""

from __future__ import annotations

import typing as t

from .._bundle import agreement, kit
from .._core import addresses
from .._core.errors import InvalidInput, Refused
from . import description
from .errors import Gone, NotPossible

if t.TYPE_CHECKING:
    from .client import Client

# MiB of memory that lnd and the system need when lnd opens its wallet.
_LND_MEMORY_MIB = 900
_CURES = agreement.Cures(
    tenant="correct tenant (signer_ec2_tenant)",
    widest="set kit_widest (signer_ec2_kit_widest) to the prefix length of the widest",
    fingerprint="set kit_fingerprint (signer_ec2_kit_fingerprint) to it",
)


def read_launch(client: Client, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Read kit, subnet, image and kind of machine, and check that they fit each other.

    Raises:
        InvalidInput: the kit is not valid, or an address is wrong.
        Refused: they do not fit each other.
        AwsError: NotPossible if that kind of machine is not available there, or another kind.
    """
    found = kit.read(options["kit"])
    kit.check_network(
        found, options["network"], f"Ask the provider for a kit for {options['network']}, or correct network"
    )
    kit.check_no_tunnel(found, "the image of the signer", f"Use a machine with Debian, or {kit.NO_TUNNEL_CURE}")
    agreement.check_widest(options["kit_widest"])
    agreement.check(
        found, agreement.Agreement(options["tenant"], options["kit_fingerprint"]), [], options["kit_widest"], _CURES
    )
    admins = networks(options["admin_addresses"])
    subnet = _one(client, "DescribeSubnets", "Subnets", SubnetIds=[options["subnet_id"]])
    if subnet["MapPublicIpOnLaunch"] and not options["public"]:
        raise Refused(
            f"The subnet {options['subnet_id']} assigns a public address to each machine, and this one must have none",
            "Choose a private subnet, or turn that off for this one (MapPublicIpOnLaunch)",
        )
    image = _image(client, options["image_id"])
    told = _told(image)
    outdated = f"{image['ImageId']} ({image['Name']})"
    cure = f"Ask the provider for the id of its present image in this region: {outdated} is an older one"
    kit.check_lnd_version(found, told.lnd_version, cure)
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


def networks(entries: t.Iterable[str]) -> list[str]:
    """Return addresses in the form that AWS expects: networks with a mask.

    Raises:
        InvalidInput: one is not an address or network of IPv4, one is too wide, or there is none.
    """
    found = []
    for address in entries:
        network = addresses.network(address)
        if network is None:
            raise InvalidInput(f"{address} is neither an address nor a network", "Correct admin_addresses")
        if network.version == 6:
            raise InvalidInput(
                f"{address} is IPv6, and the machine that is launched has only IPv4",
                "Name addresses of IPv4; for a provider's ask for another kit, or set up the image by another way than"
                " this one",
            )
        if network.prefixlen < kit.WIDEST_PREFIX_LENGTH:
            raise InvalidInput(
                f"{address} is wider than /{kit.WIDEST_PREFIX_LENGTH}, and would open ssh to strangers",
                "Name the addresses from which you log in",
            )
        found.append(str(network))
    if not found:
        raise InvalidInput(
            "admin_addresses is empty, and nobody could log in", "Name the addresses from which you log in"
        )
    return sorted(set(found))


def _one(client: Client, operation: str, key: str, **arguments: t.Any) -> dict[str, t.Any]:
    found = client.pages("ec2", operation, key, **arguments)
    if not found:
        what = ", ".join(next(iter(arguments.values())))
        raise Gone(client.region, f"ec2:{operation}", "nothing", f"there is no {what}")
    return found[0]


def _image(client: Client, image_id: str) -> dict[str, t.Any]:
    """Return the image, or refuse one that cannot be launched yet."""
    image = _one(client, "DescribeImages", "Images", ImageIds=[image_id])
    if image["State"] != "available":
        raise Refused(
            f"The image {image_id} is {image['State']}", "Wait until it is available, or ask the provider for another"
        )
    return image


def _told(image: t.Mapping[str, t.Any]) -> description.Told:
    told = description.read(image.get("Description", ""))
    if told is None:
        raise Refused(
            f"{image['ImageId']} ({image['Name']}) is no image of a signer: its description names no lnd",
            "Ask the provider for the id of its image in this region",
        )
    return told


def _check_disk(image: t.Mapping[str, t.Any], volume_gib: int) -> None:
    volumes = {one["DeviceName"]: one["Ebs"]["VolumeSize"] for one in image["BlockDeviceMappings"] if "Ebs" in one}
    least = volumes.get(image["RootDeviceName"], 0)
    if volume_gib < least:
        raise Refused(
            f"A disk of {volume_gib} GiB is too small for {image['ImageId']}, which fills {least} GiB",
            "Choose a larger volume_gib",
        )


def _machine(client: Client, instance_type: str, zone: str) -> dict[str, t.Any]:
    filters = [{"Name": "instance-type", "Values": [instance_type]}]
    offered = client.pages(
        "ec2",
        "DescribeInstanceTypeOfferings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=filters,
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
        image: the image as AWS describes it.
        machine: the kind, as AWS describes it.
        name: the name of the kind.

    Raises:
        Refused: the text states what the kind lacks.
    """
    memory = machine["MemoryInfo"]["SizeInMiB"]
    if memory < _LND_MEMORY_MIB:
        raise Refused(
            f"{name} has {memory} MiB of memory, and opening a wallet needs {_LND_MEMORY_MIB}",
            "Choose a larger instance_type",
        )
    architectures = machine["ProcessorInfo"]["SupportedArchitectures"]
    if image["Architecture"] not in architectures:
        raise Refused(
            f"{name} is {', '.join(architectures)}, and the image is {image['Architecture']}",
            "Choose another instance_type",
        )
    if machine.get("NitroTpmSupport", "supported") != "supported":
        raise Refused(
            f"{name} has no TPM, by which the wallet's password is bound to the machine",
            "Choose a newer kind of instance_type",
        )
