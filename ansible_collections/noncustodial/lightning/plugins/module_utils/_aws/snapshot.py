# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot that holds an image's disk: sent block by block, identified by the disk's hash, and never left
incomplete without need.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
import typing as t
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from .._core import wait as waiting
from .._core.errors import InvalidInput, LightningError, Refused, WaitTimeout
from .._core.plan import Action, Plan
from . import disk, tags
from .errors import AwsError, Gone, NoCredentials, Throttled, Unreachable

if t.TYPE_CHECKING:
    from .client import Client

# Minutes without a block after which AWS abandons an unfinished snapshot; the minimum is 10, the maximum 4320.
_ABANDONED_AFTER_MINUTES = 60
# Seconds in which a sent snapshot must be complete at AWS, and seconds between two reads.
_COMPLETED_WAIT_SECONDS, _COMPLETED_INTERVAL_SECONDS = 1800.0, 2.0
_NOTE_CURE = "Check the directory of the image, its owner and the space on its disk"
# Errors after which the next run can still use the blocks that were sent.
_RESUMABLE_ERRORS = (Unreachable, Throttled, NoCredentials, WaitTimeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSnapshot:
    """The snapshot of a disk.

    Attributes:
        image: the image of the disk.
        family: the name that images of one line share.
        tags: more tags.
        parallel: the number of blocks that are sent at the same time.
        time_limit: seconds after which no further block is sent; 0 for none.
    """

    image: disk.Image
    family: str
    tags: t.Mapping[str, str]
    parallel: int = 16
    time_limit: float = 0.0

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags that the snapshot has from its start."""
        return {
            **self.tags,
            "Name": self.family,
            tags.FAMILY: self.family,
            tags.SHA256: self.image.sha256,
            tags.VERSION: self.image.version,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotState:
    """The snapshot that exists, and the blocks that are yet to be sent.

    Attributes:
        snapshot_id: the id of the snapshot of this disk; None if there is none.
        status: AWS's name for it: pending, completed or error.
        whole: all of the disk is in it.
        blocks: numbers of the disk's blocks that hold data; not read if the snapshot is whole.
        sent: those that AWS has acknowledged to this machine.
    """

    snapshot_id: str | None = None
    status: str = ""
    whole: bool = False
    blocks: tuple[int, ...] = ()
    sent: frozenset[int] = field(default_factory=frozenset)


def parse_options(options: t.Mapping[str, t.Any]) -> WantedSnapshot:
    """Parse a module's options into the wanted snapshot.

    Raises:
        InvalidInput: the directory holds no image, or none that its publisher signed, or an option is wrong.
    """
    if not 1 <= options["parallel"] <= 64:
        raise InvalidInput(f"parallel is {options['parallel']}, and must be from 1 to 64")
    image = disk.read_image(options["path"], options["publisher"])
    return WantedSnapshot(
        image=image,
        family=options["family"],
        tags=options["tags"] or {},
        parallel=options["parallel"],
        time_limit=options["time_limit"],
    )


def read_snapshot(client: Client, wanted: WantedSnapshot) -> SnapshotState:
    """Read the snapshot of this disk. If it is yet to be sent, check that the disk can be.

    Raises:
        InvalidInput: the disk is not a disk image, or not the one in the manifest.
        Refused: this account encrypts every snapshot, and an encrypted one cannot be shared.
    """
    found = _find(client, wanted)
    if found is not None and found["State"] == "completed" and tags.BLOCK_COUNT in tags.read(found):
        return SnapshotState(snapshot_id=found["SnapshotId"], status="completed", whole=True)
    disk.check_disk(wanted.image)
    if client.call("ec2", "GetEbsEncryptionByDefault")["EbsEncryptionByDefault"]:
        raise Refused(
            f"In {client.region} this account encrypts all new volumes and snapshots, and a snapshot encrypted so"
            " cannot be shared with a tenant",
            "Switch encryption by default off for this region, or use an account of its own for images. An image holds"
            " no secret",
        )
    blocks = tuple(disk.blocks(wanted.image.path))
    if found is None:
        return SnapshotState(blocks=blocks)
    return SnapshotState(
        snapshot_id=found["SnapshotId"],
        status=found["State"],
        whole=False,
        blocks=blocks,
        sent=_acknowledged(_journal(client, wanted), found["SnapshotId"]),
    )


def plan_snapshot(wanted: WantedSnapshot, state: SnapshotState) -> Plan:
    """Plan what is yet to be done."""
    if state.whole:
        return Plan()
    before = {"snapshot_id": state.snapshot_id, "complete": False}
    after = {"snapshot_id": state.snapshot_id, "complete": True, "sha256": wanted.image.sha256}
    # A snapshot that AWS has closed takes no more blocks. It is useful only if nothing was missing.
    usable = state.status == "pending" or (state.status == "completed" and bool(state.sent))
    actions = []
    if state.snapshot_id is not None and not usable:
        actions.append(Action("remove", {"snapshot_id": state.snapshot_id}))
    if state.snapshot_id is None or not usable:
        actions.append(Action("start"))
        missing = state.blocks
    else:
        missing = tuple(index for index in state.blocks if index not in state.sent)
    actions += [Action("upload", {"missing": missing}), Action("complete", {"blocks": state.blocks})]
    return Plan(tuple(actions), before, after)


def snapshot_result(wanted: WantedSnapshot, state: SnapshotState) -> dict[str, t.Any]:
    """Build a module's result."""
    total, sent = len(state.blocks), len(state.sent)
    return {
        "snapshot_id": state.snapshot_id,
        "complete": state.whole,
        "blocks": None if state.whole else total,
        "percent": 100 if state.whole else 100 * sent // max(total, 1),
        "sha256": wanted.image.sha256,
        "volume_size": wanted.image.volume_size,
    }


class Upload:
    """Carry out the plan for one snapshot.

    Args:
        wanted: the snapshot.
    """

    def __init__(self, wanted: WantedSnapshot) -> None:
        self._wanted = wanted
        self._snapshot_id = ""
        self._cut = False

    def read(self, client: Client) -> SnapshotState:
        """Read the state with read_snapshot, and remember the snapshot that is continued."""
        state = read_snapshot(client, self._wanted)
        self._snapshot_id = state.snapshot_id or ""
        return state

    def apply(self, client: Client, action: Action) -> None:
        """Carry out one action.

        After a failure that the next run would meet again, nothing is left that costs money.
        """
        try:
            if action.name == "remove":
                _remove(client, action.args["snapshot_id"])
            elif action.name == "start":
                self._start(client)
            elif action.name == "upload":
                self._upload(client, action.args["missing"])
            elif not self._cut:
                self._complete(client, action.args["blocks"])
        except _RESUMABLE_ERRORS:
            raise
        except LightningError as error:
            self._clean_up(client, error)
            raise
        except OSError as error:
            named = InvalidInput(
                f"Cannot read the disk, or note beside it what was sent, {error.filename or ''}: {error.strerror}",
                _NOTE_CURE,
            )
            self._clean_up(client, named)
            raise named from error

    def _start(self, client: Client) -> None:
        answer = client.call(
            "ebs",
            "StartSnapshot",
            VolumeSize=self._wanted.image.volume_size,
            Description=f"{self._wanted.family} {self._wanted.image.version}",
            Tags=tags.write(self._wanted.all_tags),
            Timeout=_ABANDONED_AFTER_MINUTES,
        )
        self._snapshot_id = answer["SnapshotId"]
        with open(_journal(client, self._wanted), "w", encoding="ascii") as journal:
            journal.write(f"{self._snapshot_id}\n")

    def _upload(self, client: Client, missing: t.Iterable[int]) -> None:
        """Send blocks, several at a time, and record those that AWS has acknowledged."""
        ahead = iter(missing)
        running: set[Future[int]] = set()
        begun = False
        end = time.monotonic() + self._wanted.time_limit if self._wanted.time_limit else None
        with (
            ThreadPoolExecutor(self._wanted.parallel) as pool,
            open(_journal(client, self._wanted, self._snapshot_id), "a", encoding="ascii", buffering=1) as journal,
        ):
            while True:
                # However short the time limit, each run sends something.
                if end is None or time.monotonic() < end or not begun:
                    following = list(itertools.islice(ahead, self._wanted.parallel - len(running)))
                    running |= {pool.submit(self._put, client, index) for index in following}
                    begun = True
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                # Blocks that have arrived count, also if another block has failed.
                for future in sorted(done, key=lambda one: one.exception() is not None):
                    journal.write(f"{future.result()}\n")
        self._cut = next(ahead, None) is not None

    def _put(self, client: Client, index: int) -> int:
        data = disk.block(self._wanted.image.path, index)
        client.call(
            "ebs",
            "PutSnapshotBlock",
            SnapshotId=self._snapshot_id,
            BlockIndex=index,
            BlockData=data,
            DataLength=len(data),
            Checksum=disk.checksum(data),
            ChecksumAlgorithm="SHA256",
        )
        return index

    def _complete(self, client: Client, blocks: t.Sequence[int]) -> None:
        path = self._wanted.image.path
        client.call(
            "ebs",
            "CompleteSnapshot",
            SnapshotId=self._snapshot_id,
            ChangedBlocksCount=len(blocks),
            Checksum=disk.checksum_of_all(disk.checksum(disk.block(path, index)) for index in blocks),
            ChecksumAlgorithm="SHA256",
            ChecksumAggregationMethod="LINEAR",
        )
        found = waiting.until(
            f"the snapshot {self._snapshot_id} to be whole",
            lambda: _find(client, self._wanted) or {"State": "not there"},
            lambda snapshot: snapshot["State"] != "pending",
            _COMPLETED_WAIT_SECONDS,
            interval=_COMPLETED_INTERVAL_SECONDS,
        )
        if found["State"] != "completed":
            raise AwsError(
                client.region,
                "ebs:CompleteSnapshot",
                found["State"],
                found.get("StateMessage", "it is not completed"),
                "Run again",
            )
        client.call(
            "ec2", "CreateTags", Resources=[self._snapshot_id], Tags=tags.write({tags.BLOCK_COUNT: str(len(blocks))})
        )
        os.unlink(_journal(client, self._wanted))

    def _clean_up(self, client: Client, error: LightningError) -> None:
        """Remove the snapshot that was begun; add to the error whether that succeeded."""
        if not self._snapshot_id:
            return
        try:
            _remove(client, self._snapshot_id)
        except LightningError as other:
            error.args = (
                (
                    f"{error} The snapshot {self._snapshot_id} that was begun is still there, and must be removed by"
                    f" hand: {other}"
                ),
            )
            return
        with contextlib.suppress(OSError):
            os.unlink(_journal(client, self._wanted))
        error.args = (f"{error} The snapshot that was begun was removed again.",)


def _find(client: Client, wanted: WantedSnapshot) -> dict[str, t.Any] | None:
    """Return the snapshot of this disk: of several a whole one, or else the newest."""
    filters = [
        {"Name": f"tag:{tags.SHA256}", "Values": [wanted.image.sha256]},
        {"Name": f"tag:{tags.FAMILY}", "Values": [wanted.family]},
    ]
    found = client.pages("ec2", "DescribeSnapshots", "Snapshots", OwnerIds=["self"], Filters=filters)
    return max(found, key=lambda one: (tags.BLOCK_COUNT in tags.read(one), one["StartTime"]), default=None)


def _remove(client: Client, snapshot_id: str) -> None:
    """Delete a snapshot. One that is already gone is a success."""
    with contextlib.suppress(Gone):
        client.call("ec2", "DeleteSnapshot", SnapshotId=snapshot_id)


def _journal(client: Client, wanted: WantedSnapshot, snapshot_id: str | None = None) -> str:
    """Return the path of the file beside the disk that holds a snapshot's id and the numbers of the blocks that it has.

    Args:
        snapshot_id: the id of the snapshot; the file is begun anew if it is another snapshot's.
    """
    path = f"{wanted.image.path}.{client.region}.sent"
    if snapshot_id is not None and not _is_of(path, snapshot_id):
        with open(path, "w", encoding="ascii") as journal:
            journal.write(f"{snapshot_id}\n")
    return path


def _is_of(path: str, snapshot_id: str) -> bool:
    try:
        with open(path, encoding="ascii") as journal:
            return journal.readline().strip() == snapshot_id
    except FileNotFoundError:
        return False


def _acknowledged(path: str, snapshot_id: str) -> frozenset[int]:
    """Return the numbers of the blocks that a snapshot has. An incomplete last line does not count."""
    if not _is_of(path, snapshot_id):
        return frozenset()
    with open(path, encoding="ascii") as journal:
        return frozenset(int(line) for line in journal.readlines()[1:] if line.endswith("\n"))
