# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that tenants launch: registered from a snapshot and shared with their accounts; old images are removed."""

from __future__ import annotations

import contextlib
import re
import typing as t
from dataclasses import dataclass

from .._core import wait
from .._core.errors import InvalidInput, Refused
from .._core.plan import Action, Plan
from . import description, disk, tags
from .errors import AwsError, Gone

if t.TYPE_CHECKING:
    from .client import Client

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[A-Za-z0-9()\[\]./'@_ -]{3,128}")
_ROOT_DEVICE = "/dev/xvda"
# Seconds in which a registered image must become available.
_AVAILABLE_WAIT_SECONDS, _AVAILABLE_INTERVAL_SECONDS = 600.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAmi:
    """An image and the accounts that may launch it.

    Attributes:
        name: the name of the image, once in a region and account.
        family: the name that images of one line share.
        image: the disk's manifest.
        snapshot_id: the id of the snapshot of that disk; empty in check mode, as long as there is no snapshot.
        architecture: AWS's name for it.
        accounts: the accounts of the tenants.
        tags: more tags.
        keep: the number of images of the family that are kept, including this one.
    """

    name: str
    family: str
    image: disk.Image
    snapshot_id: str
    architecture: str
    accounts: frozenset[str]
    tags: t.Mapping[str, str]
    keep: int

    @property
    def all_tags(self) -> dict[str, str]:
        """All tags of the image."""
        return {
            **self.tags,
            "Name": self.name,
            tags.FAMILY: self.family,
            tags.SHA256: self.image.sha256,
            tags.VERSION: self.image.version,
            tags.LND_VERSION: self.image.lnd_version,
            tags.SNAPSHOT: self.snapshot_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An image that is registered at AWS.

    Attributes:
        image_id: AWS's.
        name: its name.
        created: when, as AWS writes it, which sorts.
        state: AWS's name for it: pending, available or failed.
        root_snapshot: the snapshot of its root volume, as AWS reports it.
        tags: all of them.
    """

    image_id: str
    name: str
    created: str
    state: str
    root_snapshot: str
    tags: t.Mapping[str, str]


@dataclass(frozen=True)
class AmiState:
    """The registered images and the accounts that they are shared with.

    Attributes:
        images: those of the family, and any other image with the wanted name.
        accounts: those that may launch the image with the wanted name.
        readers: accounts that may read its snapshot.
    """

    images: tuple[Registered, ...] = ()
    accounts: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()

    def named(self, name: str) -> Registered | None:
        """Return the image with that name."""
        return next((image for image in self.images if image.name == name), None)


def parse_options(options: t.Mapping[str, t.Any]) -> WantedAmi:
    """Parse a module's options into the wanted image.

    Raises:
        InvalidInput: the directory holds no image, or none that its publisher signed, or an option is wrong.
    """
    image = disk.read_image(options["path"], options["publisher"])
    name = options["name"] or f"{options['family']}-{image.version}"
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"AWS takes no image of the name {name!r}", "Use 3 to 128 letters, digits, spaces and ()[]./-'@_"
        )
    if not options["accounts"]:
        raise InvalidInput(
            "accounts is empty, so the image would be shared with nobody", "Name the AWS account of at least one tenant"
        )
    wrong = [account for account in options["accounts"] if not _ACCOUNT.fullmatch(account)]
    if wrong:
        raise InvalidInput(
            f"accounts has {', '.join(wrong)}, and an AWS account is twelve digits",
            "Write it in quotes, or its first zeros are lost",
        )
    if options["keep"] < 1:
        raise InvalidInput(
            f"keep is {options['keep']}, and the image itself is one of those that stay", "Give at least 1"
        )
    return WantedAmi(
        name=name,
        family=options["family"],
        image=image,
        snapshot_id=options["snapshot_id"] or "",
        architecture=options["architecture"],
        accounts=frozenset(options["accounts"]),
        tags=options["tags"] or {},
        keep=options["keep"],
    )


def read_images(client: Client, wanted: WantedAmi) -> AmiState:
    """Read the registered images and the accounts that they are shared with.

    Raises:
        AwsError: Gone if there is no such snapshot, or another kind.
    """
    readers = _readers(client, wanted.snapshot_id) if wanted.snapshot_id else frozenset()
    found: dict[str, Registered] = {}
    for key, value in ((f"tag:{tags.FAMILY}", wanted.family), ("name", wanted.name)):
        for one in client.pages(
            "ec2", "DescribeImages", "Images", Owners=["self"], Filters=[{"Name": key, "Values": [value]}]
        ):
            found[one["ImageId"]] = _registered(one)
    state = AmiState(tuple(found.values()), readers=readers)
    mine = state.named(wanted.name)
    if mine is None:
        return state
    permissions = client.call("ec2", "DescribeImageAttribute", ImageId=mine.image_id, Attribute="launchPermission")[
        "LaunchPermissions"
    ]
    return AmiState(state.images, frozenset(one["UserId"] for one in permissions if "UserId" in one), readers)


def _readers(client: Client, snapshot_id: str) -> frozenset[str]:
    snapshot = client.call(
        "ec2", "DescribeSnapshotAttribute", SnapshotId=snapshot_id, Attribute="createVolumePermission"
    )
    return frozenset(one["UserId"] for one in snapshot["CreateVolumePermissions"] if "UserId" in one)


def _registered(image: t.Mapping[str, t.Any]) -> Registered:
    volumes = [mapping["Ebs"] for mapping in image.get("BlockDeviceMappings", ()) if "Ebs" in mapping]
    root = volumes[0].get("SnapshotId", "") if volumes else ""
    return Registered(
        image_id=image["ImageId"],
        name=image["Name"],
        created=image.get("CreationDate", ""),
        state=image.get("State", ""),
        root_snapshot=root,
        tags=tags.read(image),
    )


def plan_images(wanted: WantedAmi, state: AmiState) -> Plan:
    """Plan to register, tag and share the image, and to remove old ones.

    Raises:
        Refused: there is an image with that name and different content.
    """
    mine = state.named(wanted.name)
    if mine is not None and not _same(wanted, mine):
        raise Refused(
            f"There is an image {wanted.name} already, {mine.image_id}, and its content is another "
            f"(SHA-256 {mine.tags.get(tags.SHA256, 'not told')}, wanted {wanted.image.sha256})",
            "Raise the version of the image, or give it another name. What tenants have launched by a name must not"
            " change under it",
        )
    actions = []
    if mine is None:
        actions.append(Action("register"))
    elif not wanted.all_tags.items() <= mine.tags.items():
        actions.append(Action("tag", {"image_id": mine.image_id}))
    for name, there in (("share", state.accounts), ("share_snapshot", state.readers)):
        add, remove = sorted(wanted.accounts - there), sorted(there - wanted.accounts)
        if add or remove:
            actions.append(Action(name, {"add": add, "remove": remove}))
    old = _old(wanted, state)
    # Images of the same disk have one snapshot.
    needed = {wanted.snapshot_id} | {one.tags.get(tags.SNAPSHOT) for one in state.images if one not in old}
    for one in old:
        snapshot_id = one.tags.get(tags.SNAPSHOT)
        actions.append(
            Action(
                "deregister", {"image_id": one.image_id, "snapshot_id": None if snapshot_id in needed else snapshot_id}
            )
        )
    if not actions:
        return Plan()
    stay = sorted({one.name for one in state.images if one not in old} | {wanted.name})
    return Plan(
        tuple(actions),
        {"images": sorted(one.name for one in state.images), "accounts": sorted(state.accounts)},
        {"images": stay, "accounts": sorted(wanted.accounts)},
    )


def _same(wanted: WantedAmi, mine: Registered) -> bool:
    """Return whether an image with the wanted name has the wanted content. An interrupted run leaves an image without
    tags; only its snapshot identifies it.
    """
    told = mine.tags.get(tags.SHA256)
    return (
        wanted.image.sha256 == told
        or wanted.snapshot_id == mine.root_snapshot
        or (told is None and not wanted.snapshot_id)
    )


def _old(wanted: WantedAmi, state: AmiState) -> list[Registered]:
    """Return the images of the family that are not kept. This one and the newest others are kept."""
    others = [one for one in state.images if one.name != wanted.name and one.tags.get(tags.FAMILY) == wanted.family]
    return sorted(others, key=lambda one: (one.created, one.name), reverse=True)[wanted.keep - 1 :]


class Registration:
    """Carry out the plan for one image.

    Args:
        wanted: the image.
    """

    def __init__(self, wanted: WantedAmi) -> None:
        self._wanted = wanted
        self._image_id = ""

    def read(self, client: Client) -> AmiState:
        """Read the state with read_images, and remember the image's id."""
        state = read_images(client, self._wanted)
        mine = state.named(self._wanted.name)
        self._image_id = mine.image_id if mine else ""
        return state

    def apply(self, client: Client, action: Action) -> None:
        """Carry out one action.

        Raises:
            InvalidInput: no snapshot is given, which every action needs.
        """
        if not self._wanted.snapshot_id:
            raise InvalidInput(
                "snapshot_id is missing, without which only check mode can go",
                "Give the snapshot that signer_snapshot returns",
            )
        if action.name == "register":
            self._register(client)
            self._tag(client)
        elif action.name == "tag":
            self._tag(client)
        elif action.name == "share":
            changes = {"Add": _users(action.args["add"]), "Remove": _users(action.args["remove"])}
            permission = {key: users for key, users in changes.items() if users}
            client.call(
                "ec2",
                "ModifyImageAttribute",
                ImageId=self._image_id,
                Attribute="launchPermission",
                LaunchPermission=permission,
            )
        elif action.name == "share_snapshot":
            self._share_snapshot(client, action)
        else:
            deregister(client, action.args["image_id"], action.args["snapshot_id"])

    def _register(self, client: Client) -> None:
        """Register the image. It requires UEFI, a TPM and metadata tokens itself, so that no launch can forget them."""
        volume = {"SnapshotId": self._wanted.snapshot_id, "VolumeType": "gp3", "DeleteOnTermination": True}
        answer = client.call(
            "ec2",
            "RegisterImage",
            Name=self._wanted.name,
            Description=description.write(self._wanted.image),
            Architecture=self._wanted.architecture,
            VirtualizationType="hvm",
            BootMode="uefi",
            TpmSupport="v2.0",
            ImdsSupport="v2.0",
            EnaSupport=True,
            RootDeviceName=_ROOT_DEVICE,
            BlockDeviceMappings=[{"DeviceName": _ROOT_DEVICE, "Ebs": volume}],
        )
        self._image_id = answer["ImageId"]
        state = wait.until(
            f"the image {self._image_id} to be available",
            lambda: _state(client, self._image_id),
            lambda word: word != "pending",
            _AVAILABLE_WAIT_SECONDS,
            passing=(Gone,),
            interval=_AVAILABLE_INTERVAL_SECONDS,
        )
        if state != "available":
            deregister(client, self._image_id, None)
            detail = f"the image {self._image_id} is {state}, and was deregistered again"
            raise AwsError(
                client.region, "ec2:RegisterImage", state, detail, f"Look at the snapshot {self._wanted.snapshot_id}"
            )

    def _tag(self, client: Client) -> None:
        client.call("ec2", "CreateTags", Resources=[self._image_id], Tags=tags.write(self._wanted.all_tags))

    def _share_snapshot(self, client: Client, action: Action) -> None:
        for operation, users in (("add", action.args["add"]), ("remove", action.args["remove"])):
            if users:
                client.call(
                    "ec2",
                    "ModifySnapshotAttribute",
                    SnapshotId=self._wanted.snapshot_id,
                    Attribute="createVolumePermission",
                    OperationType=operation,
                    UserIds=users,
                )


def _users(accounts: t.Iterable[str]) -> list[dict[str, str]]:
    return [{"UserId": account} for account in accounts]


def _state(client: Client, image_id: str) -> str:
    images = client.pages("ec2", "DescribeImages", "Images", ImageIds=[image_id])
    return images[0]["State"] if images else "pending"


def deregister(client: Client, image_id: str, snapshot_id: str | None) -> None:
    """Deregister an image, then delete its snapshot. One that is already gone is a success."""
    with contextlib.suppress(Gone):
        client.call("ec2", "DeregisterImage", ImageId=image_id)
    if snapshot_id:
        with contextlib.suppress(Gone):
            client.call("ec2", "DeleteSnapshot", SnapshotId=snapshot_id)


def image_result(wanted: WantedAmi, state: AmiState) -> dict[str, t.Any]:
    """Build a module's result."""
    mine = state.named(wanted.name)
    return {
        "image_id": mine.image_id if mine else None,
        "name": wanted.name,
        "snapshot_id": wanted.snapshot_id,
        "accounts": sorted(state.accounts),
        "images": sorted(one.name for one in state.images),
        "version": wanted.image.version,
        "lnd_version": wanted.image.lnd_version,
    }
