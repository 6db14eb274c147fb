# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The payments that two nodes make to each other, according to each of them."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd

_MAX_RECORDS = 100_000


class Side:
    """One of two nodes, as who pays and is paid."""

    def __init__(self, node: Lnd) -> None:
        self.node = node
        self.client: Client

    def connect(self) -> None:
        """Connect to the node, over all its restarts."""
        self.client = Client(Connection(self.node.rpcserver, *self.node.credentials()))

    def pay(self, other: Side, msat: int) -> str:
        """Pay the other node; return how it went."""
        request = other.client.call("lnrpc.Lightning/AddInvoice", value_msat=msat, private=True).payment_request
        fields = {"payment_request": request, "fee_limit_msat": 10_000, "timeout_seconds": 30}
        paid = self.client.stream("routerrpc.Router/SendPaymentV2", timeout=300, no_inflight_updates=True, **fields)
        record = messages.plain(next(iter(paid)))
        return "made" if record["status"] == "SUCCEEDED" else str(record["failure_reason"])

    def payments(self) -> list[dict[str, t.Any]]:
        """Return all payments of the node."""
        options = {"max_payments": _MAX_RECORDS, "include_incomplete": True, "omit_hops": True}
        listed = self.client.call("lnrpc.Lightning/ListPayments", **options)
        return [messages.plain(one) for one in listed.payments]

    def sent(self) -> dict[str, tuple[str, int]]:
        """Return preimage and msat of all that the node has paid, by hash."""
        return {
            one["payment_hash"]: (one["payment_preimage"], int(one["value_msat"]))
            for one in self.payments()
            if one["status"] == "SUCCEEDED"
        }

    def received(self) -> dict[str, tuple[str, int]]:
        """Return the same of all that it was paid."""
        invoices = self.client.call("lnrpc.Lightning/ListInvoices", num_max_invoices=_MAX_RECORDS).invoices
        return {
            one.r_hash.hex(): (one.r_preimage.hex(), one.amt_paid_msat)
            for one in invoices
            if messages.enum_name("lnrpc.Invoice.InvoiceState", one.state) == "SETTLED"
        }

    def balances(self) -> dict[str, int]:
        """Return the node's sat in each channel that is open and active, by channel point."""
        channels = self.client.call("lnrpc.Lightning/ListChannels").channels
        return {one.channel_point: one.local_balance for one in channels if one.active}


def agree(one: Side, other: Side) -> bool:
    """Return whether what each has sent is what the other has received, with the same preimages and amounts."""
    return one.sent() == other.received() and other.sent() == one.received()
