# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of a node's channels: fees and limits for payments that it forwards."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field, fields, replace

from .._core import wait
from .._core.errors import InvalidInput, Refused
from .._core.ids import channel_point, node_id, outpoint
from .._core.plan import Action, Plan
from .._grpc.errors import NotFound

if t.TYPE_CHECKING:
    from .._grpc.client import Client
    from .._grpc.messages import Message

# Seconds in which lnd's own graph shows a new policy, or a new channel.
_SHOWN_WITHIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """This node's policy in one channel, with the module's option names.

    Attributes:
        base_fee_msat: fee per payment.
        fee_rate_ppm: fee in millionths of the amount.
        time_lock_delta: blocks.
        min_htlc_msat: smallest amount forwarded.
        max_htlc_msat: largest amount forwarded.
    """

    base_fee_msat: int
    fee_rate_ppm: int
    time_lock_delta: int
    min_htlc_msat: int
    max_htlc_msat: int


POLICY_FIELDS = tuple(each.name for each in fields(Policy))


@dataclass(frozen=True)
class WantedPolicy:
    """The channels that are meant, and the wanted values of their policy.

    Attributes:
        channel_point: only this channel.
        peer: only the channels with this node.
        values: by the names of Policy; values that are not named stay.
    """

    channel_point: str | None = None
    peer: str | None = None
    values: t.Mapping[str, int] = field(default_factory=dict)


def parse_options(options: t.Mapping[str, t.Any]) -> WantedPolicy:
    """Parse a module's options into the wanted policy.

    Raises:
        InvalidInput: a name is malformed, or no channel is named.
    """
    point, peer = options["channel_point"], options["peer"]
    if not (point or peer or options["all"]):
        raise InvalidInput("No channel is named", "Set channel_point, peer, or all to true")
    values = {name: options[name] for name in POLICY_FIELDS if options[name] is not None}
    return WantedPolicy(point and channel_point(point), peer and node_id(peer), values)


@dataclass(frozen=True)
class ChannelPolicy:
    """A channel and its policy."""

    channel_point: str
    remote_pubkey: str
    policy: Policy


def read_policies(client: Client, wanted: WantedPolicy) -> tuple[ChannelPolicy, ...]:
    """Read the policies of the named open channels.

    Raises:
        Refused: there is no such channel, or lnd does not know its policy yet.
    """
    me = client.call("lnrpc.Lightning/GetInfo").identity_pubkey
    listed = client.call("lnrpc.Lightning/ListChannels", peer=bytes.fromhex(wanted.peer or "")).channels
    channels = [channel for channel in listed if wanted.channel_point in (None, channel.channel_point)]
    if not channels and (wanted.channel_point or wanted.peer):
        which = wanted.channel_point or f"with {wanted.peer}"
        raise Refused(
            f"lnd at {client.node} has no open channel {which}",
            "Check the name with lncli listchannels there, or wait until the channel is open",
        )
    return tuple(
        ChannelPolicy(channel.channel_point, channel.remote_pubkey, _policy(client, channel.channel_point, me))
        for channel in channels
    )


def _policy(client: Client, point: str, me: str) -> Policy:
    # A channel is in lnd's list before it is in lnd's own graph, and there before it has a policy.
    edge = wait.until(
        f"lnd at {client.node} to have a policy of {point}",
        lambda: client.call("lnrpc.Lightning/GetChanInfo", chan_point=point),
        lambda edge: edge.HasField(_side(edge, me)),
        _SHOWN_WITHIN_SECONDS,
        passing=(NotFound,),
    )
    mine = getattr(edge, _side(edge, me))
    return Policy(
        base_fee_msat=mine.fee_base_msat,
        fee_rate_ppm=mine.fee_rate_milli_msat,
        time_lock_delta=mine.time_lock_delta,
        min_htlc_msat=mine.min_htlc,
        max_htlc_msat=mine.max_htlc_msat,
    )


def _side(edge: Message, me: str) -> str:
    return "node1_policy" if edge.node1_pub == me else "node2_policy"


def plan_policies(wanted: WantedPolicy, policies: t.Sequence[ChannelPolicy]) -> Plan:
    """Plan to update the channels whose policy is not as wanted."""
    new = [replace(channel, policy=replace(channel.policy, **wanted.values)) for channel in policies]
    actions = tuple(
        Action("update", {"channel_point": after.channel_point, **asdict(after.policy)})
        for before, after in zip(policies, new, strict=True)
        if before != after
    )
    return Plan(actions, {"channels": shown(policies)}, {"channels": shown(new)}) if actions else Plan()


def apply_policy(client: Client, action: Action) -> None:
    """Set the policy of one channel. lnd always takes fees and time lock together, so unchanged ones are sent again.

    Raises:
        Refused: lnd does not accept it; the text is lnd's.
    """
    args = dict(action.args)
    point = args.pop("channel_point")
    answer = client.call(
        "lnrpc.Lightning/UpdateChannelPolicy",
        chan_point=outpoint(point),
        min_htlc_msat_specified=True,
        **args,
    )
    for failure in answer.failed_updates:
        raise Refused(
            f"lnd at {client.node} refuses the policy of {point}: {failure.update_error}",
            "Choose values within the channel's own limits",
        )


def wait_policies(client: Client, wanted: WantedPolicy) -> tuple[ChannelPolicy, ...]:
    """Wait until the node's own graph shows the policies; return them.

    Raises:
        WaitTimeout: it does not show them in time.
    """
    return wait.until(
        "the new policies in the graph",
        lambda: read_policies(client, wanted),
        lambda policies: not plan_policies(wanted, policies).changed,
        _SHOWN_WITHIN_SECONDS,
    )


def shown(policies: t.Sequence[ChannelPolicy]) -> list[dict[str, t.Any]]:
    """Return plain values for results and diffs."""
    return [
        {"channel_point": channel.channel_point, "remote_pubkey": channel.remote_pubkey, **asdict(channel.policy)}
        for channel in policies
    ]
