# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's channels: how many, with whom, how large."""

from __future__ import annotations

import contextlib
import hashlib
import typing as t
from dataclasses import asdict, dataclass, field, replace

from . import messages, wait
from .balance import demand, too_little
from .errors import InvalidInput, NoFunds, NotFound, NotSynced, Refused, TimedOut
from .ids import channel_point, node_id, outpoint
from .plan import Action, Plan

if t.TYPE_CHECKING:
    from .client import Client

# lnd's names, without those that only mean "unknown" or are kept for old nodes.
COMMITMENT_TYPES = ("STATIC_REMOTE_KEY", "ANCHORS", "SCRIPT_ENFORCED_LEASE", "SIMPLE_TAPROOT", "SIMPLE_TAPROOT_FINAL")

# Seconds in which the coins may come free that another opening holds while it is negotiated.
_COINS_WAIT = 10.0
# Seconds in which both nodes take in a block that has just come. Until then each refuses to open a channel.
_SYNC_WAIT = 30.0

_DOMAIN = "noncustodial.lightning/channel/v1"


@dataclass(frozen=True)
class Wanted:
    """Channels to one peer that this node is to have opened.

    Attributes:
        peer: node id, hexadecimal.
        capacity: sat that each has at least; a new one gets exactly that.
        count: how many.
        push_sat: sat given to the peer when a channel is opened.
        private: not announced to the network.
        base_fee_msat: fee per forwarded payment; None is lnd's default.
        fee_rate_ppm: fee in millionths of the forwarded amount; None is lnd's default.
        commitment_type: one of COMMITMENT_TYPES; None leaves it to the two nodes.
        close_address: where this node's part is paid in a cooperative close.
        memo: a note that lnd keeps with the channel.
        channel_point: for closing: only this one.
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
class Wish:
    """All that a module asks for.

    Attributes:
        present: whether the channels are to be there.
        channels: which.
        funding: fields of BatchOpenChannel that are common to all.
        closing: fields of CloseChannel that are common to all.
    """

    present: bool
    channels: tuple[Wanted, ...]
    funding: t.Mapping[str, t.Any] = field(default_factory=dict)
    closing: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def peers(self) -> frozenset[str]:
        """Node ids of the peers that are named."""
        return frozenset(wanted.peer for wanted in self.channels)


def wish(options: t.Mapping[str, t.Any]) -> Wish:
    """What a module's options ask for.

    Raises:
        InvalidInput: an option that lnd would refuse by itself alone.
    """
    present = options["state"] == "present"
    fees = _given(options, "sat_per_vbyte", "target_conf")
    funding = {**fees, **_given(options, "spend_unconfirmed", "label")}
    if not options["spend_unconfirmed"]:
        funding["min_confs"] = options["min_confs"]
    return Wish(
        present,
        tuple(_wanted(element, present) for element in options["channels"]),
        funding,
        {**fees, **_given(options, "force", "delivery_address")},
    )


def _given(options: t.Mapping[str, t.Any], *names: str) -> dict[str, t.Any]:
    return {name: options[name] for name in names if options[name]}


def _wanted(element: t.Mapping[str, t.Any], present: bool) -> Wanted:
    point = element["channel_point"]
    wanted = Wanted(**{**element, "peer": node_id(element["peer"]), "channel_point": point and channel_point(point)})
    if present and wanted.capacity is None:
        raise InvalidInput(f"No capacity is given for the channels to {wanted.peer}", "Set capacity, in sat")
    if present and wanted.channel_point is not None:
        raise InvalidInput("channel_point names a channel to be closed, and state is present", "Leave it out, or set state to absent")
    if present and wanted.push_sat >= (wanted.capacity or 0):
        raise InvalidInput(
            f"push_sat {wanted.push_sat} is not below capacity {wanted.capacity} for {wanted.peer}", "Push less, or open a larger channel"
        )
    return wanted


@dataclass(frozen=True, repr=False)
class Channel:
    """One channel, under lnd's field names.

    Attributes:
        status: open, or what PendingChannels calls it: pending_open, waiting_close, pending_force_closing.
        initiator: whether this node opened it.
        closing_txid: of a channel that is being closed.
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

    def __repr__(self) -> str:
        status = self.status if self.status != "open" else "active" if self.active else "open but not active"
        return f"{self.channel_point} with {self.remote_pubkey}, {self.capacity} sat, {status}"


