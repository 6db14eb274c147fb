# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import module as module_core
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.invoice import derived_preimages
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

LOOKUP, ADD = "lnrpc.Lightning/LookupInvoice", "lnrpc.Lightning/AddInvoice"
LIST, NODE, EDGE = "lnrpc.Lightning/ListChannels", "lnrpc.Lightning/GetNodeInfo", "lnrpc.Lightning/GetChanInfo"
PREIMAGE = bytes(range(32))
KEY = "c0" * 16
ROW = derived_preimages(bytes.fromhex(KEY), "acme in")
WISH = {"value_msat": 5_000, "preimage": PREIMAGE.hex()}
NONE = Fails("unable to locate invoice", "NOT_FOUND")


def digest(preimage: bytes) -> bytes:
    return hashlib.sha256(preimage).digest()


def found(state: str = "OPEN", preimage: bytes = PREIMAGE, **fields: t.Any) -> Call:
    paid = 5_000 if state == "SETTLED" else 0
    invoice = {
        "r_hash": digest(preimage),
        "r_preimage": preimage,
        "payment_request": "lnbcrt1x",
        "state": state,
        "value_msat": 5_000,
        "amt_paid_msat": paid,
    }
    return Call(LOOKUP, {**invoice, **fields}, {"r_hash": digest(preimage)})


def missing(preimage: bytes = PREIMAGE) -> Call:
    return Call(LOOKUP, NONE, {"r_hash": digest(preimage)})


def silent(result: dict[str, t.Any], *secrets: str) -> None:
    """Check that no secret is in the module's output, the log of its options included."""
    for secret in secrets:
        assert secret not in json.dumps(result)


def test_creates(scripted: t.Any, succeeds: t.Any) -> None:
    sent = {"r_preimage": PREIMAGE, "value_msat": 5_000, "memo": "x", "expiry": 60, "private": False}
    lnd = scripted(missing(), Call(ADD, {}, sent), found(memo="x", expiry=60))
    result = succeeds("lnd_invoice", memo="x", expiry=60, **WISH, **lnd.options)
    assert (result["changed"], result["state"], result["payment_request"]) == (True, "OPEN", "lnbcrt1x")
    assert result["r_hash"] == digest(PREIMAGE).hex()
    silent(result, PREIMAGE.hex())


@pytest.mark.parametrize("state", ["OPEN", "ACCEPTED", "SETTLED"])
def test_repeat(scripted: t.Any, succeeds: t.Any, state: str) -> None:
    result = succeeds("lnd_invoice", **WISH, **scripted(found(state)).options)
    assert (result["changed"], result["state"]) == (False, state)
    silent(result, PREIMAGE.hex())


