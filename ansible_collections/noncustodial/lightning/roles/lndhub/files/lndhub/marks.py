# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks that the hub writes into lnd's own records, so that a ledger that has lost them can find out whose they are.

lnd keeps the preimage of each invoice, and with each payment a record for its first hop. Both hold the number of a
user, readable only with the ledger's key. The key is in the ledger, and so in every backup of it. A mark protects
nothing; it only serves to find the user again.
"""

from __future__ import annotations

import hmac
import secrets

from .db import Pool

_HALF_BYTES = 8
MARK_BYTES = 2 * _HALF_BYTES
"""Length of a mark, in bytes."""


def write(key: bytes, about: bytes, user_id: int) -> bytes:
    """Return the mark of a user on a record.

    Args:
        about: bytes that are known of the record and that no other record has.
    """
    number = user_id.to_bytes(_HALF_BYTES, "big")
    return _covered(key, about, number) + hmac.digest(key, b"of" + about + number, "sha256")[:_HALF_BYTES]


def read(key: bytes, about: bytes, mark: bytes) -> int | None:
    """Return the number of the user; None if it is no mark of this ledger."""
    if len(mark) != MARK_BYTES:
        return None
    user_id = int.from_bytes(_covered(key, about, mark[:_HALF_BYTES]), "big")
    return user_id if user_id < 2**63 and hmac.compare_digest(write(key, about, user_id), mark) else None


def _covered(key: bytes, about: bytes, number: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(number, hmac.digest(key, b"cover" + about, "sha256"), strict=False))


class Marks:
    """The marks of one ledger; its key is read when it is first needed."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._kept = pool, b""

    async def _key(self) -> bytes:
        if not self._kept:
            self._kept = bytes(await self._pool.fetchval("SELECT mark_key FROM progress"))
        return self._kept

    async def preimage(self, user_id: int) -> bytes:
        """Return a new preimage: half of it is random, which nobody can guess, and half of it is the mark."""
        about = secrets.token_bytes(32 - MARK_BYTES)
        return about + write(await self._key(), about, user_id)

    async def payee(self, preimage: bytes) -> int | None:
        """Return the user whose invoice has this preimage; None if it is not of this ledger."""
        return read(await self._key(), preimage[:-MARK_BYTES], preimage[-MARK_BYTES:])

    async def of_payment(self, payment_hash: bytes, user_id: int) -> bytes:
        """Return the mark of a payment."""
        return write(await self._key(), payment_hash, user_id)

    async def payer(self, payment_hash: bytes, mark: bytes) -> int | None:
        """Return the user who has made a payment; None if its mark is not of this ledger."""
        return read(await self._key(), payment_hash, mark)
