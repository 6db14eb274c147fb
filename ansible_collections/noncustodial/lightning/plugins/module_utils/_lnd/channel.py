# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's channels: their peers, number and capacity."""

from __future__ import annotations

import contextlib
import hashlib
import typing as t
from dataclasses import asdict, dataclass, field, replace

from .._core import wait
from .._core.errors import InvalidInput, Refused
from .._core.ids import channel_point, node_id, outpoint
from .._core.plan import Action, Plan
from .._grpc import messages
from .._grpc.errors import NoFunds, NotFound, NotSynced, TimedOut
from .balance import demand, too_little

if t.TYPE_CHECKING:
    from .._grpc.client import Client

# lnd's names, without those that only mean "unknown" or are kept for old nodes.
COMMITMENT_TYPES = ("STATIC_REMOTE_KEY", "ANCHORS", "SCRIPT_ENFORCED_LEASE", "SIMPLE_TAPROOT", "SIMPLE_TAPROOT_FINAL")

# Seconds in which coins may become free that another opening holds while it is negotiated.
_COINS_WAIT_SECONDS = 10.0
# Seconds in which both nodes process a new block. Until then each refuses to open a channel.
_SYNC_WAIT_SECONDS = 30.0

_DOMAIN = "noncustodial.lightning/channel/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChannel:
    """The wanted channels to one peer, opened by this node.

    Attributes:
        peer: node id, hexadecimal.
        capacity: sat that each has at least; a new channel gets exactly that.
        count: the number of such channels.
        push_sat: sat given to the peer when a channel is opened.
        private: not announced to the network.
        base_fee_msat: fee per forwarded payment; None is lnd's default.
        fee_rate_ppm: fee in millionths of the forwarded amount; None is lnd's default.
        commitment_type: one of COMMITMENT_TYPES; None leaves it to the two nodes.
        close_address: the address to which this node's part is paid in a cooperative close.
        memo: a note that lnd keeps with the channel.
        channel_point: for closing: only this channel.
    """

    peer: str
    capacity: int | None = None
    count: int = 1
    push_sat: int = 0
    private: bool = False
    base_fee_msat: int | None = None
    fee_rate_ppm: int | None = None
    commitment_type: str | None = None
    close_address: str | None = None
    memo: str | None = None
    channel_point: str | None = None


@dataclass(frozen=True)
class WantedChannels:
    """The wanted channels, and lnd's options for opening and closing them.

    Attributes:
        present: whether the channels are to exist.
        channels: the wanted channels.
        funding: fields of BatchOpenChannel that are common to all.
        closing: fields of CloseChannel that are common to all.
    """

    present: bool
    channels: tuple[WantedChannel, ...]
    funding: t.Mapping[str, t.Any] = field(default_factory=dict)
    closing: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def peers(self) -> frozenset[str]:
        """Node ids of the named peers."""
        return frozenset(wanted.peer for wanted in self.channels)


def parse_options(options: t.Mapping[str, t.Any]) -> WantedChannels:
    """Parse a module's options into the wanted channels.

    Raises:
        InvalidInput: an option is one that lnd would refuse in any case.
    """
    present = options["state"] == "present"
    fees = _given(options, "sat_per_vbyte", "target_conf")
    funding = {**fees, **_given(options, "spend_unconfirmed", "label")}
    if not options["spend_unconfirmed"]:
        funding["min_confs"] = options["min_confs"]
    return WantedChannels(
        present,
        tuple(_wanted(element, present) for element in options["channels"]),
        funding,
        {**fees, **_given(options, "force", "delivery_address")},
    )


def _given(options: t.Mapping[str, t.Any], *names: str) -> dict[str, t.Any]:
    return {name: options[name] for name in names if options[name]}


