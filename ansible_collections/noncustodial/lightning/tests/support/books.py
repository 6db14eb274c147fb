# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The condition that always holds for a hub: its ledger and its node's own lists agree, payment by payment and msat by
msat.
"""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import NotFound
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd
from ansible_collections.noncustodial.lightning.tests.support.hubs import Setting

SETTLED, CANCELED = 1, 2
IN_FLIGHT, SUCCEEDED = 1, 2
_MAX_RECORDS = 100_000

_LEDGER_SQL = """SELECT (SELECT sum(msat) FROM entries) || ' ' ||
  ((SELECT sum(msat) FROM balances) + (SELECT coalesce(sum(msat), 0) FROM entries WHERE account_id = 0)) || ' ' ||
  (SELECT coalesce(sum(msat), 0) FROM entries WHERE account_id = 3) || ' ' || (SELECT count(*) FROM balances
    WHERE msat < 0)"""
_PAYMENTS_SQL = (
    "SELECT encode(payment_hash, 'hex'), amount_msat, fee_msat FROM payments WHERE state = 'settled' AND kind <>"
    " 'internal'"
)
_INVOICES_SQL = "SELECT encode(payment_hash, 'hex'), received_msat, internal FROM invoices WHERE state = 'settled'"


class Books:
    """The ledger of a hub and its node, which has moved money only for this hub."""

    def __init__(self, setting: Setting, lnd: Lnd) -> None:
        self._setting, self._lnd = setting, lnd

    def sql(self, statement: str) -> list[list[str]]:
        """Return the rows of a query."""
        return self._setting.postgres.sql(self._setting.database, statement)

    def lists(self) -> tuple[t.Any, t.Any]:
        """Return all invoices and all payments of the node."""
        with Client(Connection(self._lnd.rpcserver, *self._lnd.credentials())) as client:
            invoices = client.call("lnrpc.Lightning/ListInvoices", num_max_invoices=_MAX_RECORDS).invoices
            payments = client.call(
                "lnrpc.Lightning/ListPayments", max_payments=_MAX_RECORDS, include_incomplete=True, omit_hops=True
            ).payments
        return invoices, payments

    def received(self) -> dict[str, int]:
        """Return what each settled invoice has brought for good, in msat by hash, without those that have not."""
        found: dict[str, int] = {}
        with Client(Connection(self._lnd.rpcserver, *self._lnd.credentials())) as client:
            for invoice in self.lists()[0]:
                for htlc in invoice.htlcs:
                    if htlc.state == SETTLED and self._came(client, htlc.chan_id, htlc.htlc_index):
                        name = invoice.r_hash.hex()
                        found[name] = found.get(name, 0) + htlc.amt_msat
        return found

    @staticmethod
    def _came(client: Client, chan_id: int, index: int) -> bool:
        try:
            return bool(client.call("lnrpc.Lightning/LookupHtlcResolution", chan_id=chan_id, htlc_index=index).settled)
        except NotFound:
            return False

    def agree(self) -> None:
        """Check that the sums are the same."""
        payments = self.lists()[1]
        came = sum(self.received().values())
        went = sum(one.value_msat + one.fee_msat for one in payments if one.status == SUCCEEDED)
        (found,) = self.sql(_LEDGER_SQL)
        assert found[0] == f"0 {came - went} 0 0"

    def agree_in_all(self) -> None:
        """Check also that each payment and each deposit is on both sides, once."""
        self.agree()
        invoices, payments = self.lists()
        made = {one.payment_hash: (one.value_msat, one.fee_msat) for one in payments if one.status == SUCCEEDED}
        booked = [(row[0], (int(row[1]), int(row[2]))) for row in self.sql(_PAYMENTS_SQL)]
        assert len(dict(booked)) == len(booked), "a payment is booked twice"
        assert dict(booked) == made
        deposits = {row[0]: int(row[1]) for row in self.sql(_INVOICES_SQL) if row[2] == "f"}
        assert deposits == self.received()
        between = {row[0] for row in self.sql(_INVOICES_SQL) if row[2] == "t"}
        assert between <= {one.r_hash.hex() for one in invoices if one.state == CANCELED}

    def under_way(self) -> set[str]:
        """Return the hashes of the payments whose end the node does not know."""
        return {one.payment_hash for one in self.lists()[1] if one.status == IN_FLIGHT}
