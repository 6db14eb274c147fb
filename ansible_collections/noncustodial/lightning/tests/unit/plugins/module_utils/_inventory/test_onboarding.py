# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels that a run opens, by gateway, and the report that it writes of each tenant."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory import onboarding

HOSTVARS: dict[str, dict[str, t.Any]] = {
    "east": {"lnd_network": "regtest"},
    "west": {"lnd_port_offset": 1, "lnd_name": "w", "lnd_network": "regtest"},
}
WANTED = [
    {"gateway": "west", "channel": {"peer": "02aa", "capacity": 1}},
    {"gateway": "east", "channel": {"peer": "02bb", "capacity": 2}},
    {"gateway": "west", "channel": {"peer": "02cc", "capacity": 3}},
]
WEST = {"rpcserver": "localhost:10010", "lnddir": "/var/lib/lnd/w", "network": "regtest"}


def channel(peer: str, point: str = "", capacity: int = 5, **more: t.Any) -> dict[str, t.Any]:
    return {"remote_pubkey": peer, "channel_point": point, "capacity": capacity, **more}


def results(*channels: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the results of a loop over two gateways, one of which has nothing to do."""
    return [{"item": "east", "skipped": True}, {"item": "west", "channels": list(channels)}]


def test_a_gateway_opens_the_channels_of_all_its_tenants() -> None:
    east, west = onboarding.openings(HOSTVARS, WANTED)
    assert (east["gateway"], east["channels"]) == ("east", [{"peer": "02bb", "capacity": 2}])
    assert west == {
        "gateway": "west",
        "connection": WEST,
        "channels": [{"peer": "02aa", "capacity": 1}, {"peer": "02cc", "capacity": 3}],
    }


@pytest.mark.parametrize(
    ("predicted", "gateways"),
    [
        (results(), ["east", "west"]),
        (results(channel("02aa", active=True)), ["east", "west"]),
        (results(channel("02aa", active=True), channel("02cc", active=False)), ["east", "west"]),
        # One that is yet to be opened is neither active nor inactive.
        (results(channel("02aa", active=True), channel("02cc")), ["east", "west"]),
        (results(channel("02aa", active=True), channel("02cc", active=True)), ["east"]),
        (results(*(channel(peer, active=True) for peer in ("02aa", "02bb", "02cc"))), []),
    ],
)
def test_a_gateway_whose_channels_are_active_opens_none(predicted: list[dict[str, t.Any]], gateways: list[str]) -> None:
    assert [one["gateway"] for one in onboarding.openings(HOSTVARS, WANTED, predicted)] == gateways


def report(shape: str = "watch_only", before: t.Any = None, proof: t.Any = None, **lists: t.Any) -> dict[str, t.Any]:
    offer = {"sha256": "new", "bundle": {"node_id": "02aa", "endpoint": "signer.example:10009"}}
    own = {"tenant": "acme", "network": "regtest", "shape": shape, "gateway": "west"}
    given = {"predicted": [], "opened": [], **lists}
    return onboarding.report(offer, before or {}, own, proof=proof or {}, **given)


def test_a_report_has_the_receipt_of_the_grant() -> None:
    """A node on its tenant's premises has granted nothing, and a bundle of it has none."""
    offer = {"sha256": "new", "receipt": "7Q4X", "bundle": {"node_id": "02aa", "endpoint": "signer.example:10009"}}
    own = {"tenant": "acme", "network": "regtest", "shape": "watch_only", "gateway": "west"}
    made = onboarding.report(offer, {}, own, predicted=[], opened=[], proof={})
    assert (made["grant_receipt"], "grant_receipt" in report()) == ("7Q4X", False)


def test_a_report_has_this_order() -> None:
    proof = {"payment_in": {"value_msat": 1}, "payment_out": {}}
    made = report(before={"bundle_sha256": "old"}, proof=proof, opened=results(channel("02aa", "f:0", 7)))
    assert [*made.items()] == [
        ("tenant", "acme"),
        ("network", "regtest"),
        ("shape", "watch_only"),
        ("node_id", "02aa"),
        ("signer", "signer.example:10009"),
        ("bundle_sha256", "new"),
        ("gateway", "west"),
        ("channels", ["f:0"]),
        ("capacity_sat", 7),
        ("bundles_replaced", ["old"]),
        *proof.items(),
    ]


@pytest.mark.parametrize(("shape", "word"), [("watch_only", "signer"), ("external", "endpoint"), ("on_premises", "")])
def test_where_the_tenants_side_is_called(shape: str, word: str) -> None:
    assert [name for name, value in report(shape).items() if value == "signer.example:10009"] == [word] * bool(word)


@pytest.mark.parametrize(
    ("predicted", "opened", "channels"),
    [
        (results(), results(channel("02aa", "f:0"), channel("02cc", "g:0")), (["f:0"], 5)),
        (results(channel("02aa")), results(channel("02aa", "f:0")), (["f:0"], 5)),
        (results(channel("02aa", "f:0", active=False)), results(channel("02aa", "h:0")), (["h:0"], 5)),
        # What the gateway opened was for another tenant.
        (results(channel("02aa", "f:0", active=True)), results(channel("02aa", "f:0"), channel("02cc")), (["f:0"], 5)),
        (results(*(channel("02aa", point, active=True) for point in ("f:0", "f:1"))), [], (["f:0", "f:1"], 10)),
    ],
)
def test_the_channels_of_the_report_are_the_tenants_own(predicted: t.Any, opened: t.Any, channels: t.Any) -> None:
    made = report(predicted=predicted, opened=opened)
    assert (made["channels"], made["capacity_sat"]) == channels


@pytest.mark.parametrize(
    ("before", "replaced"),
    [
        ({}, None),
        ({"bundle_sha256": "new"}, None),
        ({"bundle_sha256": "old"}, ["old"]),
        ({"bundle_sha256": "b", "bundles_replaced": ["c", "a"]}, ["c", "a", "b"]),
        # The tenant has gone back to a former one.
        ({"bundle_sha256": "b", "bundles_replaced": ["new", "a", "b"]}, ["a", "b"]),
    ],
)
def test_bundles_that_were_replaced_stand_in_order(before: dict[str, t.Any], replaced: list[str] | None) -> None:
    assert report(before=before).get("bundles_replaced") == replaced


FIGURES = {"payment_hash": "aa", "value_msat": 1, "fee_msat": 2, "duration_ms": 3}
SKIPPED = {"changed": False, "skipped": True}
SETTLED = {"r_hash": "aa", "amt_paid_msat": 9, "state": "SETTLED"}


@pytest.mark.parametrize(
    ("read", "paid", "invoice", "before", "expected"),
    [
        ({"payments": [{**FIGURES, "status": "SUCCEEDED"}]}, SKIPPED, SKIPPED, {}, FIGURES),
        ({"payments": []}, {**FIGURES, "changed": True}, {"r_hash": "aa"}, {}, FIGURES),
        # Without a key nothing was read.
        (SKIPPED, {**FIGURES, "changed": True}, {"r_hash": "aa"}, {}, FIGURES),
        (
            {"payments": []},
            SKIPPED,
            SETTLED,
            {"payment_in": {**FIGURES, "value_msat": 8}},
            {**FIGURES, "value_msat": 8},
        ),
        (
            {"payments": []},
            SKIPPED,
            SETTLED,
            {"payment_in": {**FIGURES, "payment_hash": "bb"}},
            {"payment_hash": "aa", "value_msat": 9, "fee_msat": None, "duration_ms": None},
        ),
        (
            {"payments": []},
            SKIPPED,
            SETTLED,
            {},
            {"payment_hash": "aa", "value_msat": 9, "fee_msat": None, "duration_ms": None},
        ),
    ],
)
def test_the_first_that_knows_a_payment_gives_its_figures(
    read: t.Any, paid: t.Any, invoice: t.Any, before: t.Any, expected: t.Any
) -> None:
    assert onboarding.proof({"payment_in": [read, paid, invoice]}, before) == {"payment_in": expected}