def _wanted(element: t.Mapping[str, t.Any], present: bool) -> WantedChannel:
    point = element["channel_point"]
    wanted = WantedChannel(
        **{**element, "peer": node_id(element["peer"]), "channel_point": point and channel_point(point)}
    )
    if present and wanted.capacity is None:
        raise InvalidInput(f"No capacity is given for the channels to {wanted.peer}", "Set capacity, in sat")
    if present and wanted.channel_point is not None:
        raise InvalidInput(
            "channel_point names a channel to be closed, and state is present", "Leave it out, or set state to absent"
        )
    if present and wanted.push_sat >= (wanted.capacity or 0):
        raise InvalidInput(
            f"push_sat {wanted.push_sat} is not below capacity {wanted.capacity} for {wanted.peer}",
            "Push less, or open a larger channel",
        )
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Htlc:
    """A payment under way in a channel, under lnd's field names; the hash is hexadecimal, the amount in sat."""

    incoming: bool
    amount: int
    hash_lock: str
    expiration_height: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Channel:
    """One channel, under lnd's field names.

    Attributes:
        status: open, or PendingChannels's name for it: pending_open, waiting_close, pending_force_closing.
        initiator: whether this node opened it.
        closing_txid: the id of the closing transaction of a channel that is being closed.
        close_address: the address to which the peer pays this node's part of an open channel in a cooperative closing;
            empty if none was agreed.
        pending_htlcs: the payments under way in an open channel.
    """

    channel_point: str
    remote_pubkey: str
    capacity: int
    local_balance: int
    remote_balance: int
    private: bool
    initiator: bool
    commitment_type: str
    memo: str
    status: str
    active: bool = False
    chan_id: str = ""
    closing_txid: str = ""
    close_address: str = ""
    pending_htlcs: tuple[Htlc, ...] = ()

    def __repr__(self) -> str:
        status = self.status if self.status != "open" else "active" if self.active else "open but not active"
        return f"{self.channel_point} with {self.remote_pubkey}, {self.capacity} sat, {status}"


def read_channels(client: Client, wanted: WantedChannels) -> tuple[Channel, ...]:
    """Read all channels with the named peers, including those that are being opened or closed."""
    peers = wanted.peers
    pending = client.call("lnrpc.Lightning/PendingChannels")
    found = [
        channel
        for peer in sorted(peers)
        for channel in client.call("lnrpc.Lightning/ListChannels", peer=bytes.fromhex(peer)).channels
    ]
    return tuple(channel for channel in _merged(pending, found) if channel.remote_pubkey in peers)


def read_all(client: Client) -> tuple[Channel, ...]:
    """Read all channels of a node, including those that are being opened or closed."""
    pending = client.call("lnrpc.Lightning/PendingChannels")
    return _merged(pending, client.call("lnrpc.Lightning/ListChannels").channels)


def _merged(pending: messages.Message, opened: t.Iterable[messages.Message]) -> tuple[Channel, ...]:
    """Return the channels of both answers of lnd."""
    found = [_open(channel) for channel in opened]
    seen = {channel.channel_point for channel in found}
    for status, entries in (
        ("pending_open", pending.pending_open_channels),
        ("waiting_close", pending.waiting_close_channels),
        ("pending_force_closing", pending.pending_force_closing_channels),
    ):
        # A channel that became open between the two calls is in both answers; the later one counts.
        found.extend(_pending(status, entry) for entry in entries if entry.channel.channel_point not in seen)
    return tuple(found)


def _open(channel: messages.Message) -> Channel:
    return Channel(
        channel_point=channel.channel_point,
        remote_pubkey=channel.remote_pubkey,
        capacity=channel.capacity,
        local_balance=channel.local_balance,
        remote_balance=channel.remote_balance,
        private=channel.private,
        initiator=channel.initiator,
        commitment_type=messages.enum_name("lnrpc.CommitmentType", channel.commitment_type),
        memo=channel.memo,
        status="open",
        active=channel.active,
        chan_id=str(channel.chan_id),
        close_address=channel.close_address,
        pending_htlcs=tuple(
            Htlc(
                incoming=htlc.incoming,
                amount=htlc.amount,
                hash_lock=htlc.hash_lock.hex(),
                expiration_height=htlc.expiration_height,
            )
            for htlc in channel.pending_htlcs
        ),
    )


def _pending(status: str, entry: messages.Message) -> Channel:
    channel = entry.channel
    return Channel(
        channel_point=channel.channel_point,
        remote_pubkey=channel.remote_node_pub,
        capacity=channel.capacity,
        local_balance=channel.local_balance,
        remote_balance=channel.remote_balance,
        private=channel.private,
        initiator=messages.enum_name("lnrpc.Initiator", channel.initiator) == "INITIATOR_LOCAL",
        commitment_type=messages.enum_name("lnrpc.CommitmentType", channel.commitment_type),
        memo=channel.memo,
        status=status,
        closing_txid=getattr(entry, "closing_txid", ""),
    )