def read_channels(client: Client, wish: Wish) -> tuple[Channel, ...]:
    """All channels with the peers that are named, those that are being opened or closed included."""
    peers = wish.peers
    pending = client.call("lnrpc.Lightning/PendingChannels")
    found = [
        _open(channel)
        for peer in sorted(peers)
        for channel in client.call("lnrpc.Lightning/ListChannels", peer=bytes.fromhex(peer)).channels
    ]
    seen = {channel.channel_point for channel in found}
    for status, entries in (
        ("pending_open", pending.pending_open_channels),
        ("waiting_close", pending.waiting_close_channels),
        ("pending_force_closing", pending.pending_force_closing_channels),
    ):
        # A channel that became open between the two calls is in both answers; the later one counts.
        found.extend(
            _pending(status, entry)
            for entry in entries
            if entry.channel.remote_node_pub in peers and entry.channel.channel_point not in seen
        )
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


def allot(wanted: t.Sequence[Wanted], channels: t.Sequence[Channel]) -> tuple[tuple[Channel, ...], tuple[Wanted, ...]]:
    """Which channels count for which wish, and what is still missing.

    A channel counts once, if this node opened it, it is open or being opened, is large enough, and is announced or not as wanted; the commitment type
    must agree where one is named. The most demanding wishes choose first, the smallest channel that serves each.

    Returns:
        the channels that count, and one element with count 1 for each channel that is missing, in the order of the wishes.
    """
    left = sorted(
        (channel for channel in channels if channel.initiator and channel.status in ("open", "pending_open")),
        key=lambda channel: channel.capacity,
    )
    counted: list[Channel] = []
    lacking: dict[int, int] = {}
    for index, each in sorted(enumerate(wanted), key=lambda item: (item[1].commitment_type is None, -(item[1].capacity or 0))):
        serving = [channel for channel in left if _serves(channel, each)][: each.count]
        counted.extend(serving)
        left = [channel for channel in left if channel not in serving]
        lacking[index] = each.count - len(serving)
    missing = tuple(replace(each, count=1) for index, each in enumerate(wanted) for _number in range(lacking[index]))
    return tuple(channel for channel in channels if channel in counted), missing


def _serves(channel: Channel, wanted: Wanted) -> bool:
    return (
        channel.remote_pubkey == wanted.peer
        and channel.capacity >= (wanted.capacity or 0)
        and channel.private == wanted.private
        and wanted.commitment_type in (None, channel.commitment_type)
    )


def plan_channels(wish: Wish, channels: t.Sequence[Channel]) -> Plan:
    """Open what is missing, all in one transaction, or close what is open."""
    return _plan_open(wish, channels) if wish.present else _plan_close(wish, channels)


def _plan_open(wish: Wish, channels: t.Sequence[Channel]) -> Plan:
    counted, missing = allot(wish.channels, channels)
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
    args = {"channels": tuple(zip(missing, pending_ids(missing, channels), strict=True)), "funding": wish.funding}
    return Plan((Action("open", args),), {"channels": before}, {"channels": [*before, *opened]})


def pending_ids(missing: t.Sequence[Wanted], channels: t.Sequence[Channel]) -> tuple[bytes, ...]:
    """The ids under which new channels are negotiated, 32 bytes each.

    They follow from what is there, so that a second attempt to open the same channel has the same id as the first. lnd refuses an id that it is
    negotiating (funding/manager.go, handleInitFundingMsg): an opening whose answer was lost, and which no list shows yet, is not begun again.
    """
    there = [channel.channel_point for channel in channels]
    return tuple(
        hashlib.sha256("\0".join((_DOMAIN, each.peer, *sorted(there), str(number))).encode()).digest()
        for number, each in enumerate(missing)
    )


