# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that tenants launch: registered from a snapshot, shared with their accounts, and the old ones taken away."""

from __future__ import annotations

import contextlib
import re
import typing as t
from dataclasses import dataclass

from .._lnd import wait
from .._lnd.errors import InvalidInput, Refused
from .._lnd.plan import Action, Plan
from . import description, disk, tags
from .errors import AwsError, Gone

if t.TYPE_CHECKING:
    from .client import Client

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[A-Za-z0-9()\[\]./'@_ -]{3,128}")
_ROOT_DEVICE = "/dev/xvda"
# Seconds in which an image that was registered must be there to be launched.
_AVAILABLE_WAIT, _AVAILABLE_INTERVAL = 600.0, 2.0


@dataclass(frozen=True)
class Wanted:
    """An image, and who may launch it.

    Attributes:
        name: of the image, once in a region and account.
        family: the name that images of one line share.
        image: the disk's manifest.
        snapshot_id: of the snapshot of that disk; empty, as long as it is only looked whether the name can be had.
        architecture: AWS's word.
        accounts: of the tenants.
        tags: more tags.
        keep: how many images of the family stay, this one among them.
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


@dataclass(frozen=True)
class Registered:
    """An image that is there.

    Attributes:
        image_id: AWS's.
        name: its name.
        created: when, as AWS writes it, which sorts.
        state: AWS's word: pending, available, failed.
        root_snapshot: the snapshot of its root volume, as AWS tells.
        tags: all of them.
    """

    image_id: str
    name: str
    created: str
    state: str
    root_snapshot: str
    tags: t.Mapping[str, str]


@dataclass(frozen=True)
class State:
    """What is there.

    Attributes:
        images: of the family, and any other of the name.
        accounts: who may launch the one of the name.
        readers: who may read its snapshot.
    """

    images: tuple[Registered, ...] = ()
    accounts: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()

    def named(self, name: str) -> Registered | None:
        """The image of a name."""
        return next((image for image in self.images if image.name == name), None)


def wish(options: t.Mapping[str, t.Any]) -> Wanted:
    """What a module's options ask for.

    Raises:
        InvalidInput: the directory holds no image, or not its publisher's, or an option is wrong.
    """
    image = disk.read_image(options["path"], options["publisher"])
    name = options["name"] or f"{options['family']}-{image.version}"
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"AWS takes no image of the name {name!r}", "Use 3 to 128 letters, digits, spaces and ()[]./-'@_")
    if not options["accounts"]:
        raise InvalidInput("accounts is empty, so the image would be shared with nobody", "Name the AWS account of at least one tenant")
    wrong = [account for account in options["accounts"] if not _ACCOUNT.fullmatch(account)]
    if wrong:
        raise InvalidInput(
            f"accounts has {', '.join(wrong)}, and an AWS account is twelve digits", "Write it in quotes, or its first zeros are lost"
        )
    if options["keep"] < 1:
        raise InvalidInput(f"keep is {options['keep']}, and the image itself is one of those that stay", "Give at least 1")
    return Wanted(
        name,
        options["family"],
        image,
        options["snapshot_id"] or "",
        options["architecture"],
        frozenset(options["accounts"]),
        options["tags"] or {},
        options["keep"],
    )


def read_images(client: Client, wanted: Wanted) -> State:
    """What is there.

    Raises:
        AwsError: among others Gone, if there is no such snapshot.
    """
    readers = _readers(client, wanted.snapshot_id) if wanted.snapshot_id else frozenset()
    found: dict[str, Registered] = {}
    for key, value in ((f"tag:{tags.FAMILY}", wanted.family), ("name", wanted.name)):
        for one in client.pages("ec2", "DescribeImages", "Images", Owners=["self"], Filters=[{"Name": key, "Values": [value]}]):
            found[one["ImageId"]] = _registered(one)
    state = State(tuple(found.values()), readers=readers)
    mine = state.named(wanted.name)
    if mine is None:
        return state
    permissions = client.call("ec2", "DescribeImageAttribute", ImageId=mine.image_id, Attribute="launchPermission")["LaunchPermissions"]
    return State(state.images, frozenset(one["UserId"] for one in permissions if "UserId" in one), readers)


def _readers(client: Client, snapshot_id: str) -> frozenset[str]:
    snapshot = client.call("ec2", "DescribeSnapshotAttribute", SnapshotId=snapshot_id, Attribute="createVolumePermission")
    return frozenset(one["UserId"] for one in snapshot["CreateVolumePermissions"] if "UserId" in one)


def _registered(image: t.Mapping[str, t.Any]) -> Registered:
    volumes = [mapping["Ebs"] for mapping in image.get("BlockDeviceMappings", ()) if "Ebs" in mapping]
    root = volumes[0].get("SnapshotId", "") if volumes else ""
    return Registered(image["ImageId"], image["Name"], image.get("CreationDate", ""), image.get("State", ""), root, tags.read(image))


def plan_images(wanted: Wanted, state: State) -> Plan:
    """Register, tag, share, and take old ones away.

    Raises:
        Refused: there is an image of that name with another content.
    """
    mine = state.named(wanted.name)
    if mine is not None and not _same(wanted, mine):
        raise Refused(
            f"There is an image {wanted.name} already, {mine.image_id}, and its content is another "
            f"(SHA-256 {mine.tags.get(tags.SHA256, 'not told')}, wanted {wanted.image.sha256})",
            "Raise the version of the image, or give it another name. What tenants have launched by a name must not change under it",
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
        actions.append(Action("deregister", {"image_id": one.image_id, "snapshot_id": None if snapshot_id in needed else snapshot_id}))
    if not actions:
        return Plan()
    stay = sorted({one.name for one in state.images if one not in old} | {wanted.name})
    return Plan(
        tuple(actions),
        {"images": sorted(one.name for one in state.images), "accounts": sorted(state.accounts)},
        {"images": stay, "accounts": sorted(wanted.accounts)},
    )


def _same(wanted: Wanted, mine: Registered) -> bool:
    """Whether an image of the wanted name has the wanted content. A run that was cut has left one without tags, which is known by its snapshot alone."""
    told = mine.tags.get(tags.SHA256)
    return wanted.image.sha256 == told or wanted.snapshot_id == mine.root_snapshot or (told is None and not wanted.snapshot_id)


def _old(wanted: Wanted, state: State) -> list[Registered]:
    """Images of the family beyond those that stay: this one, and the newest others."""
    others = [one for one in state.images if one.name != wanted.name and one.tags.get(tags.FAMILY) == wanted.family]
    return sorted(others, key=lambda one: (one.created, one.name), reverse=True)[wanted.keep - 1 :]


class Registration:
    """Does what was planned.

    Args:
        wanted: the image.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._image_id = ""

    def read(self, client: Client) -> State:
        """As read_images; remembers which image it is about."""
        state = read_images(client, self._wanted)
        mine = state.named(self._wanted.name)
        self._image_id = mine.image_id if mine else ""
        return state

    def apply(self, client: Client, action: Action) -> None:
        """Do one step.

        Raises:
            InvalidInput: there is no snapshot to do it with.
        """
        if not self._wanted.snapshot_id:
            raise InvalidInput(
                "snapshot_id is missing, without which only check mode can go", "Give the snapshot that signer_snapshot returns"
            )
        if action.name == "register":
            self._register(client)
            self._tag(client)
        elif action.name == "tag":
            self._tag(client)
        elif action.name == "share":
            changes = {"Add": _users(action.args["add"]), "Remove": _users(action.args["remove"])}
            permission = {key: users for key, users in changes.items() if users}
            client.call("ec2", "ModifyImageAttribute", ImageId=self._image_id, Attribute="launchPermission", LaunchPermission=permission)
        elif action.name == "share_snapshot":
            self._share_snapshot(client, action)
        else:
            deregister(client, action.args["image_id"], action.args["snapshot_id"])

    def _register(self, client: Client) -> None:
        """UEFI, a TPM and tokens for the metadata are the image's own requirements, so that no launch can forget them."""
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
            _AVAILABLE_WAIT,
            passing=(Gone,),
            interval=_AVAILABLE_INTERVAL,
        )
        if state != "available":
            deregister(client, self._image_id, None)
            detail = f"the image {self._image_id} is {state}, and was deregistered again"
            raise AwsError(client.region, "ec2:RegisterImage", state, detail, f"Look at the snapshot {self._wanted.snapshot_id}")

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
    """Take an image away, and then its snapshot. What is gone already is as wanted."""
    with contextlib.suppress(Gone):
        client.call("ec2", "DeregisterImage", ImageId=image_id)
    if snapshot_id:
        with contextlib.suppress(Gone):
            client.call("ec2", "DeleteSnapshot", SnapshotId=snapshot_id)


def image_result(wanted: Wanted, state: State) -> dict[str, t.Any]:
    """What a module returns."""
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