def allot(
    wanted: t.Sequence[WantedChannel], channels: t.Sequence[Channel]
) -> tuple[tuple[Channel, ...], tuple[WantedChannel, ...]]:
    """Assign channels to wishes, and find what is still missing.

    A channel counts once, if this node opened it, it is open or being opened, is large enough, and is announced or not
    as wanted; the commitment type must match where one is named. The most demanding wishes are served first, each with
    the smallest channels that suffice.

    Returns:
        the channels that count, and one element with count 1 for each channel that is missing, in the order of the
        wishes.
    """
    left = sorted(
        (channel for channel in channels if channel.initiator and channel.status in ("open", "pending_open")),
        key=lambda channel: channel.capacity,
    )
    counted: list[Channel] = []
    lacking: dict[int, int] = {}
    for index, each in sorted(
        enumerate(wanted), key=lambda item: (item[1].commitment_type is None, -(item[1].capacity or 0))
    ):
        serving = [channel for channel in left if _serves(channel, each)][: each.count]
        counted.extend(serving)
        left = [channel for channel in left if channel not in serving]
        lacking[index] = each.count - len(serving)
    missing = tuple(replace(each, count=1) for index, each in enumerate(wanted) for _number in range(lacking[index]))
    return tuple(channel for channel in channels if channel in counted), missing


def _serves(channel: Channel, wanted: WantedChannel) -> bool:
    return (
        channel.remote_pubkey == wanted.peer
        and channel.capacity >= (wanted.capacity or 0)
        and channel.private == wanted.private
        and wanted.commitment_type in (None, channel.commitment_type)
    )


def plan_channels(wanted: WantedChannels, channels: t.Sequence[Channel]) -> Plan:
    """Plan to open what is missing, all in one transaction, or to close what is open."""
    return _plan_open(wanted, channels) if wanted.present else _plan_close(wanted, channels)


def _plan_open(wanted: WantedChannels, channels: t.Sequence[Channel]) -> Plan:
    counted, missing = allot(wanted.channels, channels)
    if not missing:
        return Plan()
    before = [asdict(channel) for channel in counted]
    opened = [
        {
            "remote_pubkey": each.peer,
            "capacity": each.capacity,
            "private": each.private,
            "commitment_type": each.commitment_type,
            "status": "pending_open",
        }
        for each in missing
    ]
    args = {"channels": tuple(zip(missing, pending_ids(missing, channels), strict=True)), "funding": wanted.funding}
    return Plan((Action("open", args),), {"channels": before}, {"channels": [*before, *opened]})


def pending_ids(missing: t.Sequence[WantedChannel], channels: t.Sequence[Channel]) -> tuple[bytes, ...]:
    """Return the ids under which new channels are negotiated, 32 bytes each.

    They follow from the present channels, so that a second attempt to open the same channel has the same id as the
    first. lnd refuses an id that it is already negotiating (funding/manager.go, handleInitFundingMsg): an opening whose
    answer was lost, and which no list shows yet, is not begun again.
    """
    there = [channel.channel_point for channel in channels]
    return tuple(
        hashlib.sha256("\0".join((_DOMAIN, each.peer, *sorted(there), str(number))).encode()).digest()
        for number, each in enumerate(missing)
    )


def _plan_close(wanted: WantedChannels, channels: t.Sequence[Channel]) -> Plan:
    targets = [channel for channel in named(wanted, channels) if channel.status in ("open", "pending_open")]
    for channel in targets:
        if channel.status == "pending_open":
            raise Refused(
                f"The channel {channel!r} cannot be closed yet", "Wait until its funding transaction is confirmed"
            )
        if channel.pending_htlcs and not wanted.closing.get("force"):
            raise Refused(
                f"The channel {channel!r} has {len(channel.pending_htlcs)} HTLC(s) under way, so lnd does not close it"
                " cooperatively. No channel was closed",
                "Stop new payments, wait with lnd_channel_info and no_htlcs until these have ended, and run again",
            )
    if not targets:
        return Plan()
    before = [asdict(channel) for channel in targets]
    after = [{**channel, "status": "waiting_close", "active": False} for channel in before]
    return Plan(
        tuple(
            Action("close", {"channel_point": channel.channel_point, "closing": wanted.closing}) for channel in targets
        ),
        {"channels": before},
        {"channels": after},
    )


def named(wanted: WantedChannels, channels: t.Sequence[Channel]) -> tuple[Channel, ...]:
    """Return the channels that are to be closed, in whatever state, whoever opened them."""
    return tuple(
        channel
        for channel in channels
        if any(
            each.peer == channel.remote_pubkey and each.channel_point in (None, channel.channel_point)
            for each in wanted.channels
        )
    )


def foresee_channels(client: Client, steps: Plan) -> None:
    """Check that the wallet has the coins for the channels to be opened. The transaction's fee is not known yet, and
    not counted.

    Raises:
        Refused: it has too few.
    """
    for action in steps.actions:
        if action.name == "open":
            total = sum(wanted.capacity or 0 for wanted, _id in action.args["channels"])
            unconfirmed = action.args["funding"].get("spend_unconfirmed", False)
            demand(client, 0 if unconfirmed else total, total if unconfirmed else 0, _COINS_WAIT_SECONDS)


