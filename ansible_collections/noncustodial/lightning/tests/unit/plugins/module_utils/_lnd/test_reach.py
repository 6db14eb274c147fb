# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels that lead to a node, according to lnd's own rule for invoices."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import WaitTimeout
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.reach import Way, wait_reachable
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import ADMIN, Call, Fails, ScriptedLnd


@pytest.mark.parametrize(
    ("way", "usable"),
    [
        (Way(channel_point="a:0", private=False, active=True), True),
        (Way(channel_point="a:0", private=False, active=False), False),
        (Way(channel_point="a:0", private=True, active=True, peer_announced=True, policy_known=True), True),
        (Way(channel_point="a:0", private=True, active=True, peer_announced=False, policy_known=True), False),
        (Way(channel_point="a:0", private=True, active=True, peer_announced=True, policy_known=False), False),
        (Way(channel_point="a:0", private=True, active=False, peer_announced=True, policy_known=True), False),
    ],
)
def test_usable(way: Way, usable: bool) -> None:
    assert way.usable is usable


DENIED = Call("lnrpc.Lightning/ListChannels", Fails("permission denied"))


def trial(*hints: str) -> list[Call]:
    """Return the calls for a trial invoice that names these channels."""
    named = [{"hop_hints": [{"node_id": hint}]} for hint in hints]
    return [
        Call("lnrpc.Lightning/AddInvoice", request={"private": True}),
        Call("lnrpc.Lightning/LookupInvoice", {"route_hints": named}),
        Call("invoicesrpc.Invoices/CancelInvoice"),
    ]


def client(lnd: ScriptedLnd) -> Client:
    return Client(Connection(f"localhost:{lnd.port}", (lnd.folder / "tls.cert").read_bytes(), ADMIN, 10))


def test_who_may_not_look_at_channels_looks_at_invoices(scripted: t.Callable[..., ScriptedLnd]) -> None:
    """Each is canceled, and always the one that was made."""
    lnd = scripted(DENIED, *trial(), *trial("02" + "11" * 32))
    with client(lnd) as caller:
        wait_reachable(caller, 10)
    made = [one.r_preimage for one in lnd.requests if one.DESCRIPTOR.name == "Invoice"]
    assert len(set(made)) == 2


def test_no_invoice_that_names_a_channel(scripted: t.Callable[..., ScriptedLnd]) -> None:
    with (
        client(scripted(DENIED, *trial())) as caller,
        pytest.raises(WaitTimeout, match="an invoice that names a channel"),
    ):
        wait_reachable(caller, 0)