def test_check_mode_only_reads(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds("lnd_invoice", True, wait=True, **WISH, **scripted(missing()).options)
    assert (result["changed"], result["state"], result["value_msat"]) == (True, "OPEN", 5_000)
    assert "payment_request" not in result
    silent(result, PREIMAGE.hex())


def test_another_amount(scripted: t.Any, fails: t.Any) -> None:
    assert "exists with 6000 msat, wanted are 5000 msat" in fails(
        "lnd_invoice", **WISH, **scripted(found(value_msat=6_000)).options
    )


def test_another_amount_that_was_paid(scripted: t.Any, succeeds: t.Any) -> None:
    result = succeeds(
        "lnd_invoice",
        any_settled=True,
        **WISH,
        **scripted(found("SETTLED", value_msat=6_000, amt_paid_msat=6_000)).options,
    )
    assert (result["changed"], result["value_msat"], result["amt_paid_msat"]) == (False, 6_000, 6_000)


def test_a_canceled_invoice(scripted: t.Any, fails: t.Any) -> None:
    assert "Give another preimage" in fails("lnd_invoice", **WISH, **scripted(found("CANCELED")).options)


def test_a_random_preimage_is_made_once_in_a_run(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(Call(LOOKUP, NONE), Call(ADD), Call(LOOKUP, {"state": "OPEN", "value_msat": 5}))
    result = succeeds("lnd_invoice", value_msat=5, **lnd.options)
    looked, added, again = lnd.requests
    assert looked.r_hash == again.r_hash == digest(added.r_preimage)
    silent(result, added.r_preimage.hex())


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED"])
def test_a_lost_answer(scripted: t.Any, succeeds: t.Any, status: str) -> None:
    lnd = scripted(missing(), Call(ADD, Fails("gone", status)), missing(), found())
    assert succeeds("lnd_invoice", **WISH, **lnd.options)["changed"] is True


def test_a_lost_answer_without_an_invoice(scripted: t.Any, fails: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_core, "_LOST_ANSWER_WAIT_SECONDS", 0.0)
    assert "no change has shown" in fails(
        "lnd_invoice", **WISH, **scripted(missing(), Call(ADD, Fails("gone", "UNAVAILABLE")), missing()).options
    )


def test_made_by_another_run_meanwhile(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(missing(), Call(ADD, Fails("invoice with payment hash already exists")), found())
    succeeds("lnd_invoice", **WISH, **lnd.options)


def test_a_label_finds_the_first_that_has_not_lapsed(scripted: t.Any, succeeds: t.Any) -> None:
    wish = {"value_msat": 5_000, "preimage_from": {"key": KEY, "label": "acme in"}}
    lnd = scripted(
        found("CANCELED", ROW[0]), found("CANCELED", ROW[1]), missing(ROW[2]), Call(ADD, {}, {"r_preimage": ROW[2]}),
        found("CANCELED", ROW[0]), found("CANCELED", ROW[1]), found("OPEN", ROW[2]),
    )  # fmt: skip
    result = succeeds("lnd_invoice", **wish, **lnd.options)
    assert result["r_hash"] == digest(ROW[2]).hex()
    silent(result, KEY, ROW[0].hex(), ROW[2].hex())
    assert succeeds("lnd_invoice", **wish, **scripted(found("SETTLED", ROW[0])).options)["changed"] is False


def test_waits_until_paid(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(found(), found(), found("ACCEPTED"), found("SETTLED"))
    result = succeeds("lnd_invoice", wait=True, wait_timeout=10, **WISH, **lnd.options)
    assert (result["changed"], result["state"], result["amt_paid_msat"]) == (False, "SETTLED", 5_000)


def test_the_wait_ends_when_the_invoice_lapses(scripted: t.Any, fails: t.Any) -> None:
    assert "expired unpaid" in fails(
        "lnd_invoice", wait=True, **WISH, **scripted(found(), found(), found("CANCELED")).options
    )


def test_the_wait_is_limited(scripted: t.Any, fails: t.Any) -> None:
    message = fails("lnd_invoice", wait=True, wait_timeout=0, **WISH, **scripted(found(), found()).options)
    assert f"the payment of invoice {digest(PREIMAGE).hex()}" in message
    assert PREIMAGE.hex() not in message


PEER, ME = "03" + "bb" * 32, "02" + "aa" * 32
PRIVATE = Call(LIST, {"channels": [{"channel_point": "ab:0", "remote_pubkey": PEER, "private": True, "active": True}]})
UNHEARD, HEARD = Call(NODE, {}, {"pub_key": PEER, "include_channels": True}), Call(NODE, {"channels": [{}]})
KNOWN = Call(EDGE, {"node1_pub": ME, "node2_pub": PEER, "node2_policy": {"time_lock_delta": 40}})


def test_private_waits_for_a_way_that_lnd_can_name(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        missing(),
        Call(LIST),
        PRIVATE, Call(NODE, Fails("unable to find node", "NOT_FOUND")), KNOWN,
        PRIVATE, UNHEARD, KNOWN,
        PRIVATE, HEARD, Call(EDGE, Fails("edge not found", "NOT_FOUND")),
        PRIVATE, HEARD, Call(EDGE, {"node1_pub": PEER, "node2_pub": ME, "node2_policy": {}}),
        PRIVATE, HEARD, KNOWN,
        Call(ADD, {}, {"private": True}),
        found(route_hints=[{"hop_hints": [{"node_id": PEER}]}]),
    )  # fmt: skip
    assert succeeds("lnd_invoice", private=True, **WISH, **lnd.options)["route_hints"] == 1


def test_private_is_content_with_an_announced_channel(scripted: t.Any, succeeds: t.Any) -> None:
    announced = Call(LIST, {"channels": [{"channel_point": "ab:0", "remote_pubkey": PEER, "active": True}]})
    assert (
        succeeds("lnd_invoice", private=True, **WISH, **scripted(missing(), announced, Call(ADD), found()).options)[
            "route_hints"
        ]
        == 0
    )


def test_private_without_a_way(scripted: t.Any, fails: t.Any) -> None:
    message = fails(
        "lnd_invoice", private=True, wait_timeout=0, **WISH, **scripted(missing(), PRIVATE, UNHEARD, KNOWN).options
    )
    assert "a way by which this node can be paid" in message
    assert "peer_announced=False" in message


def test_bad_options(fails: t.Any) -> None:
    assert "missing required arguments: value_msat" in fails("lnd_invoice")
    assert "mutually exclusive" in fails("lnd_invoice", preimage_from={"key": KEY, "label": "x"}, **WISH)
    message = fails("lnd_invoice", value_msat=1, preimage="ab" * 31)
    assert "preimage is not 32 bytes" in message
    assert "ab" * 31 not in message
    assert "preimage_from.key is not 16 bytes" in fails(
        "lnd_invoice", value_msat=1, preimage_from={"key": "abcd", "label": "x"}
    )