def _plan_close(wish: Wish, channels: t.Sequence[Channel]) -> Plan:
    targets = [channel for channel in named(wish, channels) if channel.status in ("open", "pending_open")]
    for channel in targets:
        if channel.status == "pending_open":
            raise Refused(f"The channel {channel!r} cannot be closed yet", "Wait until its funding transaction is confirmed")
    if not targets:
        return Plan()
    before = [asdict(channel) for channel in targets]
    after = [{**channel, "status": "waiting_close", "active": False} for channel in before]
    return Plan(
        tuple(Action("close", {"channel_point": channel.channel_point, "closing": wish.closing}) for channel in targets),
        {"channels": before},
        {"channels": after},
    )


def named(wish: Wish, channels: t.Sequence[Channel]) -> tuple[Channel, ...]:
    """The channels that are meant to be closed, in whatever state, whoever opened them."""
    return tuple(
        channel
        for channel in channels
        if any(each.peer == channel.remote_pubkey and each.channel_point in (None, channel.channel_point) for each in wish.channels)
    )


def foresee_channels(client: Client, steps: Plan) -> None:
    """Whether the wallet has the coins for what is to be opened. The transaction's own fee is not known yet, and not counted.

    Raises:
        Refused: it has too few.
    """
    for action in steps.actions:
        if action.name == "open":
            total = sum(wanted.capacity or 0 for wanted, _id in action.args["channels"])
            unconfirmed = action.args["funding"].get("spend_unconfirmed", False)
            demand(client, 0 if unconfirmed else total, total if unconfirmed else 0, _COINS_WAIT)


def apply_channels(client: Client, action: Action) -> None:
    """Open or close."""
    if action.name == "open":
        _open_batch(client, action.args["channels"], action.args["funding"])
    else:
        _close(client, action.args["channel_point"], action.args["closing"])


def _open_batch(client: Client, wishes: t.Sequence[tuple[Wanted, bytes]], funding: t.Mapping[str, t.Any]) -> None:
    """Open channels in one transaction; all of them or none.

    Raises:
        Refused: the wallet has too few coins.
        WaitTimeout: a node is not in step with the chain, and did not get there.
        CallError: anything else, by kind: PeerOffline, PendingLimit, UnderWay.
    """
    request = {"channels": [_request(each, pending_id) for each, pending_id in wishes], **funding}
    try:
        # A refusal, unlike an answer that was lost, says that nothing was done, so it can be asked again.
        wait.until(
            "lnd to open channels",
            lambda: client.call("lnrpc.Lightning/BatchOpenChannel", **request),
            lambda _opened: True,
            _SYNC_WAIT,
            passing=(NotSynced,),
            interval=0.5,
        )
    except NoFunds as error:
        total = sum(each.capacity or 0 for each, _id in wishes)
        raise too_little(
            client, f"{total} sat for {len(wishes)} channel(s), and the fee of the transaction (lnd: {error.detail})"
        ) from error


def _request(wanted: Wanted, pending_id: bytes) -> dict[str, t.Any]:
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
    """Close one channel; done when its closing transaction is published. One that is gone is as wanted.

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


def wait_channels(client: Client, wish: Wish, before: t.Sequence[Channel], timeout: float) -> tuple[Channel, ...]:
    """All channels with the peers, once those that count are active, or those that are meant have their closing transactions confirmed.

    Args:
        client: the node.
        wish: what was asked for.
        before: the channels as they were read last; of closed ones nothing can be read afterwards.
        timeout: seconds.

    Raises:
        WaitTimeout: the text shows what each channel waits for.
    """
    if wish.present:
        return wait.until("active channels", lambda: read_channels(client, wish), lambda found: _active(wish, found), timeout)
    wait.until("confirmed closing transactions", lambda: read_channels(client, wish), lambda found: _confirmed(wish, found), timeout)
    return tuple(before)


def _active(wish: Wish, channels: t.Sequence[Channel]) -> bool:
    counted, missing = allot(wish.channels, channels)
    return not missing and all(channel.active for channel in counted)


def _confirmed(wish: Wish, channels: t.Sequence[Channel]) -> bool:
    """A force-closed channel stays listed, until its coins are free, as pending_force_closing."""
    return all(channel.status == "pending_force_closing" for channel in named(wish, channels))


def channels_result(wish: Wish, channels: t.Sequence[Channel]) -> dict[str, t.Any]:
    """What a module returns."""
    return {"channels": [asdict(channel) for channel in (allot(wish.channels, channels)[0] if wish.present else named(wish, channels))]}
