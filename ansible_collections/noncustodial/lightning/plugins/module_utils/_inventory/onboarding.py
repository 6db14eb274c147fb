# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of an onboarding: the channels of a run's tenants by gateway, and the report of one tenant."""

from __future__ import annotations

import typing as t

from .node import node

Values = t.Mapping[str, t.Any]

# What a report has of a payment.
_PAYMENT = ("payment_hash", "value_msat", "fee_msat", "duration_ms")


def openings(
    hostvars: t.Mapping[str, Values], wanted: t.Iterable[Values], predicted: t.Iterable[Values] = ()
) -> list[dict[str, t.Any]]:
    """Return the gateways that are to open channels, these channels, and how a module calls the gateway.

    Args:
        hostvars: the variables of every host.
        wanted: the name of a gateway and the channel that it is to open, for each tenant.
        predicted: the results of lnd_channel; a gateway whose channels are all active in them is left out.
    """
    active = {channel["remote_pubkey"] for channel in _channels(predicted) if channel.get("active")}
    channels: dict[str, list[Values]] = {}
    for one in wanted:
        channels.setdefault(one["gateway"], []).append(one["channel"])
    return [
        {"gateway": gateway, "connection": node(gateway, hostvars[gateway]).connection, "channels": its}
        for gateway, its in sorted(channels.items())
        if not active.issuperset(channel["peer"] for channel in its)
    ]


def report(
    offer: Values,
    before: Values,
    own: Values,
    *,
    predicted: t.Iterable[Values],
    opened: t.Iterable[Values],
    proof: Values,
) -> dict[str, t.Any]:
    """Return the report of a tenant's onboarding.

    Args:
        offer: the opened bundle, as lnd_bundle_info returns it.
        before: the report that was written last, or an empty one.
        own: tenant, network, shape and gateway.
        predicted: the results of lnd_channel before anything was opened.
        opened: the results of lnd_channel after that.
        proof: the payments that the node has made, as the function proof returns them.
    """
    sha256, bundle, shape = offer["sha256"], offer["bundle"], own["shape"]
    active = [channel for channel in _channels(predicted, bundle["node_id"]) if channel.get("active")]
    its = active or _channels(opened, bundle["node_id"])
    former = [*before.get("bundles_replaced", []), before.get("bundle_sha256", sha256)]
    replaced = [one for one in dict.fromkeys(former) if one != sha256]
    return {
        "tenant": own["tenant"],
        "network": own["network"],
        "shape": shape,
        "node_id": bundle["node_id"],
        **({} if shape == "on_premises" else {"signer" if shape == "watch_only" else "endpoint": bundle["endpoint"]}),
        "bundle_sha256": sha256,
        **({"grant_receipt": offer["receipt"]} if "receipt" in offer else {}),
        "gateway": own["gateway"],
        "channels": [channel["channel_point"] for channel in its],
        "capacity_sat": sum(channel["capacity"] for channel in its),
        **({"bundles_replaced": replaced} if replaced else {}),
        **proof,
    }


def proof(payments: t.Mapping[str, t.Sequence[Values]], before: Values) -> dict[str, dict[str, t.Any]]:
    """Return the hash, amount, fee and duration of payments.

    Args:
        payments: the results of lnd_payment_info and lnd_payment at the payer and of lnd_invoice at the payee, by name.
        before: the report that was written last, or an empty one.
    """
    return {
        name: _payment(present, paid, invoice, before.get(name, {}))
        for name, (present, paid, invoice) in payments.items()
    }


def _channels(results: t.Iterable[Values], peer: str | None = None) -> list[Values]:
    """Return the channels in the results of lnd_channel: all of them, or those to one peer."""
    channels = [channel for result in results for channel in result.get("channels", ())]
    return [channel for channel in channels if peer in (None, channel["remote_pubkey"])]


def _payment(present: Values, paid: Values, invoice: Values, before: Values) -> dict[str, t.Any]:
    """Return what is known of a payment: from its payer, or else from the last report, or else from its payee."""
    if present.get("payments"):
        its = present["payments"][0]
    elif not paid.get("skipped"):
        its = paid
    elif before.get("payment_hash") == invoice["r_hash"]:
        its = before
    else:
        its = {
            "payment_hash": invoice["r_hash"],
            "value_msat": invoice["amt_paid_msat"],
            "fee_msat": None,
            "duration_ms": None,
        }
    return {name: its[name] for name in _PAYMENT}
