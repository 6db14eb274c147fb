# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of one outgoing payment, in the order in which it takes them. Amounts are msat.

1. `node.Request`: the content of the invoice, as lnd decodes it; a keysend has none.
2. `WantedPayment`: the amount, the limits and the user that the hub has decided on. The ledger reserves according to
   it, and lnd is called with it.
3. `PendingPayment`: the row of the ledger, which outlives the process, until the end is booked.
4. `node.Payment`: lnd's record, and nothing else, ends it. A payment between users has none.
5. `Paid`: the answer to the user, the same for a payment over the node and for one between users.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields
from datetime import datetime

from .db import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPayment:
    """An outgoing payment that is to be made.

    Attributes:
        kind: bolt11, keysend or internal.
        payment_hash: 32 bytes.
        payment_request: empty for keysend.
        destination: node id.
        amount_msat: the amount that the payee gets.
        request_amount_msat: the amount that the payment request names; 0 if it leaves the amount to the payer.
        preimage: the preimage of a keysend, which carries it.
        custom_records: the records of a keysend.
        send_before: the time after which lnd does not take it any more; None for an internal one.
        recovered: whether lnd has it already, and the ledger had lost it.
    """

    user_id: int
    kind: str
    payment_hash: bytes
    payment_request: str = ""
    destination: str
    amount_msat: int
    request_amount_msat: int = 0
    fee_limit_msat: int
    memo: str = ""
    description_hash: str = ""
    preimage: bytes = b""
    custom_records: t.Mapping[int, bytes] = field(default_factory=dict)
    send_before: datetime | None = None
    recovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPayment:
    """A payment whose end is not booked yet.

    Attributes:
        taken: whether the ledger has noted that lnd has had it.
        htlcs: parts into which lnd may split it, at most.
    """

    id: int
    user_id: int
    payment_hash: bytes
    amount_msat: int
    send_before: datetime
    taken: bool
    htlcs: int

    @classmethod
    def from_row(cls, row: Record) -> PendingPayment:
        """Return the payment of a row that has these columns."""
        return cls(**{column.name: row[column.name] for column in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment that was made."""

    payment_hash: bytes
    preimage: bytes
    amount_msat: int
    fee_msat: int