def apply_channels(client: Client, action: Action) -> None:
    """Open or close channels."""
    if action.name == "open":
        _open_batch(client, action.args["channels"], action.args["funding"])
    else:
        _close(client, action.args["channel_point"], action.args["closing"])


def _open_batch(
    client: Client, wishes: t.Sequence[tuple[WantedChannel, bytes]], funding: t.Mapping[str, t.Any]
) -> None:
    """Open channels in one transaction; all of them or none.

    Raises:
        Refused: the wallet has too few coins.
        WaitTimeout: a node is not synced to the chain, and was not in time.
        CallError: anything else, by kind: PeerOffline, PendingLimit, UnderWay.
    """
    request = {"channels": [_request(each, pending_id) for each, pending_id in wishes], **funding}
    try:
        # A refusal, unlike a lost answer, means that nothing was done, so the call can be made again.
        wait.until(
            "lnd to open channels",
            lambda: client.call("lnrpc.Lightning/BatchOpenChannel", **request),
            lambda _opened: True,
            _SYNC_WAIT_SECONDS,
            passing=(NotSynced,),
            interval=0.5,
        )
    except NoFunds as error:
        total = sum(each.capacity or 0 for each, _id in wishes)
        raise too_little(
            client, f"{total} sat for {len(wishes)} channel(s), and the fee of the transaction (lnd: {error.detail})"
        ) from error


def _request(wanted: WantedChannel, pending_id: bytes) -> dict[str, t.Any]:
    request: dict[str, t.Any] = {
        "node_pubkey": bytes.fromhex(wanted.peer),
        "local_funding_amount": wanted.capacity,
        "push_sat": wanted.push_sat,
        "private": wanted.private,
        "close_address": wanted.close_address or "",
        "pending_chan_id": pending_id,
        "memo": wanted.memo or "",
    }
    if wanted.commitment_type is not None:
        request["commitment_type"] = wanted.commitment_type
    if wanted.base_fee_msat is not None:
        request.update(base_fee=wanted.base_fee_msat, use_base_fee=True)
    if wanted.fee_rate_ppm is not None:
        request.update(fee_rate=wanted.fee_rate_ppm, use_fee_rate=True)
    return request


def _close(client: Client, point: str, closing: t.Mapping[str, t.Any]) -> None:
    """Close one channel; return when its closing transaction is published. A channel that is already gone is a success.

    Raises:
        CallError: by kind: PeerOffline for a cooperative close without the peer.
    """
    call = "lnrpc.Lightning/CloseChannel"
    updates = client.stream(call, channel_point=outpoint(point), **closing)
    try:
        # The next update would come with the confirmation.
        with contextlib.closing(t.cast("t.Any", updates)):
            if next(updates, None) is None:
                raise TimedOut(client.node, call, "OK", "the stream ended without a closing transaction")
    except NotFound:
        return


def wait_channels(
    client: Client, wanted: WantedChannels, before: t.Sequence[Channel], timeout: float
) -> tuple[Channel, ...]:
    """Wait until the wanted channels are active, or the closing transactions are confirmed; return all channels with
    the peers.

    Args:
        client: the node.
        wanted: the wanted channels.
        before: the channels as they were read last; closed ones cannot be read afterwards.
        timeout: seconds.

    Raises:
        WaitTimeout: the text shows what each channel waits for.
    """
    if wanted.present:
        return wait.until(
            "active channels",
            lambda: read_channels(client, wanted),
            lambda channels: _active(wanted, channels),
            timeout,
        )
    wait.until(
        "confirmed closing transactions",
        lambda: read_channels(client, wanted),
        lambda channels: _confirmed(wanted, channels),
        timeout,
    )
    return tuple(before)


def _active(wanted: WantedChannels, channels: t.Sequence[Channel]) -> bool:
    counted, missing = allot(wanted.channels, channels)
    return not missing and all(channel.active for channel in counted)


def _confirmed(wanted: WantedChannels, channels: t.Sequence[Channel]) -> bool:
    """Return whether all closing transactions are confirmed. Until its coins are free, a force-closed channel stays
    listed as pending_force_closing.
    """
    return all(channel.status == "pending_force_closing" for channel in named(wanted, channels))


def channels_result(wanted: WantedChannels, channels: t.Sequence[Channel]) -> dict[str, t.Any]:
    """Build a module's result."""
    return {
        "channels": [
            asdict(channel)
            for channel in (allot(wanted.channels, channels)[0] if wanted.present else named(wanted, channels))
        ]
    }
